"""The enrichment cache of a store: what language and names were found in which text by what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from transforms import files
from transforms.cache import prepare, trim

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineResult

NAME = "cache.db"


@contextmanager
def enrichment_cache(settings: Settings) -> Iterator[str | None]:
    """Path of the cache for a run inside the block, or None for a run without one.

    It is cut to ``cache_bytes`` when the block ends well. There is none if it is not wanted, if it
    cannot be used (a warning says why), and where it would not lie on a disk that all workers
    share: for a remote store, and on a runner other than ``direct``.
    """
    path = files.join(settings.store, NAME)
    has_one = settings.cache and settings.runner == "direct" and not files.is_remote(settings.store)
    if not has_one or not prepare(path):
        yield None
        return
    yield path
    trim(path, settings.cache_bytes)


def cache_use(result: PipelineResult) -> dict[str, int]:
    """How many documents of a finished pipeline the cache knew (``…_hits``) and did not.

    Empty if there was no cache.
    """
    from apache_beam.metrics import MetricsFilter

    from transforms.cached_step import COUNTERS

    counters = result.metrics().query(MetricsFilter().with_namespace(COUNTERS))["counters"]
    return {counter.key.metric.name: counter.result for counter in counters}
