"""Options that ``docsluice schedule``, ``watch`` and ``stream`` share."""

from __future__ import annotations

from typing import Annotated

import typer

SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE...", help="Files, directories, globs or URIs."),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Take only files that match; may be repeated."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Leave out files that match; may be repeated."),
]
EntitiesOption = Annotated[
    bool | None,
    typer.Option("--entities/--no-entities", help="Find people, organisations and places."),
]
IndexOption = Annotated[
    str | None, typer.Option(metavar="KIND", help="sqlite, elasticsearch or none.")
]
UrlOption = Annotated[str | None, typer.Option(metavar="URL", help="Address of Elasticsearch.")]
WorkersOption = Annotated[
    int | None, typer.Option(metavar="N", help="Processes of the direct runner.")
]
MaxDeleteOption = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION",
        help="Of what is published, delete at most so much of what is gone. [default: 0.2]",
    ),
]
GraceOption = Annotated[
    str,
    typer.Option(metavar="TIME", help="How long a run may go on after the first signal to stop."),
]
RetryOption = Annotated[
    str,
    typer.Option(metavar="TIME", help="Wait after a failure; it doubles with each further one."),
]
RetryMostOption = Annotated[
    str, typer.Option(metavar="TIME", help="The longest wait after failures.")
]
StatusFileOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="JSON file that tells what goes on. [default: in the store, named as the command]",
    ),
]
MetricsPortOption = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Serve metrics for Prometheus; 0 takes any port."
    ),
]
MetricsAddressOption = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Address to serve them at.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Log failures only.")]
