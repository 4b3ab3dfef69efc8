"""Checks an installation: what is there, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import orjson
import typer
from rich.console import Console

from pipelines import __version__
from pipelines.store import Store, StoreError
from transforms import files

GIB = 1024**3
_LIBRARIES = ("apache-beam", "pyarrow", "spacy", "numba", "py3langid", "trafilatura", "datasette")
_LITTLE_DISK = 1 * GIB


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked; ``advice`` says what to do where it is not well."""

    subject: str
    well: bool
    detail: str
    advice: str = ""


def examine(path: str, as_json: bool) -> bool:
    """Print every finding; returns whether all is well."""
    findings = [_python(), *_libraries(), _sqlite(), _disk(path), _store(path), *_models()]
    if as_json:
        typer.echo(orjson.dumps([asdict(finding) for finding in findings]).decode())
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            mark = "[green]ok  [/]" if finding.well else "[red]fail[/]"
            advice = f" — {finding.advice}" if finding.advice else ""
            console.print(f"{mark} {finding.subject}: {finding.detail}{advice}")
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


def _models() -> list[Finding]:
    """Which model finds the names in which languages."""
    from transforms.entity_models import EntityConfig, choose
    from transforms.language import LANGUAGES

    languages: dict[str, list[str]] = {}
    for language in sorted(LANGUAGES):
        choice = choose(language, EntityConfig())
        name = "no model" if choice is None else choice.name
        if choice is not None and choice.origin == "fallback":
            name = "the model that ships with docsluice"
        languages.setdefault(name, []).append(language)
    return [
        Finding(
            "entities",
            True,
            f"{name}: {' '.join(known)}",
            "install a spaCy model of the language to find names in it"
            if name == "no model"
            else "",
        )
        for name, known in sorted(languages.items())
    ]
