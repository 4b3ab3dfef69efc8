"""The election against a plain greedy one, in any order, and at a size that squares would show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms.clusters import Buckets, Verdicts, buckets, elect, ranks
from transforms.fingerprint import BANDS, band_hashes, content_hash, jaccard, shingles, signature
from transforms.leader_kernel import LEADERS_PER_BUCKET, VERIFIED_PER_ROW

WORDS = [f"w{number}" for number in range(30)]
NOW = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Page:
    """A document as the election sees it."""

    id: str
    text: str
    published: bool = False
    priority: int = 0


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile before hypothesis looks at the clock."""
    held([Page("a", "one two three"), Page("b", "one two three!")])


def held(
    pages: list[Page], threshold: float = 0.8, everybody_meets: bool = False, memory: int = 1 << 20
) -> dict[str, tuple[str | None, float]]:
    """Elect as the pipeline does; id -> (id of the canonical or None, similarity)."""
    sets = [shingles(page.text) for page in pages]
    rows = np.arange(len(pages))
    if everybody_meets:
        candidates = [Buckets(rows, np.array([0, len(rows)]))]
    else:
        with_words = np.array([row for row in rows if len(sets[row])], np.int64)
        keys = [band_hashes(signature(sets[row])) for row in with_words]
        bands = np.array(keys, np.uint32).reshape(-1, BANDS).T
        candidates = [buckets(band, with_words) for band in bands]
    verdicts = elect(
        order_of(pages),
        candidates,
        np.array([content_hash(page.text) for page in pages]),
        np.array([page.published for page in pages], np.bool_),
        np.array([len(page.text) for page in pages], np.int64),
        lambda wanted: [sets[row] for row in wanted],
        threshold,
        memory,
    )
    return {
        page.id: (pages[canonical].id if canonical >= 0 else None, float(similarity))
        for page, canonical, similarity in zip(
            pages, verdicts.canonical, verdicts.similarity, strict=True
        )
    }


def order_of(pages: list[Page]) -> NDArray[np.int64]:
    return ranks(
        np.array([page.published for page in pages], np.bool_),
        np.array([page.priority for page in pages], np.int64),
        np.full(len(pages), NOW),
        np.array([len(page.text) for page in pages], np.int64),
        np.array([page.id for page in pages]),
    )


def plainly(pages: list[Page], threshold: float) -> dict[str, tuple[str | None, float]]:
    """The rule as one would say it: all pairs, sets of words, no buckets, no sketches."""

    def words(text: str) -> set[tuple[str, ...]]:
        tokens = text.casefold().replace("!", " ").split()
        return {tuple(tokens[i : i + 5]) for i in range(max(len(tokens) - 4, 1))} - {()}

    def alike(one: Page, other: Page) -> float:
        a, b = words(one.text), words(other.text)
        return len(a & b) / len(a | b) if a | b else 0.0

    def sort_key(page: Page) -> tuple[bool, int, int, str]:
        return (not page.published, page.priority, -len(page.text), page.id)

    outcome: dict[str, tuple[str | None, float]] = {}
    first_with: dict[str, Page] = {}
    leaders: list[Page] = []
    for page in sorted(pages, key=sort_key):
        content = " ".join(page.text.casefold().split())
        original = first_with.setdefault(content, page)
        if original is not page and not page.published:
            canonical, similarity = outcome[original.id]
            outcome[page.id] = (canonical, similarity) if canonical else (original.id, 1.0)
            continue
        best, highest = None, 0.0
        if not page.published:
            for leader in leaders:
                similarity = alike(page, leader)
                if similarity >= threshold and similarity > highest:
                    best, highest = leader.id, similarity
        outcome[page.id] = (best, highest)
        if best is None:
            leaders.append(page)
    return outcome


