from __future__ import annotations

import re
import time
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.agreement import agree
from transforms.document import ENTITY_LABELS, Entity

MARKED = re.compile(r"\[([^\]]+)/(\w+)\]")


def passage(marked: str) -> tuple[str, list[Entity]]:
    """Text and entities of ``[Macron/PER] spoke``."""
    text, entities, done = "", [], 0
    for mark in MARKED.finditer(marked):
        text += marked[done : mark.start()]
        entities.append(Entity(mark[1], mark[2], len(text), len(text) + len(mark[1])))
        text += mark[1]
        done = mark.end()
    return text + marked[done:], entities


def agreed(*marked: str) -> list[str]:
    """The same texts, marked with what was agreed upon."""
    passages = [passage(one) for one in marked]
    results = []
    for (text, _), entities in zip(passages, agree(passages), strict=True):
        for entity in reversed(entities):
            assert text[entity.start : entity.end] == entity.text
            text = f"{text[: entity.start]}[{entity.text}/{entity.label}]{text[entity.end :]}"
        results.append(text)
    return results


def test_what_agrees_is_left_alone() -> None:
    marked = "[Ann Lee/PER] of [Acme/ORG] in [Paris/LOC], then [Rome/LOC]"
    assert agreed(marked) == [marked]
    assert agreed("", "no names") == ["", "no names"]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[Tuttavia/PER] no, e tuttavia", "Tuttavia no, e tuttavia"),
        ("Sì. «[Vorrei/LOC] dire» vorrei", "Sì. «Vorrei dire» vorrei"),
        ("Sì\n\n[Vorrei/LOC] dire, vorrei", "Sì\n\nVorrei dire, vorrei"),
        ("[Apple/ORG] eats an apple. An [Apple/ORG]", None),
        ("Dear [Rose/PER], a rose", None),
        ("[Tuttavia/PER] no", None),
        ("[Rose Lee/PER] has a rose lee", None),
        ("[NATO/ORG]. [IX/ORG]. nato ix", None),
    ],
)
def test_a_common_word_at_the_beginning_of_a_sentence_is_no_name(
    marked: str, expected: str | None
) -> None:
    assert agreed(marked) == [expected or marked]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[Emmanuel Macron/PER]. [Macron/ORG]", "PER"),
        ("[Emmanuel Macron/PER]. [Macron/ORG] [Macron/ORG]", "ORG"),
        ("[Emmanuel Macron/PER]. [Emmanuel  Macron/PER]. [Macron/ORG] [Macron/ORG]", "PER"),
        ("[Ursula von der Leyen/PER]. [von der Leyen/LOC]", "PER"),
        ("[Macron France/PER]. [Macron/ORG]", "ORG"),
        ("[Banque Macron/ORG]. [Macron/LOC]", "LOC"),
    ],
)
def test_a_last_name_is_the_persons(marked: str, expected: str) -> None:
    assert agreed(marked)[0].endswith(f"/{expected}]")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("PER PER ORG", "PER PER PER"),
        ("PER PER LOC ORG", "PER PER LOC ORG"),
        ("PER PER PER PER LOC ORG", "PER PER PER PER PER PER"),
        ("LOC LOC PER", "LOC LOC LOC"),
        ("LOC LOC LOC LOC ORG PER", "LOC LOC LOC LOC ORG LOC"),
        ("LOC LOC LOC LOC ORG", "LOC LOC LOC LOC ORG"),
        ("PER ORG", "PER ORG"),
    ],
)
def test_two_thirds_decide_whether_it_is_a_person(labels: str, expected: str) -> None:
    marked = ", ".join(f"[Orban/{label}]" for label in labels.split())
    assert agreed(marked) == [", ".join(f"[Orban/{label}]" for label in expected.split())]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("then Biden left", "then [Biden/PER] left"),
        ("then Biden's plan", "then [Biden/PER]'s plan"),
        ("after Joe Smith left", "after [Joe Smith/PER] left"),
        ("then Biden, Ann and I", "then [Biden/PER], Ann and I"),
        ("d'Biden", "d'[Biden/PER]"),
        ("then biden left", "then biden left"),
        ("then BIDEN left", "then BIDEN left"),
        ("then Bidens left", "then Bidens left"),
        ("the pro-Biden camp", "the pro-Biden camp"),
        ("the Biden-led camp", "the Biden-led camp"),
        ("see biden.Biden", "see biden.Biden"),
        ("see @Biden", "see @Biden"),
        ("at the Biden Center", "at the Biden Center"),
        ("at the Radical Biden", "at the Radical Biden"),
        ("the [Biden Trust/ORG] and", "the [Biden Trust/ORG] and"),
    ],
)
def test_a_name_that_was_missed_is_added_where_it_stands_alone(rest: str, expected: str) -> None:
    known = "[Biden/PER] and [Biden/PER] and [Joe Smith/PER] and [Joe Smith/PER] and "
    assert agreed(known + rest) == [known + expected]


