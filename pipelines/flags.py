"""Options that several commands share, and how a command reads its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipelines.settings import Settings

StoreOption = Annotated[
    str | None, typer.Option("--store", "-o", metavar="DIR", help="The store. [default: store]")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML file of settings.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log more, to stderr.")]


def settings_of(config: Path | None, **flags: Any) -> Settings:
    """The settings from the flags that were given, the environment and a YAML file.

    Raises:
        ConfigurationError: a setting that is not known or cannot be used.
    """
    from pipelines.settings import load

    return load(flags, config)
