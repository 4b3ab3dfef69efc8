"""Keeps the index of runs and dead letters up with the store; a dashboard looks at it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import orjson

from pipelines.console import count
from pipelines.elasticsearch import elasticsearch_config
from pipelines.settings import Settings
from pipelines.store import Store
from transforms import files
from transforms.elasticsearch.actions import Action, Failed
from transforms.elasticsearch.activity import ActivityIndex, dead_letter_action, run_action
from transforms.elasticsearch.bulk import BulkWriter
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import explain
from transforms.letters import KIND, stage_of

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_ATTEMPTS = 4


def record_activity(settings: Settings, store: Store, *, anew: bool = False) -> None:
    """Write the runs that the index of activity lacks, with their dead letters.

    What goes wrong is a warning: the next run, or ``docsluice provision``, makes up for it.

    Args:
        settings: where the server is.
        store: whose manifests and dead letters are read.
        anew: write all runs again, because dead letters of earlier ones may be new.
    """
    from elasticsearch import ApiError, TransportError

    config = elasticsearch_config(settings)
    try:
        with connect(config) as client:
            write_activity(client, config, settings.elasticsearch.index, store, anew=anew)
    except (ApiError, TransportError) as error:
        _warn(explain(error, config.where, config.credentials))
    except (RuntimeError, ValueError, OSError) as error:
        _warn(error)


def write_activity(
    client: Elasticsearch, config: ElasticsearchConfig, alias: str, store: Store, *, anew: bool
) -> int:
    """Make the index of activity if there is none, and write to it; returns the number of runs.

    Raises:
        ElasticsearchError: the server cannot be written to.
        RuntimeError: it refuses what is written.
        ApiError, TransportError: the server cannot be asked.
    """
    activity = ActivityIndex(client, alias)
    activity.install()
    runs = list(store.manifests) if anew else activity.lacking(store.manifests)
    # Not for long: a run has ended well already, and somebody waits for the command.
    hasty = replace(
        config,
        total_seconds=min(config.total_seconds, _PATIENCE_SECONDS),
        attempts=min(config.attempts, _ATTEMPTS),
    )
    refused = []
    with BulkWriter(client, activity.name, hasty) as writer:
        # Runs after their letters: a run that is there has all of them.
        for actions in (_letters(store, runs), _runs(store, runs)):
            refused += [one for one in writer.write(actions) if isinstance(one, Failed)]
            if refused:
                raise RuntimeError(
                    f"{activity.name} refuses {count(len(refused), 'document')}, "
                    f"such as {refused[0].id}: {refused[0].reason}"
                )
    return len(runs)


def _runs(store: Store, run_ids: Iterable[str]) -> Iterator[Action]:
    return (run_action(store.manifests[run_id]) for run_id in run_ids)


def _letters(store: Store, run_ids: Iterable[str]) -> Iterator[Action]:
    for run_id, path in store.parts(KIND, run_ids):
        name = PurePosixPath(path).name
        if not name.endswith(".jsonl"):
            continue
        for number, line in enumerate(files.read(path).splitlines(), 1):
            place = f"{name.removesuffix('.jsonl')}#{number}"
            try:
                letter = orjson.loads(line)
                letter["stage"] = stage_of(name, letter["stage"])
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                log.warning("line %d of %s is no dead letter: %s", number, path, error)
            else:
                yield dead_letter_action(run_id, place, letter)


def _warn(error: Exception) -> None:
    log.warning(
        "the index of runs and dead letters is not up to date: %s. The next run or "
        "`docsluice provision` brings it up",
        error,
    )
