"""A stream: from landed to searched, its rate beside that of a batch, its memory.

``python -m benchmarks.stream [latency] [rate] [memory] [--flink HOST:PORT] [--entities]``. Without
a name all three. Prism is found as ``docsluice stream`` finds it; ``--flink`` names a job server
that runs, and adds the rate on Flink. Memory is the proportional set size, summed over all
processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import orjson

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import ROOT, docsluice, memory_of, processes, run, verdict

MB = 1_000_000
DOCUMENT_MB = 0.003
WARM = 400
P95_SECONDS = 5.0
LEAST_RATE = 0.5
MOST_GROWTH = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="latency, rate, memory")
    parser.add_argument("--per-second", type=float, default=20, help="documents that land")
    parser.add_argument("--seconds", type=float, default=120, help="of the latency")
    parser.add_argument("--minutes", type=float, default=10, help="of the memory")
    parser.add_argument("--documents", type=int, default=5000, help="of the rate")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--flink", metavar="HOST:PORT", help="a job server that runs")
    parser.add_argument("--entities", action="store_true", help="for the rate as well: slow")
    asked = parser.parse_args()
    names = asked.names or ["latency", "rate", "memory"]
    os.environ["DOCSLUICE_DUPLICATES"] = "keep"  # so that each document is searched
    with TemporaryDirectory() as directory:
        if "latency" in names:
            latency(Path(directory, "latency"), asked.per_second, asked.seconds, asked.workers)
        if "rate" in names:
            rates(Path(directory, "rate"), asked)
        if "memory" in names:
            memory(Path(directory, "memory"), asked.per_second, asked.minutes, asked.workers)


def latency(directory: Path, per_second: float, seconds: float, workers: int) -> None:
    """Print how long it takes from landed to searched, with entities."""
    texts = documents(directory, int(per_second * seconds) + WARM)
    landed: dict[str, float] = {}
    found: dict[str, float] = {}
    with streaming(directory, "--workers", workers) as (source, process):
        warm_up(directory, source, texts, process)
        began = time.monotonic()
        while len(found) < int(per_second * seconds):
            due = int((time.monotonic() - began) * per_second)
            while len(landed) < min(due, int(per_second * seconds)):
                name = f"{len(landed)}.json"
                land(source / name, next(texts))
                landed[name] = time.monotonic()
            now = time.monotonic()
            for name in searched(directory) & landed.keys() - found.keys():
                found[name] = now
            rest(process, 0.02)
            if now - began > seconds + 120:
                raise SystemExit(f"{len(landed) - len(found)} documents were not found in time")
    waits = sorted(found[name] - at for name, at in landed.items())
    p95 = quantiles(waits, n=20)[-1]
    print(f"landed to searched, {len(waits)} documents at {per_second:g}/s with entities: "
          f"median {median(waits):.2f} s, p95 {p95:.2f} s, most {waits[-1]:.2f} s")  # fmt: skip
    verdict("landed to searched, p95", p95, P95_SECONDS, at_least=False, unit=" s")


def rates(directory: Path, asked: argparse.Namespace) -> None:
    """Print the rate of a stream on each runner beside that of a batch."""
    flags = ["--workers", str(asked.workers)] + ([] if asked.entities else ["--no-entities"])
    texts = list(documents(directory, asked.documents))
    batch = directory / "batch"
    (batch / "in").mkdir(parents=True)
    for number, text in enumerate(texts):
        land(batch / "in" / f"{number}.json", text)
    run([*docsluice("run", batch / "in", "--store", batch / "store", "--quiet"), *flags])
    manifests = [orjson.loads(path.read_bytes()) for path in batch.glob("store/runs/*.json")]
    batch_rate = len(texts) / sum(one["seconds"] for one in manifests)
    print(f"batch, {asked.workers} workers: {batch_rate:,.0f} documents/s")
    runners = {"Prism": ["--runner", "prism"]}
    if asked.flink:
        runners["Flink"] = ["--runner", "flink", "--runner-option", f"job_endpoint={asked.flink}"]
    for name, options in runners.items():
        place = directory / name
        with streaming(place, *flags, *options) as (source, process):
            warm_up(place, source, iter(texts), process)
            aside = place / "aside"
            aside.mkdir()
            for number, text in enumerate(texts):
                land(aside / f"{number}.json", text)
            began = time.monotonic()
            aside.rename(source / "all")
            while len(searched(place)) < len(texts) + WARM:
                rest(process, 0.1)
            rate = len(texts) / (time.monotonic() - began)
        print(f"stream on {name}: {rate:,.0f} documents/s")
        verdict(f"rate of a stream on {name} ÷ batch", rate / batch_rate, LEAST_RATE, at_least=True)


def memory(directory: Path, per_second: float, minutes: float, workers: int) -> None:
    """Print by how much a stream grows, without entities."""
    seconds = minutes * 60
    number = int(per_second * seconds)
    texts = documents(directory, number + WARM)
    samples: list[tuple[float, int]] = []
    with streaming(directory, "--no-entities", "--workers", workers) as (source, process):
        warm_up(directory, source, texts, process)
        began = time.monotonic()
        landed = 0
        while (now := time.monotonic() - began) < seconds:
            while landed < now * per_second:
                land(source / f"{landed}.json", next(texts))
                landed += 1
            if not samples or now - samples[-1][0] >= 1:
                samples.append((now, sum(map(memory_of, processes(process.pid)))))
            rest(process, 0.02)
    fifth = seconds / 5
    early = median(size for at, size in samples if fifth <= at < 2 * fifth)
    late = median(size for at, size in samples if at >= 4 * fifth)
    print(f"memory over {minutes:g} minutes at {per_second:g}/s: {early / MB:,.0f} MB in the "
          f"second fifth, {late / MB:,.0f} MB in the last; {landed:,} documents")  # fmt: skip
    verdict("memory of a stream, last fifth ÷ second", late / early, MOST_GROWTH, at_least=False)


def documents(directory: Path, number: int) -> Iterator[bytes]:
    """Documents as JSON objects, about 3 KB each."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "corpus.jsonl"
    prose_jsonl(path, number * DOCUMENT_MB * 1.5)
    lines = path.read_bytes().splitlines()
    if len(lines) < number:
        raise SystemExit(f"the corpus has {len(lines)} documents, not {number}")
    return iter(lines[:number])


