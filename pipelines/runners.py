"""Runners: where a pipeline runs, and with which options.

``direct`` is pinned to the FnApiRunner: Beam's ``DirectRunner`` may choose another engine, or
download one, on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.direct import direct_pipeline
from pipelines.settings import MIB, ConfigurationError, Settings

if TYPE_CHECKING:
    import apache_beam as beam

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


@contextmanager
def open_pipeline(settings: Settings, total_bytes: int) -> Iterator[beam.Pipeline]:
    """A pipeline on the runner that the settings name, to be built and run inside the block.

    Raises:
        ConfigurationError: options that the runner does not take.
        WorkerLostError: a worker process of the direct runner was lost.
    """
    given = [name if name.startswith("--") else f"--{name}" for name in settings.runner_options]
    if settings.runner == "direct":
        if given:
            raise ConfigurationError("the direct runner takes --workers and no --runner-option")
        workers = worker_count(settings, total_bytes)
        with direct_pipeline(workers, lambda: prepare(settings)) as pipeline:
            yield pipeline
        return
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        pipeline = beam.Pipeline(options=PipelineOptions([f"--runner={settings.runner}", *given]))
    except ValueError as error:  # Beam's message lists the runners there are
        raise ConfigurationError(str(error)) from None
    yield pipeline


def prepare(settings: Settings) -> None:
    """Load what every worker needs, to be shared by all of them."""
    import pipelines.ingest  # noqa: F401  brings Beam and all transforms
    from transforms.fingerprint import fingerprints
    from transforms.language import detect

    detect("The first text loads the model.")
    fingerprints(["The first text loads the kernel."])
    if settings.entities:
        from pipelines.options import entity_config
        from transforms.entity_models import entity_models

        entity_models(entity_config(settings)).get("en")