@st.composite
def libraries(draw: st.DrawFn) -> list[Page]:
    """Pages of which many are copies of others, with a few words changed, or none."""
    contents = [draw(st.lists(st.sampled_from(WORDS), max_size=30))]
    for _ in range(draw(st.integers(1, 14))):
        words = list(draw(st.sampled_from(contents)))
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(words)))
            words[at : at + draw(st.integers(0, 1))] = [draw(st.sampled_from(WORDS))]
        contents.append(words)
    pages = []
    for number, words in enumerate(contents):
        text = draw(st.sampled_from([" ", "  ", "! "])).join(words)
        published, priority = draw(st.booleans()), draw(st.integers(0, 1))
        pages.append(Page(f"{number:02d}", draw(st.sampled_from([text, text.upper()])),
                          published and priority > 0, priority))  # fmt: skip
    return pages


@given(libraries(), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@settings(deadline=None, max_examples=300)
def test_the_election_is_the_greedy_one_when_everybody_meets(
    pages: list[Page], threshold: float
) -> None:
    expected, found = plainly(pages, threshold), held(pages, threshold, everybody_meets=True)
    assert {name: one[0] for name, one in found.items()} == {
        name: one[0] for name, one in expected.items()
    }
    assert [one[1] for one in found.values()] == pytest.approx(
        [expected[name][1] for name in found]
    )


@given(libraries(), st.randoms(use_true_random=False), st.sampled_from([0.5, 0.8]))
@settings(deadline=None)
def test_neither_input_order_nor_memory_change_the_result(
    pages: list[Page], random: object, threshold: float
) -> None:
    shuffled = list(pages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    expected = held(pages, threshold)
    assert held(shuffled, threshold) == expected
    assert held(shuffled, threshold, memory=1) == expected
    assert held(shuffled, threshold, memory=1000) == expected


@given(libraries(), st.sampled_from([0.3, 0.8]))
@settings(deadline=None)
def test_a_page_goes_only_for_one_that_stays_and_resembles_it(
    pages: list[Page], threshold: float
) -> None:
    outcome = held(pages, threshold)
    page_of = {page.id: page for page in pages}
    for name, (canonical, similarity) in outcome.items():
        if canonical is None:
            continue
        page, other = page_of[name], page_of[canonical]
        assert not page.published
        assert outcome[canonical] == (None, 0)
        same_content = content_hash(page.text) == content_hash(other.text)
        true = 1.0 if same_content else jaccard(shingles(page.text), shingles(other.text))
        assert true >= threshold
        assert similarity == pytest.approx(true)


@given(libraries())
@settings(deadline=None)
def test_of_equal_contents_all_but_published_ones_and_one_go(pages: list[Page]) -> None:
    outcome = held(pages)
    for page in pages:
        twins = [p for p in pages if content_hash(p.text) == content_hash(page.text)]
        staying = [p for p in twins if outcome[p.id][0] is None]
        assert len(staying) <= max(1, sum(p.published for p in twins))


def test_there_are_no_chains() -> None:
    words = [f"word{number}" for number in range(200)]
    texts = [" ".join([*words, *(f"more{i}" for i in range(40 * step))]) for step in range(4)]
    pages = [Page(str(step), text) for step, text in enumerate(texts)]
    sets = [shingles(text) for text in texts]
    assert all(jaccard(a, b) >= 0.8 for a, b in pairwise(sets))
    assert jaccard(sets[3], sets[0]) < 0.8
    outcome = held(pages)
    # The longest leads; what resembles only a removed page stays.
    assert [outcome[name][0] for name in "3210"] == [None, "3", None, "1"]


@pytest.mark.parametrize(
    ("of_first", "of_second", "expected"), [(11, 11, "first"), (11, 9, "second")]
)
def test_of_two_canonicals_the_more_similar_is_named_and_of_equal_ones_the_earlier(
    of_first: int, of_second: int, expected: str
) -> None:
    """Over and over, as the sketches sometimes have it the other way round."""
    for number in range(30):
        words = [f"w{number}x{place}" for place in range(100)]
        pages = [
            Page("first", " ".join(["other"] * of_first + words[of_first:])),
            Page("second", " ".join(words[:-of_second] + ["changed"] * of_second), priority=1),
            Page("third", " ".join(words), priority=2),
        ]
        outcome = held(pages, everybody_meets=True)
        assert outcome["second"][0] is None
        assert outcome["third"][0] == expected


def test_texts_without_words_are_duplicates_only_of_equal_ones() -> None:
    pages = [Page("a", "?!"), Page("b", "?!"), Page("c", "…"), Page("d", ""), Page("e", " ")]
    assert held(pages, everybody_meets=True) == {
        "a": (None, 0), "b": ("a", 1), "c": (None, 0), "d": ("e", 1), "e": (None, 0),
    }  # fmt: skip


def test_published_pages_lead_and_are_never_merged() -> None:
    text = " ".join(WORDS)
    pages = [Page("new", text + " and more"), Page("p1", text, True), Page("p2", text, True)]
    assert held(pages) == {"new": ("p1", pytest.approx(26 / 28)), "p1": (None, 0), "p2": (None, 0)}


def test_the_order_is_published_priority_date_length_id() -> None:
    order = ranks(
        np.array([False, False, False, False, False, True]),
        np.array([0, 0, 0, 0, 1, 9]),
        np.array([NOW, 5, NOW, NOW, 1, NOW]),
        np.array([10, 1, 10, 11, 99, 1]),
        np.array(["b", "z", "a", "c", "d", "e"]),
    )
    assert order.tolist() == [4, 1, 3, 2, 5, 0]


@given(st.lists(st.integers(0, 9), max_size=40))
def test_buckets_hold_exactly_the_rows_that_share_a_key(keys: list[int]) -> None:
    rows = np.arange(len(keys)) * 10
    found = buckets(np.array(keys, np.uint32), rows)
    groups = np.split(found.rows, found.offsets[1:-1]) if len(found.rows) else []
    expected = {key: [i * 10 for i, k in enumerate(keys) if k == key] for key in set(keys)}
    assert sorted(map(list, groups)) == sorted(g for g in expected.values() if len(g) > 1)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01])
