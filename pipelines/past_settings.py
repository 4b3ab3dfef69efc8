"""Settings of earlier runs, for what is to be done again as it was done then."""

from __future__ import annotations

import os
from typing import Any

from pipelines.server_settings import PREFIX
from pipelines.settings import Settings, load
from pipelines.store import Store

READING = (
    "format",
    "encoding",
    "text_field",
    "title_field",
    "id_field",
    "date_field",
    "url_field",
    "max_document_bytes",
)
"""What decides which documents are in a file, and which ids they have."""

LISTING = ("include", "exclude")
"""What decides which files are under a source."""

PROCESSING = (
    "min_quality",
    "duplicates",
    "similarity_threshold",
    "entities",
    "models",
    "index",
    "elasticsearch",
)
"""What decides what becomes of the documents."""


def as_before(settings: Settings, store: Store, run_id: str) -> Settings:
    """The settings, but what a run reads as ``run_id`` had it, and processed as the last run had.

    Variables of the environment go before both.

    Raises:
        ConfigurationError: a setting of then cannot be used any more.
    """
    last = list(store.manifests)[-1]
    past = {name: _value(store, run_id, name) for name in (*READING, *LISTING)}
    past |= {name: _value(store, last, name) for name in PROCESSING}
    now = {name: getattr(settings, name) for name in ("sources", "store", "strict")}
    how = {name: getattr(settings, name) for name in ("runner", "workers", "runner_options")}
    return load({**past, **now, **how})


def sources_of(store: Store, run_ids: list[str]) -> list[str]:
    """The sources that these runs were given, each once, in the order of the runs."""
    named = [_settings(store, run_id).get("sources", ()) for run_id in run_ids]
    return list(dict.fromkeys(source for sources in named for source in sources))


def reads_alike(settings: Settings, store: Store, run_id: str) -> bool:
    """Whether files hold the same documents with these settings as they did in a run."""
    past = _settings(store, run_id)
    now = settings.model_dump(mode="json", include=set(READING))
    return all(name in past and past[name] == now[name] for name in READING)


def _settings(store: Store, run_id: str) -> dict[str, Any]:
    past: dict[str, Any] = store.manifests[run_id].get("settings", {})
    return past


def _value(store: Store, run_id: str, name: str) -> Any:
    """A setting of a run; None where the environment sets it now, or the run had no such."""
    variable = f"{PREFIX}{name.upper()}"
    value = None if variable in os.environ else _settings(store, run_id).get(name)
    if not isinstance(value, dict):
        return value
    given = {key: item for key, item in value.items() if item is not None}
    return {k: v for k, v in given.items() if f"{variable}__{k.upper()}" not in os.environ} or None
