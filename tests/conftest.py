"""What many tests need: documents, runs, and the command as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from transforms.document import Document, document_id
from transforms.run import Run

SEEDS = Path(__file__).parent.parent / "seeds"

# A shell without job control lets what it starts in the background ignore Ctrl-C, and with it all
# the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(str(tmp_path / "store"), "000001-test", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def make_document() -> Callable[..., Document]:
    def make(name: str, text: str = "some text", **fields: object) -> Document:
        source = f"file:///corpus/{name}"
        return Document(id=document_id(source), source=source, text=text, **fields)

    return make


@pytest.fixture
def docsluice(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in a process of its own, in an empty directory, without inherited settings."""

    def call(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")}
        environment.update(options.pop("env", {}))
        return subprocess.run(
            [sys.executable, "-m", "pipelines", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=options.pop("cwd", tmp_path),
            env=environment,
            **options,
        )

    return call


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    """A directory reached through Beam's filesystem interface, as an object store would be."""
    from tests.bucket import BucketFileSystem

    BucketFileSystem.root = tmp_path / "bucket"
    return "bucket://b"
