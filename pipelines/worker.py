"""A worker process of the direct runner: Beam's own, but quiet, and never left behind."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

PIDS = "DOCSLUICE_WORKER_PIDS"
"""Environment variable with the directory in which each worker leaves a file named by its pid."""
VERBOSE = "DOCSLUICE_WORKER_VERBOSE"
"""Environment variable that is set where debug messages are wanted."""

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the runner that started this process until it has no more work."""
    _die_with_parent()
    Path(os.environ[PIDS], str(os.getpid())).touch()
    _log_to_stderr()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
    logging.shutdown()
    os._exit(0)  # Beam waits for one worker after the other; the interpreter's end takes a second


def _die_with_parent() -> None:
    """Where the system can (Linux), end this process when the one that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the driver decides
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _log_to_stderr() -> None:
    """Show our own messages; Beam's go to the runner, which shows the errors."""
    logging.getLogger().addHandler(logging.NullHandler())
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for name in ("pipelines", "transforms"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if VERBOSE in os.environ else logging.WARNING)
        logger.propagate = False


if __name__ == "__main__":
    main()
