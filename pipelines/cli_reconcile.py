"""``docsluice reconcile``: a thin command."""

from __future__ import annotations

import gc
import signal
from typing import Annotated

import typer

from pipelines.console import command
from pipelines.flags import ConfigOption, JsonOption, StoreOption, VerboseOption, settings_of


def reconcile(
    store: StoreOption = None,
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the duplicates; correct nothing.")
    ] = False,
    wait: Annotated[
        bool | None,
        typer.Option("--wait", help="Wait while another run writes to the store."),
    ] = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Correct the duplicates that streams have published, as every run does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with command(verbose):
        from pipelines.progress import follower
        from pipelines.reconcile import show_reconcile

        settings = settings_of(config, store=store, wait=wait)
        show_reconcile(settings, follower(json), dry_run=dry_run, as_json=json)
        gc.freeze()  # else the interpreter's end looks through all that Beam and spaCy brought
