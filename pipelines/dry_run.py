"""What a run would do, without doing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson
import typer
from rich.console import Console

from pipelines.batches import cut
from pipelines.console import count
from pipelines.execute import check, survey_known, warn_of_guard
from pipelines.missed import pending_runs
from pipelines.selection import select
from pipelines.settings import Settings
from pipelines.state import read_state
from pipelines.store import Store

MB = 1_000_000
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    ``new``, ``changed`` and ``unchanged`` are files, ``source_bytes`` the size of what would be
    read, in ``batches``. ``deleted`` documents have lost their source, ``reelected`` ones their
    canonical: these would be read again. What follows from the new text of changed files shows
    only when they are read, and what from ``unreconciled`` runs of streams only when these are
    looked at (``docsluice reconcile --dry-run``). ``files`` are the URIs to be read, ``gone`` those
    that are not there.
    """

    new: int
    changed: int
    unchanged: int
    young: int
    failed: int
    source_bytes: int
    batches: int
    deleted: int
    not_deleted: int
    reelected: int
    unreconciled: int
    files: tuple[str, ...]
    gone: tuple[str, ...]


def plan(settings: Settings) -> Plan:
    """Look at the sources and the store; write nothing.

    Raises:
        ConfigurationError: no sources, or settings that contradict each other.
        SourceError: a source that does not exist.
        StoreError: a store that is damaged.
    """
    check(settings)
    store = Store(settings.store)
    found = survey_known(settings, store)
    with read_state(store) as state:
        selection = select(settings, state, found)
        works = cut(selection, state, found, settings.batch_bytes)
        gone = state.documents_of(selection.gone)
    warn_of_guard(settings, selection)
    files = [file for work in works for file in work.files]
    return Plan(
        len(selection.new),
        len(selection.changed),
        selection.unchanged,
        selection.young,
        len(selection.problems),
        sum(file.size for file in files),
        len(works),
        sum(row.published_in is not None for row in gone),
        selection.not_deleted,
        sum(len(file.only) for file in files if file.only is not None),
        len(pending_runs(store)),
        tuple(file.uri for file in files if file.only is None),
        selection.gone,
    )


def show_plan(settings: Settings, as_json: bool) -> None:
    """Print what a run would do."""
    planned = plan(settings)
    if as_json:
        typer.echo(orjson.dumps(asdict(planned)).decode())
        return
    console = Console(highlight=False, soft_wrap=True)
    for kind, uris in (("read", planned.files), ("delete", planned.gone)):
        for uri in uris[:_SHOWN]:
            console.print(f"{kind:<6} {uri}", markup=False)
        if len(uris) > _SHOWN:
            console.print(f"{kind:<6} … and {len(uris) - _SHOWN:,} more")
    console.print(_sentence(planned))


def _sentence(planned: Plan) -> str:
    """The numbers in words; nothing is left out but what is none."""
    to_do = [
        f"read {count(planned.new, 'new file')}" if planned.new else "",
        f"read {count(planned.changed, 'changed file')}" if planned.changed else "",
        f"read {count(planned.reelected, 'duplicate')} again" if planned.reelected else "",
        f"delete {count(planned.deleted, 'published document')}" if planned.gone else "",
        f"reconcile {count(planned.unreconciled, 'run')} of streams"
        if planned.unreconciled
        else "",
        f"record {count(planned.failed, 'place')} that cannot be read" if planned.failed else "",
    ]
    rest = [
        f"{count(planned.unchanged, 'file')} unchanged" if planned.unchanged else "",
        f"{count(planned.young, 'file')} still changing" if planned.young else "",
        f"{count(planned.not_deleted, 'document')} not deleted" if planned.not_deleted else "",
    ]
    doing = ", ".join(filter(None, to_do))
    said = f"A run would {doing or 'do nothing'}"
    if doing:
        said += f" ({planned.source_bytes / MB:,.2f} MB in {count(planned.batches, 'run')})"
    return "; ".join(filter(None, [said, *rest])) + ". Nothing was written."
