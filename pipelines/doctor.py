"""Checks an installation: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from pipelines import __version__
from pipelines.models import Use, use
from pipelines.options import entity_config
from pipelines.prism import PrismError, prism_here
from pipelines.runner_options import PrismOptions
from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store, StoreError
from transforms import files
from transforms.document import UNDETERMINED
from transforms.entity_models import EntityConfig
from transforms.model_packages import catalogue

GIB = 1024**3
_LIBRARIES = ("apache-beam", "pyarrow", "spacy", "numba", "py3langid", "trafilatura", "datasette")
_LITTLE_DISK = 1 * GIB
_ORIGINS = {
    "configured": "configured",
    "installed": "installed",
    "fallback": "ships with docsluice",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked; ``advice`` says what to do where it is not well.

    ``language`` is the one in which the names are found so.
    """

    subject: str
    well: bool
    detail: str
    advice: str = ""
    language: str | None = None


def examine(settings: Settings, as_json: bool) -> bool:
    """Print every finding; returns whether all is well."""
    path = settings.store
    findings = [_python(), *_libraries(), _sqlite(), _disk(path), _store(path)]
    findings.append(_prism(settings))
    findings += _models(entity_config(settings))
    if as_json:
        typer.echo(orjson.dumps([asdict(finding) for finding in findings]).decode())
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in _lines(findings):
            console.print(line)
    return all(finding.well for finding in findings)


def _python() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    detail = f"docsluice {__version__}, Python {platform.python_version()}, {cores} cores"
    return Finding("docsluice", True, detail)


def _libraries() -> list[Finding]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(Finding(name, True, version(name)))
        except PackageNotFoundError:
            found.append(Finding(name, False, "missing", f"pip install {name}"))
    return found


def _sqlite() -> Finding:
    try:
        with sqlite3.connect(":memory:") as connection:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite3.OperationalError:
        advice = "use a Python whose SQLite has FTS5, or --index none"
        return Finding("SQLite", False, f"{sqlite3.sqlite_version} without FTS5", advice)
    return Finding("SQLite", True, f"{sqlite3.sqlite_version} with FTS5")


def _disk(path: str) -> Finding:
    if files.is_remote(path):
        return Finding("disk", True, "the store is remote")
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    advice = "" if free > _LITTLE_DISK else "make room: a run needs about three times its input"
    return Finding("disk", free > _LITTLE_DISK, f"{free / GIB:,.1f} GiB free", advice)


def _store(path: str) -> Finding:
    try:
        runs = len(Store(path).manifests)
    except StoreError as error:
        return Finding("store", False, str(error))
    return Finding("store", True, f"{runs} committed run(s) in {path}")


def _prism(settings: Settings) -> Finding:
    """Batches do without it, and it may be downloaded: that it is missing is well."""
    try:
        options = PrismOptions.parse(settings.runner_options)
        program = prism_here(options.prism_location)
    except (ConfigurationError, PrismError) as error:
        return Finding("Prism", False, str(error), "a stream needs it: see docs/runners.md")
    if program:
        return Finding("Prism", True, program)
    advice = "a stream on this machine needs it, and downloads it; else name one in PRISM"
    return Finding("Prism", True, "not here", advice)


def _models(config: EntityConfig) -> list[Finding]:
    """Which model finds the names in each language."""
    from transforms.language import LANGUAGES

    return [_model(use(language, config)) for language in (*LANGUAGES, UNDETERMINED)]


def _model(used: Use) -> Finding:
    if used.problem:
        return Finding("entities", False, used.problem, language=used.language)
    if used.model:
        detail = f"{used.model}, {_ORIGINS[used.origin]}"
        return Finding("entities", True, detail, language=used.language)
    there = used.language in catalogue().published
    advice = "docsluice models install LANGUAGE" if there else "name one: --model LANGUAGE=NAME"
    return Finding("entities", True, "no model", advice, used.language)


def _lines(findings: list[Finding]) -> Iterator[str]:
    """Each finding as a line; languages of which the same was found share one."""
    languages: dict[Finding, list[str]] = {}
    for finding in findings:
        languages.setdefault(replace(finding, language=None), []).append(finding.language or "")
    for finding, known in languages.items():
        mark = "[green]ok  [/]" if finding.well else "[red]fail[/]"
        shared = f": {' '.join(known)}" if finding.well and any(known) else ""
        advice = f" — {finding.advice}" if finding.advice else ""
        yield f"{mark} {finding.subject}: {escape(finding.detail + shared)}{advice}"
