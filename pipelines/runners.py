"""Beam options of each runner.

``direct`` is pinned to the FnApiRunner: Beam's ``DirectRunner`` may choose another engine, or
download one, on its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.settings import MIB, ConfigurationError, Settings

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_PARALLEL_FROM = {True: 1 * MIB, False: 16 * MIB}
"""Input size from which a second process pays for the seconds it takes to start: with and
without entities."""


def worker_count(settings: Settings, total_bytes: int) -> int:
    """Processes of the direct runner: as asked, else all cores if the input is worth it."""
    if settings.workers is not None:
        return settings.workers
    if total_bytes < _PARALLEL_FROM[settings.entities]:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pipeline_options(settings: Settings, workers: int) -> PipelineOptions:
    """Options for Beam.

    Raises:
        ConfigurationError: options that Beam does not know, or that contradict each other.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    own = [
        option if option.startswith("--") else f"--{option}" for option in settings.runner_options
    ]
    if settings.runner == "direct":
        if own:
            raise ConfigurationError("the direct runner takes --workers and no --runner-option")
        mode = "multi_processing" if workers > 1 else "in_memory"
        return PipelineOptions(
            [
                "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
                f"--direct_num_workers={workers}",
                f"--direct_running_mode={mode}",
            ]
        )
    return PipelineOptions([f"--runner={settings.runner}", *own])
