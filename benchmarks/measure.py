"""Commands measured side by side: wall time, processor time, peak memory of all their processes.

Whatever is compared runs in turns (A B A B …), so that a machine that grows slower or busier does
so for all, and medians are compared. Reads ``/proc``: Linux only.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SAMPLES_PER_SECOND = 5

_KIB = 1024
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: ``wall`` and ``cpu`` in seconds, ``peak`` memory in bytes.

    ``cpu`` is that of all its processes, ``peak`` the highest sum over all of them at one moment
    (see :func:`memory_of`; 0 where it was not asked for), ``output`` what it printed.
    """

    wall: float
    cpu: float
    peak: int
    output: str


def docsluice(*arguments: str | Path | int) -> list[str]:
    """Return the command line of ``docsluice`` with these arguments, in this Python."""
    return [sys.executable, "-m", "pipelines", *map(str, arguments)]


def run(
    command: Sequence[str | Path | int],
    *,
    memory: bool = False,
    folder: Path = ROOT,
) -> Cost:
    """Run a command in a folder to its end and measure it, its ``memory`` only if asked to.

    Raises SystemExit where the command fails.
    """
    _adopt_orphans()
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    sampler = _Sampler(process.pid)
    if memory:
        sampler.start()
    output, errors = process.communicate()
    elapsed = time.perf_counter() - started
    _wait_for_orphans()
    after = os.times()
    sampler.ended.set()
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{errors[-2000:]}")
    worked = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return Cost(elapsed, worked, sampler.peak, output)


def in_turns(rounds: int, **contenders: Callable[[], Cost]) -> dict[str, list[Cost]]:
    """Run every contender once a round, and say on standard error what each took."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            cost = contender()
            costs[name].append(cost)
            print(
                f"  round {number + 1} of {rounds}: {name} {cost.wall:.1f} s"
                f" ({cost.cpu:.1f} s of processor time)",
                file=sys.stderr,
            )
    return costs


def wall(costs: Sequence[Cost]) -> float:
    """Return the median of the wall times, in seconds."""
    return median(cost.wall for cost in costs)


def cpu(costs: Sequence[Cost]) -> float:
    """Return the median of the processor times, in seconds."""
    return median(cost.cpu for cost in costs)


def show(title: str, costs: Mapping[str, Sequence[Cost]]) -> None:
    """Print the medians of each contender."""
    print(f"{title}, medians of {min(map(len, costs.values()))}:")
    for name, taken in costs.items():
        print(f"  {name:12}{wall(taken):8.1f} s,{cpu(taken):8.1f} s of processor time")


def verdict(name: str, figure: float, target: float, *, at_least: bool, unit: str = "") -> None:
    """Print a figure beside its target; ``python -m benchmarks`` gathers these lines."""
    met = figure >= target if at_least else figure <= target
    bound = "at least" if at_least else "at most"
    print(
        f"{RESULT}{name}: {figure:.3g}{unit} (target: {bound} {target:g}{unit}"
        f"{'' if met else ', MISSED'})",
        flush=True,
    )


RESULT = "=> "
"""How a line with a result begins."""


def processes(root: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += map(int, path.read_text().split())


def memory_of(pid: int) -> int:
    """Return the memory of a process in bytes: its proportional set size (PSS).

    That counts a page that processes share once among them all. Where it may not be read it is
    the resident set size, which counts such a page in each: then the sum is too high.
    """
    for name, pattern in (("smaps_rollup", r"^Pss:\s+(\d+)"), ("status", r"^VmRSS:\s+(\d+)")):
        try:
            found = re.search(pattern, Path(f"/proc/{pid}/{name}").read_text(), re.MULTILINE)
        except PermissionError:
            continue
        return int(found[1]) * _KIB if found else 0
    return 0


def _adopt_orphans() -> None:
    """Make what outlives its parent ours, so that its processor time counts as well."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _wait_for_orphans() -> None:
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


class _Sampler(threading.Thread):
    """Notes the peak of the memory of a process and all that descend from it."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.ended = threading.Event()
        self._root = root

    def run(self) -> None:
        while not self.ended.wait(1 / SAMPLES_PER_SECOND):
            total = 0
            try:
                for pid in processes(self._root):
                    total += memory_of(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass  # one ended while we looked
            self.peak = max(self.peak, total)