@contextmanager
def streaming(directory: Path, *flags: object) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A stream over an empty directory; yields that and the process. It drains at the end."""
    source = directory / "in"
    source.mkdir(parents=True)
    command = docsluice("stream", source, "--store", directory / "store", "--quiet")
    with subprocess.Popen([*command, *map(str, flags)], cwd=ROOT) as process:
        try:
            yield source, process
        except BaseException:
            process.kill()
            raise
        process.send_signal(signal.SIGTERM)
        if process.wait():
            sys.exit("the stream failed")


def warm_up(
    directory: Path, source: Path, texts: Iterator[bytes], process: subprocess.Popen[bytes]
) -> None:
    """Wait until a few documents have gone all the way, for which the models are loaded."""
    names = {f"warm-{number}.json" for number in range(WARM)}
    for name in names:
        land(source / name, next(texts))
    while not names <= searched(directory):
        rest(process, 0.1)


def rest(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait a little while the stream is alive."""
    time.sleep(seconds)
    if process.poll() is not None:
        raise SystemExit("the stream has ended")


def land(path: Path, content: bytes) -> None:
    """Write a file that is complete as soon as it is there."""
    aside = path.with_name(f".{path.name}")
    aside.write_bytes(content)
    aside.rename(path)


def searched(directory: Path) -> set[str]:
    """Names of the files whose documents are in the index."""
    path = directory / "store" / "search.db"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as connection:
        try:
            rows = connection.execute("SELECT source FROM documents").fetchall()
        except sqlite3.OperationalError:  # it is being made
            return set()
    return {source.partition("#")[0].rpartition("/")[2] for (source,) in rows}


if __name__ == "__main__":
    main()
