"""How large the buckets of MinHash bands become: ``python -m benchmarks.lsh_buckets [--limit N]``.

The band keys of real pages are made as a run makes them, duplicates are taken out, and the sizes
of the buckets that are left are measured: these are the documents that a new one meets in the band
tables. From there to 10 G documents two things add up.

*Documents that have something in common.* How often they do in a corpus a million times as large
is not known, so there are two answers, and the truth is between them. ``as measured``: every
document meets as many as in the corpus, as new sites bring new templates. ``growing``: two
documents drawn at random share a bucket as often as two pages of the corpus do, so buckets grow
with the corpus. The sizes are then those of a Pitman-Yor process (Pitman and Yor 1997, "The
two-parameter Poisson-Dirichlet distribution"), fitted by maximum likelihood and continued from
the measured sizes by its posterior (Pitman 1996, "Some developments of the Blackwell-MacQueen urn
scheme"): it knows that most keys of a larger corpus are such as the small one has not.

*Documents that have nothing in common but the key*, by chance: N / 2**bits of them in each bucket,
Poisson distributed, as keys are hashes.

The same seed gives the same figures.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import lgamma, log
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.corpora import book_pages, manual_pages
from benchmarks.duplicates_recall import thinned
from transforms.clusters import buckets, elect, ranks
from transforms.fingerprint import BANDS, content_hash, fingerprints, shingles
from transforms.leader_kernel import LEADERS_PER_BUCKET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SEED = 1997
DRAWS = 210_000
CORPORA = (1_000_000, 100_000_000, 10_000_000_000)
KEY_BITS = (32, 40, 64)


@dataclass(frozen=True, slots=True)
class PitmanYor:
    """The two parameters of the process: ``0 < discount < 1`` and ``concentration > 0``."""

    discount: float
    concentration: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a document meets in one bucket: means over simulated documents.

    ``alike`` share the band with it, ``chance`` the key alone, ``met`` are both together, but at
    most ``LEADERS_PER_BUCKET``; ``full`` is the part of the buckets that hold more than that.
    """

    alike: float
    chance: float
    met: float
    full: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="use only every nth page, so that N remain")
    pages = thinned([*manual_pages(), *book_pages()], parser.parse_args().limit)
    keys = canonical_keys([page.text for page in pages])
    sizes = [bucket_sizes(keys[:, band]) for band in range(BANDS)]
    measured = np.concatenate(sizes)
    fitted = fit(sizes)
    print(f"{len(pages):,} pages, {len(keys):,} of them canonical and with words")
    print(f"keys of a band: {len(measured) / BANDS:,.0f}; their documents:")
    for size in (1, 2, 3, 5, 10, 100, LEADERS_PER_BUCKET + 1):
        share = measured[measured >= size].sum() / measured.sum()
        print(f"  in buckets of {size:>3} or more {share:9.4%}")
    print(f"largest bucket: {measured.max():,}")
    print(f"others met, all bands together: {partners(sizes) * BANDS:.3f} a document,")
    print(f"  each counted once: {distinct_partners(keys):.3f}")
    print(f"fitted: discount {fitted.discount:.4f}, concentration {fitted.concentration:,.0f}")
    print(check(keys, np.random.default_rng(SEED)))
    for bits in KEY_BITS:
        print(f"\nkeys of {bits} bits; a document meets in its {BANDS} buckets:")
        print(f"{'documents':>16}{'growth':>13}{'alike':>14}{'chance':>11}{'met':>9}{'full':>9}")
        for documents in CORPORA:
            for growing in (False, True):
                rng = np.random.default_rng(SEED)
                crowd = simulate(sizes, fitted if growing else None, documents, bits, rng)
                print(
                    f"{documents:16,}{'growing' if growing else 'as measured':>13}"
                    f"{crowd.alike * BANDS:14,.2f}{crowd.chance * BANDS:11,.2f}"
                    f"{crowd.met * BANDS:9,.1f}{crowd.full:9.3%}"
                )


def canonical_keys(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Band keys of the texts that have words and are nobody's duplicates, a row for each."""
    keys, filled = fingerprints(texts)
    rows = np.flatnonzero(filled)
    lengths = np.array([len(text) for text in texts], np.int64)
    nothing = np.zeros(len(texts), np.int64)
    none = nothing.astype(np.bool_)
    verdicts = elect(
        ranks(none, nothing, nothing, lengths, np.arange(len(texts))),
        [buckets(keys[rows, band], rows) for band in range(keys.shape[1])],
        np.array([content_hash(text) for text in texts]),
        none,
        lengths,
        lambda wanted: [shingles(texts[row]) for row in wanted],
    )
    return keys[filled & (verdicts.canonical < 0)]


def bucket_sizes(keys: NDArray[np.uint32]) -> NDArray[np.int64]:
    """How many documents have each of the keys of one band."""
    return np.unique(keys, return_counts=True)[1].astype(np.int64)


def partners(sizes: Sequence[NDArray[np.int64]]) -> float:
    """How many others a document meets in a bucket: the mean over documents and bands."""
    measured = np.concatenate(sizes)
    return float((measured * (measured - 1)).sum() / measured.sum())


def distinct_partners(keys: NDArray[np.uint32]) -> float:
    """How many others a document meets in any of its buckets, each counted once: the mean."""
    pairs = [np.empty(0, np.int64)]
    for band in range(keys.shape[1]):
        found = buckets(keys[:, band], np.arange(len(keys)))
        for start, end in zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True):
            rows = np.sort(found.rows[start:end])
            first, second = np.triu_indices(len(rows), 1)
            pairs.append(rows[first] * len(keys) + rows[second])
    return 2 * len(np.unique(np.concatenate(pairs))) / len(keys)


