"""Prism, Beam's portable runner that can stream: one program, built from its Go module, once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import apache_beam

from pipelines.prism import PrismError, find_prism
from tests.integration.servers import UnavailableError
from tests.integration.servers.distribution import alone, cached
from tests.integration.servers.go import go

VERSION = f"v{apache_beam.__version__}"
_PACKAGE = "github.com/apache/beam/sdks/v2/go/cmd/prism"


def prism_binary() -> Path:
    """The program of the version of the installed Beam.

    The one that ``PRISM`` names, else one built by ``go install`` into the user's cache, else what
    ``docsluice`` itself finds or downloads.

    Raises:
        UnavailableError: none of these ways is open.
    """
    if named := os.environ.get("PRISM"):
        if not os.access(named, os.X_OK):
            raise UnavailableError(f"PRISM names {named}, which is no program")
        return Path(named)
    program = cached(f"prism-{VERSION}")
    with alone(program):
        if not program.exists():
            try:
                _build(program)
            except UnavailableError as not_built:
                try:
                    return Path(find_prism(None))
                except PrismError as not_found:
                    raise UnavailableError(f"{not_built}; {not_found}") from None
    return program


def _build(program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        workplace = Path(directory)
        install = ("install", "-trimpath", "-ldflags=-s -w", f"{_PACKAGE}@{VERSION}")
        go(*install, workplace=workplace, cwd=workplace, what="Prism")
        (workplace / "prism").rename(program)
