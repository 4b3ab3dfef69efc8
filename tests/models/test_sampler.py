from pathlib import Path

import pytest
from corpus import GROUPS, HELD_OUT
from sampler import sampler


def test_sets_are_drawn_by_their_sentences_times_their_share(data: Path) -> None:
    texts = iter(sampler(GROUPS["made_up"], data, data, data, seed=0))
    languages = [next(texts).language for _ in range(3_000)]

    assert 1_800 < languages.count("en") < 2_200


def test_what_is_held_out_of_a_training_set_is_not_learnt(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HELD_OUT, "made_up.train", 4)
    sampled = sampler(GROUPS["made_up"], data, data, None, seed=0)
    assert [len(corpus) for corpus in sampled._corpora] == [6, 10]


def test_with_the_packages_sentences_begin_with_frequent_words(data: Path) -> None:
    def beginnings(sources: Path | None) -> set[str]:
        texts = iter(sampler(GROUPS["made_up"], data, data, sources, seed=0))
        return {next(texts).words[0] for _ in range(500)}

    assert not {"Meanwhile", "Demain"} & beginnings(None)
    assert {"Meanwhile", "Demain"} <= beginnings(data)
