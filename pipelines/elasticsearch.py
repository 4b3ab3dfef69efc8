"""The Elasticsearch index that the settings name, and what becomes of documents that it refuses."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.settings import ConfigurationError, Settings
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.index import ElasticsearchIndex

if TYPE_CHECKING:
    from pipelines.store import Store
    from transforms.elasticsearch.actions import Failed

log = logging.getLogger(__name__)

_SAME = (
    "cloud_id",
    "username",
    "ca_certs",
    "ssl_assert_fingerprint",
    "proxy",
    "batch_bytes",
    "batch_count",
    "max_in_flight",
    "attempts",
    "total_seconds",
    "timeout_seconds",
)


def elasticsearch_config(settings: Settings) -> ElasticsearchConfig:
    """How to reach the server and to write to it.

    Raises:
        ConfigurationError: settings that contradict each other.
    """
    given = settings.elasticsearch
    url = [given.url] if isinstance(given.url, str) else given.url or ()
    secrets: dict[str, Any] = {}
    for name in ("api_key", "password"):
        file = getattr(given, f"{name}_file")
        secrets[name] = f"file:{file}" if file else getattr(given, name)
    try:
        return ElasticsearchConfig(
            url=tuple(url), **secrets, **{name: getattr(given, name) for name in _SAME}
        )
    except ValueError as error:
        raise ConfigurationError(f"elasticsearch: {error}") from None


def open_elasticsearch(
    settings: Settings, failures: Callable[[Failed], None] | None = None
) -> ElasticsearchIndex:
    """The index in the server, connected; close it after use.

    Who writes gives ``failures``, and then waits where the server is away for a while.

    Raises:
        ConfigurationError: settings that contradict each other, or a secret that is not there.
        SearchIndexError: no server, wrong credentials, another version.
    """
    config = elasticsearch_config(settings)
    given = settings.elasticsearch
    try:
        index = ElasticsearchIndex(
            config, given.index, given.languages, failures, waits=failures is not None
        )
        index.connect()
    except ValueError as error:
        raise ConfigurationError(f"elasticsearch: {error}") from None
    return index


class Failures:
    """Collects the documents that the server refuses for good, for the dead letters of their runs.

    They hold no payload: the document is in the Parquet files of its run.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_run: dict[str, list[tuple[str, Failed]]] = defaultdict(list)

    def __call__(self, failed: Failed) -> None:
        """Keep what is needed of a refused action."""
        if failed.body is None:
            log.warning("Elasticsearch refuses to delete %s: %s", failed.id, failed.reason)
            return
        document = orjson.loads(failed.body)
        kept = type(failed)(failed.id, failed.status, failed.error_type, failed.reason, None)
        run_id = self._store.holder(document["run_id"]) or document["run_id"]
        self._of_run[run_id].append((document["source"], kept))

    def write(self) -> None:
        """Write the dead letters, another ``part-…-index.jsonl`` of each run."""
        if not self._of_run:
            return
        from transforms.document import Rejected
        from transforms.letters import append_index_letters
        from transforms.run import Run

        for run_id, letters in self._of_run.items():
            rows = tuple(
                Rejected(
                    failed.id,
                    source,
                    "",
                    "failed",
                    failed.reason,
                    "index",
                    error_type=failed.error_type,
                )
                for source, failed in letters
            )
            run = Run(self._store.path, run_id, datetime.now(UTC))
            path = append_index_letters(run, rows)
            log.warning(
                "Elasticsearch refuses %d documents of run %s, such as %s (%s); all are in %s",
                len(rows),
                run_id,
                rows[0].source,
                rows[0].reason,
                path,
            )
        self._of_run.clear()
