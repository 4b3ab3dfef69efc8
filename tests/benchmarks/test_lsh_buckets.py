from __future__ import annotations

import numpy as np
import pytest

from benchmarks.lsh_buckets import (
    PitmanYor,
    bucket_sizes,
    canonical_keys,
    distinct_partners,
    fit,
    keys_expected,
    partners,
    simulate,
)
from transforms.fingerprint import BANDS
from transforms.leader_kernel import LEADERS_PER_BUCKET

WORDS = [f"word{number}" for number in range(400)]


def text(seed: int) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, 120).tolist())


def seated(fitted: PitmanYor, documents: int, seed: int) -> np.ndarray:
    """Bucket sizes drawn from the process itself: the Chinese restaurant, guest by guest."""
    rng = np.random.default_rng(seed)
    sizes: list[int] = []
    for seen in range(documents):
        place = rng.random() * (seen + fitted.concentration)
        for number, size in enumerate(sizes):
            place -= size - fitted.discount
            if place < 0:
                sizes[number] += 1
                break
        else:
            sizes.append(1)
    return np.array(sizes, np.int64)


def test_duplicates_and_texts_without_words_are_in_no_bucket() -> None:
    keys = canonical_keys([text(1), text(2), text(1) + " end", "...", text(1).upper()])
    assert keys.shape == (2, BANDS)


def test_bucket_sizes_count_each_document_once() -> None:
    keys = np.array([7, 7, 9, 7, 1], np.uint32)
    assert sorted(bucket_sizes(keys).tolist()) == [1, 1, 3]


def test_partners_are_the_others_of_a_bucket() -> None:
    # Three of four documents meet two others each.
    assert partners([np.array([3, 1])]) == pytest.approx(6 / 4)


def test_a_partner_met_in_two_bands_counts_once() -> None:
    keys = np.array([[1, 1], [1, 1], [2, 3]], np.uint32)
    assert distinct_partners(keys) == pytest.approx(2 / 3)
    assert partners([bucket_sizes(keys[:, band]) for band in range(2)]) * 2 == pytest.approx(4 / 3)


def test_the_fit_finds_the_process_that_the_sizes_were_drawn_from() -> None:
    drawn = PitmanYor(0.6, 20.0)
    fitted = fit([seated(drawn, 2000, seed) for seed in range(6)])
    assert fitted.discount == pytest.approx(drawn.discount, abs=0.05)
    assert fitted.concentration == pytest.approx(drawn.concentration, rel=0.5)


def test_as_many_keys_are_expected_as_are_drawn() -> None:
    drawn = PitmanYor(0.6, 20.0)
    mean = np.mean([len(seated(drawn, 500, seed)) for seed in range(20)])
    assert keys_expected(drawn, 500) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize("sizes", [[1, 1, 1], [4]])
def test_sizes_that_tell_nothing_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="fitted only where"):
        fit([np.array(sizes)])


def test_the_same_seed_gives_the_same_figures() -> None:
    sizes = [np.array([5, 2, 1, 1, 1])]
    fitted = PitmanYor(0.5, 3.0)
    one, other = (
        simulate(sizes, fitted, 10**9, 32, np.random.default_rng(4), 1000) for _ in range(2)
    )
    assert one == other


def test_chance_meetings_are_the_documents_for_each_key() -> None:
    sizes = [np.ones(10, np.int64)]
    crowd = simulate(sizes, None, 10**10, 32, np.random.default_rng(0), 50_000)
    assert crowd.alike == 0
    assert crowd.chance == pytest.approx(10**10 / 2**32, rel=0.02)
    assert simulate(sizes, None, 10**10, 64, np.random.default_rng(0), 1000).met == 0


def test_buckets_that_do_not_grow_hold_as_many_as_measured() -> None:
    sizes = [np.array([3, 1])]
    crowd = simulate(sizes, None, 10**6, 64, np.random.default_rng(0), 50_000)
    assert crowd.alike == pytest.approx(partners(sizes), rel=0.03)


def test_growing_buckets_hold_more_in_proportion_and_are_met_up_to_the_limit() -> None:
    sizes = [seated(PitmanYor(0.6, 20.0), 2000, 1)]
    fitted = fit(sizes)
    small, large = (
        simulate(sizes, fitted, documents, 64, np.random.default_rng(2), 100_000)
        for documents in (2000, 2_000_000)
    )
    assert small.alike == pytest.approx(partners(sizes), rel=0.1)
    assert large.alike == pytest.approx(1000 * small.alike, rel=0.05)
    assert large.met <= LEADERS_PER_BUCKET
    assert large.full > 0.5
