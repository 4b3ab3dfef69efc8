"""How many worker processes: as many as are asked for, are worth it, and have room."""

from __future__ import annotations

import os

from pipelines.settings import MIB, ConfigurationError, Settings

_PARALLEL_FROM = {True: 1 * MIB, False: 16 * MIB}
"""Input size from which a second process pays for the seconds it takes to start: with and
without entities."""

_MOST = 16
_MOST_A_CORE = 4
"""Worker processes on this machine: so many in all cases, and so many for each core."""

_MOST_LANES = 7
"""Prism works on 8 bundles at a time, and one of them reads."""


def worker_count(settings: Settings, total_bytes: int) -> int:
    """Worker processes: as asked, else all cores if the input is worth it."""
    if settings.workers is not None:
        return settings.workers
    return _cores() if total_bytes >= _PARALLEL_FROM[settings.entities] else 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def expect_room(workers: int) -> None:
    """Refuse what would only fill the memory: each worker takes hundreds of MB.

    Raises:
        ConfigurationError: so many worker processes are too many for this machine.
    """
    most = max(_MOST, _MOST_A_CORE * _cores())
    if workers > most:
        raise ConfigurationError(
            f"{workers:,} workers are too many for this machine of {_cores()} cores; more than "
            f"one a core are of no use, and it starts {most} at most"
        )


def lane_count(settings: Settings) -> int:
    """Lanes for languages and entities of a stream, each an environment of its own on Prism.

    Elsewhere, and where there is little to do, one environment has all the workers.
    """
    if settings.runner != "prism" or not settings.entities:
        return 1
    return min(worker_count(settings, settings.batch_bytes), _MOST_LANES)
