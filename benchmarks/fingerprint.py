"""Speed of the fingerprint kernel on one core: ``python -m benchmarks.fingerprint``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from benchmarks.corpora import manual_pages
from transforms.fingerprint import content_hash, fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CHARACTERS = 3300
DOCUMENTS = 4000
ROUNDS = 5
BATCH = 500


def main() -> None:
    started = time.perf_counter()
    fingerprints(["warm up"])
    print(
        f"first call of this process, with what it compiles: {time.perf_counter() - started:.2f} s"
    )
    pages = manual_pages()
    print(f"documents a second, of {CHARACTERS} characters, best of {ROUNDS} rounds on one core:")
    print(f"{'text':10} {'fingerprints':>12} {'content hash':>12} {'both':>8}")
    for name, languages in (("English", "en"), ("French", "fr"), ("Russian", "ru"), ("all", "")):
        texts = [page.text for page in pages if page.language == languages or not languages]
        documents = _cut("\n".join(dict.fromkeys(texts)))
        batches = [documents[i : i + BATCH] for i in range(0, len(documents), BATCH)]
        near = _best(fingerprints, batches)
        exact = _best(content_hash, documents)
        count = len(documents)
        print(
            f"{name:10} {count / near:12,.0f} {count / exact:12,.0f} {count / (near + exact):8,.0f}"
        )


def _cut(text: str) -> list[str]:
    """Cut documents from the whole length of a text."""
    step = max(len(text) // DOCUMENTS, CHARACTERS)
    return [text[i : i + CHARACTERS] for i in range(0, len(text) - CHARACTERS, step)]


def _best(function: Callable[[T], object], arguments: list[T]) -> float:
    """Return the seconds that all calls take together, in the best of the rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for argument in arguments:
            function(argument)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
