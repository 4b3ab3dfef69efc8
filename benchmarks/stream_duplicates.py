"""How quickly a stream decides who came first, and what it has to remember for that.

``python -m benchmarks.stream_duplicates [--documents N]``: parts of one and of 100 documents of 500
words, of which one in ten resembles an earlier one, judged one after the other as the keyed step of
a stream judges them; the bytes of its state, encoded as it is kept, and in memory; and how long it
takes to make the memory again of the state.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.measure import RESULT
from transforms.document import Document, document_id
from transforms.duplicates import spool
from transforms.run import Run
from transforms.stream.arrivals import Arrivals
from transforms.stream.election import decide, lot_of
from transforms.stream.staging import staged_run

WORDS = [f"word{number}" for number in range(20_000)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    documents = parser.parse_args().documents
    for size in (100, 1):
        with tempfile.TemporaryDirectory() as directory:
            run = staged_run(directory, datetime.now(UTC))
            names = spooled(run, documents if size > 1 else documents // 10, size)
            measure(run, names, size)


def spooled(run: Run, documents: int, size: int) -> list[str]:
    """Write the parts to the spool; returns their names."""
    made = corpus()
    names = [f"{number:05d}-000" for number in range(documents // size)]
    for name in names:
        spool(run, name, [next(made) for _ in range(size)], near=True)
    return names


def corpus() -> Iterator[Document]:
    """Documents without end; every tenth is the one five before it, and a word more."""
    number = 0
    while True:
        seed = number - 5 if number % 10 == 9 else number
        text = " ".join(random.Random(seed).choices(WORDS, k=500))
        id_ = document_id(str(number))
        yield Document(id_, str(number), "v", text=text + " more" * (seed != number))
        number += 1


def measure(run: Run, names: list[str], size: int) -> None:
    """Judge the parts and print the figures."""
    arrivals = Arrivals()
    lots = []
    duplicates = 0
    started = time.perf_counter()
    for number, name in enumerate(names):
        verdicts = decide(run, name, arrivals, None, 0.8, near=True)
        lot = lot_of(run, name, number, verdicts, arrivals)
        arrivals.add(lot)
        lots.append(lot.encode())
        duplicates += len(verdicts.canonical_of)
    seconds = time.perf_counter() - started
    documents = size * len(names)
    state = sum(map(len, lots)) / len(arrivals)
    tracemalloc.start()
    started = time.perf_counter()
    rebuilt = Arrivals((), lots)
    again = time.perf_counter() - started
    memory = tracemalloc.get_traced_memory()[0] / len(rebuilt)
    tracemalloc.stop()
    print(
        f"{RESULT}first arrivals, parts of {size}: {documents / seconds:,.0f} documents/s, "
        f"{seconds / len(names) * 1000:.1f} ms a part, {duplicates} duplicates of {documents}; "
        f"state {state:.0f} MB, memory {memory:.0f} MB per million canonicals; made again at "
        f"{len(rebuilt) / again:,.0f} canonicals/s"
    )


if __name__ == "__main__":
    main()
