"""How long one waits for ``--help``, for a first run over ``seeds/``, and for one with nothing new.

``python -m benchmarks.start``. All on a copy of the checkout, in this Python: the first run *cold*,
with what numba compiles for this machine not yet compiled, then *warm*. Python's own compiled
modules are there in both, as after an installation.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import ROOT, Cost, run, verdict, wall

HELP_SECONDS, RUN_SECONDS = 0.3, 20
COPIED = ("pipelines", "transforms", "models", "config", "seeds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as directory:
        checkout = Path(directory, "checkout")
        for name in COPIED:
            shutil.copytree(
                ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        compileall.compile_dir(checkout, quiet=1)

        def docsluice(*arguments: str) -> Cost:
            command = [sys.executable, "-m", "pipelines", *arguments]
            return run(command, folder=checkout)

        helped = wall([docsluice("--help") for _ in range(rounds)])
        cold = docsluice("run", "seeds", "--store", "first").wall
        warm = wall([docsluice("run", "seeds", "--store", f"{i}") for i in range(rounds)])
        unchanged = wall([docsluice("run", "seeds", "--store", "first") for _ in range(rounds)])
    verdict("docsluice --help", helped, HELP_SECONDS, at_least=False, unit=" s")
    verdict("first run of seeds/, cold", cold, RUN_SECONDS, at_least=False, unit=" s")
    verdict("first run of seeds/, warm", warm, RUN_SECONDS, at_least=False, unit=" s")
    verdict("run with nothing new", unchanged, RUN_SECONDS, at_least=False, unit=" s")


if __name__ == "__main__":
    main()