@pytest.mark.parametrize(
    "marked",
    [
        "[Biden/PER], then Biden left",
        "[Paris/LOC], [Paris/LOC], [Paris/ORG], then Paris left",
        "[US/LOC], [US/LOC], then US met us",
        "[X/LOC], [X/LOC], then X left",
        "[web/ORG], [web/ORG], then web left",
        "[Acme/ORG], [Acme/ORG], then Acme, or Acme, left",
    ],
    ids=["once", "two labels", "lower case", "one letter", "no capital", "mostly missed"],
)
def test_a_name_is_not_added_where_that_is_not_sure(marked: str) -> None:
    assert agreed(marked) == [marked]


def test_title_and_text_agree() -> None:
    assert agreed("On why Macron won", "[Macron/PER] and [Macron/PER]") == [
        "On why [Macron/PER] won",
        "[Macron/PER] and [Macron/PER]",
    ]
    assert agreed("[Macron/ORG] wins", "[Emmanuel Macron/PER]")[0] == "[Macron/PER] wins"


WORDS = st.sampled_from(["Ann", "Lee", "Ann Lee", "ann", "in", "NATO", "x", "東京", "O'Neil"])
BETWEEN = st.sampled_from([" ", ", ", "-", "\n", "'s ", ". ", ""])
LABELS = st.sampled_from(["", "", *ENTITY_LABELS])
TEXTS = st.lists(st.tuples(WORDS, LABELS, BETWEEN), max_size=30).map(
    lambda parts: "".join(f"[{w}/{label}]{b}" if label else f"{w}{b}" for w, label, b in parts)
)


@given(st.lists(TEXTS, min_size=1, max_size=2))
def test_entities_stay_exact_apart_and_in_order_and_only_words_are_lost(marked: list[str]) -> None:
    passages = [passage(one) for one in marked]
    for (text, before), after in zip(passages, agree(passages), strict=True):
        lost = {(e.start, e.end) for e in before} - {(e.start, e.end) for e in after}
        assert all(text[start:end].istitle() for start, end in lost)
        assert all(text[e.start : e.end] == e.text for e in after)
        assert all(one.end <= other.start for one, other in pairwise(after))
        assert Counter(e.label for e in after).keys() <= set(ENTITY_LABELS)


def test_time_is_in_proportion_to_the_length() -> None:
    """Every word a name, all names of one first word, most of them missed."""
    known = " and ".join(f"[Ann N{i}/PER] or [Ann N{i}/PER]" for i in range(2_000))

    def seconds(times: int) -> float:
        text, entities = passage(known)
        text += " and Ann N7 met" * times
        started = time.process_time()
        agree([(text, entities)])
        return time.process_time() - started

    seconds(1_000)
    assert seconds(100_000) < 30 * max(seconds(10_000), 0.05)
