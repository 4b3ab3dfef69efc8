"""A process that works for a runner, started by a pool with the runner's address and its own name.

It ends when its work is over or when standard input closes: with the driver, however that ends.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pipelines.console import set_up_logging
from pipelines.keepalive import ping_seldom
from pipelines.settings import Settings

_STATE_CACHE_BYTES = 100 << 20
"""As Beam has it for the workers that it starts itself."""


def work(control: str, worker_id: str) -> None:
    """Serve a runner until it says that all is done.

    Args:
        control: ``HOST:PORT`` where the runner gives work.
        worker_id: what the runner calls this worker.
    """
    import grpc
    from apache_beam.runners.worker.sdk_worker import SdkHarness

    ping_seldom()
    with suppress(grpc.RpcError):  # the runner has gone, or has no more work
        SdkHarness(control, worker_id=worker_id, state_cache_size=_STATE_CACHE_BYTES).run()


def _end_with_driver() -> None:
    def wait() -> NoReturn:
        while os.read(0, 1024):  # not through sys.stdin, whose lock would be held at our own end
            pass
        os._exit(1)

    threading.Thread(target=wait, name="end with driver", daemon=True).start()


def main() -> None:
    """Read a run's settings from standard input, load what it needs, work as the command says."""
    set_up_logging()
    # Beam prints the traceback of each failure, also of those at the end of all; what is of
    # interest in it comes back to the driver.
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    settings: Settings | None = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own driver
    _end_with_driver()
    if settings is not None:
        from pipelines.runners import prepare

        # Before the first bundle: Prism cuts a bundle for a second process only if the first has
        # begun with it within moments. What fails here fails again in the step that needs it.
        with suppress(Exception):
            prepare(settings)
    work(*sys.argv[1:])
