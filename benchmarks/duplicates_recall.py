"""Duplicates and languages of Debian's documentation against the truth.

``python -m benchmarks.duplicates_recall [--limit N]`` compares the election with exact all-pairs
Jaccard similarity, and the languages detected in manual pages with the names of their directories.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.corpora import Page, book_pages, manual_pages
from transforms.clusters import THRESHOLD, buckets, elect, ranks
from transforms.fingerprint import BANDS, ROWS, content_hash, fingerprints, jaccard, shingles

if TYPE_CHECKING:
    from numpy.typing import NDArray

STUB = 500
"""Characters below which a page hardly has a language of its own to tell."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="use only every nth page, so that N remain")
    limit = parser.parse_args().limit
    pages = thinned(manual_pages(), limit)
    print("Debian's manual pages")
    duplicates(pages)
    languages(pages)
    print(
        "\nDebian's books and the Python documentation: half-translated pages, so more near pairs"
    )
    duplicates(thinned(book_pages(), limit))


def thinned(pages: list[Page], limit: int | None) -> list[Page]:
    """Return ``limit`` pages from all over the corpus; all of them if there is no limit."""
    return pages[:: max(1, len(pages) // limit)][:limit] if limit else pages


def duplicates(pages: list[Page]) -> None:
    """Print recall and precision of the duplicates found among the pages."""
    started = time.perf_counter()
    keys, filled = fingerprints([page.text for page in pages])
    hashes = np.array([content_hash(page.text) for page in pages])
    hashed = time.perf_counter() - started
    sets = [shingles(page.text) for page in pages]
    sizes = np.array([len(page.text) for page in pages])
    nothing = np.zeros(len(pages), np.int64)
    order = ranks(
        nothing.astype(np.bool_), nothing, nothing, sizes, np.array([page.path for page in pages])
    )
    started = time.perf_counter()
    rows = np.flatnonzero(filled)
    candidates = [buckets(keys[rows, band], rows) for band in range(BANDS)]
    verdicts = elect(
        order,
        candidates,
        hashes,
        nothing.astype(np.bool_),
        sizes,
        lambda wanted: [sets[row] for row in wanted],
    )
    elected = time.perf_counter() - started

    by_order = np.argsort(order)
    _, firsts = np.unique(hashes[by_order], return_index=True)
    distinct = by_order[np.sort(firsts)]
    started = time.perf_counter()
    pairs = distinct[exact_pairs([sets[row] for row in distinct])]
    compared = time.perf_counter() - started
    met = np.any(keys[pairs[:, 0]] == keys[pairs[:, 1]], axis=1)
    removed = verdicts.canonical >= 0
    found = removed[pairs].any(axis=1)
    ours = set(distinct[removed[distinct]].tolist())
    exact = greedy(pairs, order)
    near = sorted(ours)
    true = [jaccard(sets[row], sets[verdicts.canonical[row]]) for row in near]

    total = len(pairs)
    line("pages", len(pages))
    line("  of different content", len(distinct))
    line(f"pairs of those at J >= {THRESHOLD}", total, f"all compared, in {compared:.1f} s")
    line(
        f"  that share one of {BANDS} x {ROWS} bands", int(met.sum()), share(int(met.sum()), total)
    )
    line("  with a page removed: recall", int(found.sum()), share(int(found.sum()), total))
    line("pages removed", int(removed.sum()))
    line("  as near-duplicates", len(ours))
    line("  by the leader rule on all pairs", len(exact), f"{len(ours & exact):,} of them by both")
    line("lowest similarity to a canonical", f"{min(true, default=1.0):.4f}")
    line("pairs compared by sketch", verdicts.sketched)
    line("pairs compared by true sets", verdicts.verified)
    line("fingerprints and content hashes", f"{hashed:.2f} s")
    line("election, shingles at hand", f"{elected:.2f} s")


def languages(pages: list[Page]) -> None:
    """Print how often the detected language is that of the page's directory."""
    from transforms.language import detect

    texts = list(dict.fromkeys((page.language, page.text) for page in pages))
    started = time.perf_counter()
    found = {key: detect(key[1]).language for key in texts}
    seconds = time.perf_counter() - started
    wrong = [page for page in pages if found[page.language, page.text] != page.language]
    stubs = [page for page in wrong if len(page.text) < STUB]
    line("languages right", len(pages) - len(wrong), share(len(pages) - len(wrong), len(pages)))
    line(f"  wrong, under {STUB} characters", len(stubs))
    line("detection, each text once", f"{seconds:.1f} s", f"{len(texts) / seconds:,.0f} a second")
    confused = Counter((page.language, found[page.language, page.text]) for page in wrong)
    for (expected, told), count in confused.most_common(12):
        examples = [
            page.path for page in wrong
            if (page.language, found[page.language, page.text]) == (expected, told)
        ]  # fmt: skip
        line(f"  {expected} taken for {told}", count, ", ".join(examples[:3]))


def exact_pairs(sets: list[NDArray[np.uint64]]) -> NDArray[np.int64]:
    """Return all pairs of sets whose Jaccard similarity is at or above the threshold, as rows.

    By prefix filtering (Bayardo, Ma and Srikant 2007), which loses none: with shingles in one
    order, the rarest first, two sets that are alike enough share one among their first few.
    """
    values, counts = np.unique(np.concatenate(sets), return_counts=True)
    having: defaultdict[int, list[int]] = defaultdict(list)
    pairs = []
    for row in sorted(range(len(sets)), key=lambda row: len(sets[row])):
        ours = sets[row]
        rarity = counts[np.searchsorted(values, ours)]
        first = len(ours) - int(np.ceil(THRESHOLD * len(ours) - 1e-9)) + 1 if len(ours) else 0
        rarest = ours[np.lexsort((ours, rarity))][:first].tolist()
        for other in {other for shingle in rarest for other in having[shingle]}:
            alike_in_size = len(sets[other]) >= THRESHOLD * len(ours)
            if alike_in_size and jaccard(ours, sets[other]) >= THRESHOLD:
                pairs.append((row, other))
        for shingle in rarest:
            having[shingle].append(row)
    return np.array(pairs, np.int64).reshape(-1, 2)


def greedy(pairs: NDArray[np.int64], order: NDArray[np.int64]) -> set[int]:
    """Return whom the leader rule removes, given all similar pairs."""
    earlier: defaultdict[int, list[int]] = defaultdict(list)
    for a, b in pairs.tolist():
        first, second = (a, b) if order[a] < order[b] else (b, a)
        earlier[second].append(first)
    removed: set[int] = set()
    for row in sorted(earlier, key=lambda row: order[row]):
        if any(leader not in removed for leader in earlier[row]):
            removed.add(row)
    return removed


def line(what: str, figure: int | str, remark: str = "") -> None:
    """Print one line of the table."""
    shown = figure if isinstance(figure, str) else f"{figure:,}"
    print(f"{what:36} {shown:>10}   {remark}".rstrip())


def share(part: int, whole: int) -> str:
    """Return a part in per cent."""
    return f"{part / max(whole, 1):.2%}"


if __name__ == "__main__":
    main()