def fit(sizes: Sequence[NDArray[np.int64]]) -> PitmanYor:
    """The process under which the bucket sizes of some bands are likeliest together.

    The likelihood of a partition is Pitman's sampling formula; it is maximised over a grid that
    closes in on the best point.

    Raises:
        ValueError: no document shares a bucket, or all share one: there is nothing to fit.
    """
    if all(each.max() == 1 for each in sizes) or all(len(each) == 1 for each in sizes):
        raise ValueError("buckets can be fitted only where some documents share one, and not all")
    counted = [np.unique(each, return_counts=True) for each in sizes]
    totals = [(len(each), int(each.sum())) for each in sizes]

    def likelihood(discount: float, concentration: float) -> float:
        found = 0.0
        for (keys, documents), (values, times) in zip(totals, counted, strict=True):
            found += keys * log(discount) - lgamma(concentration + documents)
            found += lgamma(concentration / discount + keys) - lgamma(concentration / discount)
            found += lgamma(concentration) - keys * lgamma(1 - discount)
            found += sum(
                time * lgamma(value - discount)
                for value, time in zip(values.tolist(), times.tolist(), strict=True)
            )
        return found

    # The discount as the logarithm of what it lacks to 1, the concentration as its logarithm.
    centre, width = np.array([-3.0, 6.0]), np.array([5.0, 12.0])
    for _ in range(12):
        lacks = centre[0] + np.linspace(-1, 1, 11) * width[0]
        logs = centre[1] + np.linspace(-1, 1, 11) * width[1]
        points = [(a, b) for a in lacks[lacks < -1e-6].tolist() for b in logs.tolist()]
        centre = np.array(
            max(points, key=lambda p: likelihood(1 - float(np.exp(p[0])), float(np.exp(p[1]))))
        )
        width = width * 0.5
    return PitmanYor(1 - float(np.exp(centre[0])), float(np.exp(centre[1])))


def keys_expected(fitted: PitmanYor, documents: int) -> float:
    """How many keys so many documents have in a band, on average (Pitman 2006, section 3.3)."""
    a, b = fitted.discount, fitted.concentration
    grown = lgamma(b + documents + a) - lgamma(b + documents) + lgamma(b + 1) - lgamma(b + a)
    return float((np.exp(grown) - b) / a)


def check(keys: NDArray[np.uint32], rng: np.random.Generator) -> str:
    """Say how well a process fitted to a quarter of the documents foretells all of them."""
    some = rng.permutation(len(keys))[: len(keys) // 4]
    fitted = fit([bucket_sizes(keys[some, band]) for band in range(keys.shape[1])])
    real = np.mean([len(np.unique(keys[:, band])) for band in range(keys.shape[1])])
    repeated = (len(keys) - keys_expected(fitted, len(keys))) / (len(keys) - real)
    return (
        "documents whose key an earlier one has, foretold from a quarter of the documents ÷ "
        f"counted: {repeated:.2f}"
    )


def simulate(
    sizes: Sequence[NDArray[np.int64]],
    fitted: PitmanYor | None,
    documents: int,
    bits: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Crowd:
    """Draw documents of a larger corpus, and count whom each meets in one of its buckets.

    Args:
        sizes: the measured sizes of each band, with the same number of documents each.
        fitted: the process by which buckets grow; None for buckets as large as measured.
        documents: size of the larger corpus.
        bits: width of a key.
        rng: where the draws come from.
        draws: number of documents drawn.
    """
    each = [
        _as_measured(band, draws // len(sizes), rng)
        if fitted is None
        else rng.binomial(documents - 1, _frequencies(band, fitted, draws // len(sizes), rng))
        for band in sizes
    ]
    alike = np.concatenate(each)
    chance = rng.poisson(documents / 2.0**bits, len(alike))
    together = alike + chance
    return Crowd(
        float(alike.mean()),
        float(chance.mean()),
        float(np.minimum(together, LEADERS_PER_BUCKET).mean()),
        float((together > LEADERS_PER_BUCKET).mean()),
    )


def _as_measured(
    sizes: NDArray[np.int64], draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Others in the buckets of documents drawn from the measured ones."""
    return rng.choice(sizes, draws, p=sizes / sizes.sum()) - 1


def _frequencies(
    sizes: NDArray[np.int64], fitted: PitmanYor, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Parts of an endless corpus that have the key of documents drawn from it.

    A document falls into a measured bucket of s documents with a weight of s - discount, or into
    one not seen yet; given that, the frequency of its bucket is a product of beta variables.
    """
    a, b = fitted.discount, fitted.concentration
    documents, keys = int(sizes.sum()), len(sizes)
    weights = sizes - a
    seen = rng.random(draws) < weights.sum() / (documents + b)
    of = rng.choice(weights, draws, p=weights / weights.sum())
    old = rng.beta(of + 1, documents + b - of)
    rest = rng.beta(b + a * keys + 1, documents - a * keys, draws)
    new = rest * rng.beta(1 - a, b + a * keys + a, draws)
    return np.where(seen, old, new)


if __name__ == "__main__":
    main()