def test_a_threshold_outside_0_to_1_raises_value_error(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        held([Page("a", "text")], threshold)


def crowd(rows: int, of_core: int, core_is_fixed: bool) -> tuple[Verdicts, list[int]]:
    """Elect among rows of 60 shingles of which ``of_core`` are from a common pool of 60."""
    rng = np.random.default_rng(3)
    core = rng.integers(0, 1 << 64, 60, dtype=np.uint64)
    sets = []
    for _ in range(rows):
        kept = core if core_is_fixed else rng.permutation(core)
        own = rng.integers(0, 1 << 64, 60 - of_core, dtype=np.uint64)
        sets.append(np.sort(np.concatenate((kept[:of_core], own))))
    keys = np.array([band_hashes(signature(each)) for each in sets])
    everyone = np.arange(rows)
    loaded: list[int] = []

    def load(wanted: NDArray[np.int64]) -> list[NDArray[np.uint64]]:
        loaded.append(len(wanted))
        return [sets[row] for row in wanted]

    verdicts = elect(
        everyone,
        [buckets(band, everyone) for band in keys.T],
        everyone,
        np.zeros(rows, np.bool_),
        np.full(rows, 360),
        load,
        memory=4 << 20,
    )
    return verdicts, loaded


def test_a_bucket_of_100_000_near_identical_rows_costs_a_comparison_or_two_each() -> None:
    verdicts, loaded = crowd(100_000, of_core=59, core_is_fixed=False)
    assert np.count_nonzero(verdicts.canonical < 0) <= 3
    assert verdicts.sketched <= 4 * 100_000
    assert verdicts.verified <= 2 * 100_000
    assert sum(loaded) == 100_000


def test_rows_alike_but_below_the_threshold_cost_no_more_each_when_they_are_ten_times_as_many() -> (
    None
):
    few, _ = crowd(3_000, of_core=49, core_is_fixed=True)
    many, loaded = crowd(30_000, of_core=49, core_is_fixed=True)
    assert np.all(many.canonical == -1)
    assert many.verified <= VERIFIED_PER_ROW * 30_000
    assert many.sketched <= 2 * BANDS * LEADERS_PER_BUCKET * 30_000
    assert many.sketched / 30_000 <= 2 * few.sketched / 3_000
    assert sum(loaded) <= 1.5 * 30_000
    assert max(loaded) * 60 * 8 <= 4 << 20
