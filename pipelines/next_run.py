"""What the next run would do, if it were called as the last one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipelines.console import count
from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store, StoreError
from transforms import files

_CHOOSING = (
    "sources",
    "include",
    "exclude",
    "check",
    "settle_seconds",
    "max_delete_fraction",
    "batch_bytes",
)
"""The settings that say what is read and what is deleted."""


def next_run(settings: Settings, store: Store, is_wanted: bool | None) -> dict[str, Any] | None:
    """What a run over the sources of the last one would do.

    Args:
        settings: name the store.
        store: the store.
        is_wanted: whether to list the sources; None lists them if they are all on this machine.

    Returns:
        The numbers of a ``pipelines.dry_run.Plan``, the number of files ``gone``, and the
        ``sources``; or, as ``unknown``, why nobody can tell; None if it was not looked at.
    """
    last = _last_settings(store)
    sources = last.get("sources", [])
    if is_wanted is None:
        is_wanted = not any(map(files.is_remote, [store.path, *sources]))
    if not is_wanted:
        return None
    if not sources:
        return {"sources": [], "unknown": "the store does not say what the last run has read"}
    from pipelines.dry_run import plan
    from transforms.read.listing import SourceError

    chosen = {name: last[name] for name in _CHOOSING if name in last}
    same = {"entities": False, "reprocess": False}  # no model has to be there for this
    try:
        planned = asdict(plan(settings.model_copy(update={**chosen, **same})))
    except (SourceError, ConfigurationError, StoreError) as error:
        return {"sources": sources, "unknown": str(error)}
    planned["gone"] = len(planned["gone"])
    del planned["files"]
    return {"sources": sources, **planned}


def in_words(found: dict[str, Any]) -> str:
    """What the next run would do, in one line."""
    sources = " ".join(found["sources"])
    if "unknown" in found:
        return f"cannot be told: {found['unknown']}"
    facts = [
        f"{found['new']:,} new" if found["new"] else "",
        f"{found['changed']:,} changed" if found["changed"] else "",
        f"{found['gone']:,} gone" if found["gone"] else "",
        f"{found['unchanged']:,} unchanged" if found["unchanged"] else "",
        f"{found['young']:,} still changing" if found["young"] else "",
        f"{found['failed']:,} that cannot be looked at" if found["failed"] else "",
    ]
    held_back = found["not_deleted"]
    also = f"; {count(held_back, 'document')} would not be deleted" if held_back else ""
    return f"{', '.join(filter(None, facts)) or 'no'} files under {sources}{also}"


def _last_settings(store: Store) -> dict[str, Any]:
    """Settings of the last run that has read sources, as far as its manifest is there."""
    for manifest in reversed(store.written.values()):
        settings = manifest.get("settings", {})
        if "replaces" not in manifest and settings.get("sources"):
            return dict(settings)
    return {}
