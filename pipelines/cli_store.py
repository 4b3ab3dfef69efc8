"""The commands that look after a store: ``verify`` and ``compact``."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.console import ExitCode, command
from pipelines.flags import ConfigOption, JsonOption, StoreOption, settings_of


def verify(
    store: StoreOption = None,
    config: ConfigOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make anew what can be made from the files of runs.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check that manifests, Parquet, ledger, fingerprints, state and index agree."""
    with command(commits=False):
        from pipelines.verify import show_verify

        if not show_verify(settings_of(config, store=store), repair, json):
            raise typer.Exit(ExitCode.SOME_FAILED)


def compact(
    store: StoreOption = None,
    config: ConfigOption = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0.0, metavar="SECONDS", help="So long the old files stay at least, for readers."
        ),
    ] = 600.0,
    json: JsonOption = False,
) -> None:
    """Put all runs into few files, without superseded and deleted versions."""
    with command():
        from pipelines.compact import show_compact

        show_compact(settings_of(config, store=store), grace, json)
