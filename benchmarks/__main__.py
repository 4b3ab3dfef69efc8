"""All benchmarks, or those that are named: ``python -m benchmarks [NAME ...]``.

Each runs in a process of its own, the quick ones first; the results are listed at the end.
``docs/performance.md`` says what they mean.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.measure import RESULT, ROOT

NAMES = (
    "start",
    "fingerprint",
    "stages",
    "duplicates_recall",
    "lsh_buckets",
    "stream_duplicates",
    "state",
    "published",
    "rerun",
    "cache",
    "against_datatrove",
    "memory",
    "elasticsearch",
    "stream",
    "batches",
    "end_to_end",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    results: list[str] = []
    failed = [name for name in names if not benchmark(name, results)]
    print("\n# Results")
    print("\n".join(results))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def benchmark(name: str, results: list[str]) -> bool:
    """Run one and show what it prints; its result lines are added to ``results``."""
    print(f"\n# {name}", flush=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.startswith(RESULT):
                results.append(line.removeprefix(RESULT).rstrip())
    print(f"({time.perf_counter() - started:.0f} s)")
    return process.returncode == 0


if __name__ == "__main__":
    main()
