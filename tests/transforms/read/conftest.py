from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transforms.document import Document, Rejected
from transforms.read.formats import ReadOptions
from transforms.read.listing import list_sources
from transforms.read.plan import plan_units
from transforms.read.reader import read_slice

Rows = list[Document | Rejected]
ReadFile = Callable[..., Rows]


@pytest.fixture
def read_file(tmp_path: Path) -> ReadFile:
    """Write a file, list it, plan it and read it: the rows that come out."""

    def read(
        name: str,
        data: bytes,
        options: ReadOptions = ReadOptions(),  # noqa: B008
        unit_bytes: int = 1 << 30,
    ) -> Rows:
        (tmp_path / name).write_bytes(data)
        files = list_sources([str(tmp_path / name)]).files
        units = plan_units(files, unit_bytes, options)
        return [row for unit in units for s in unit.slices for row in read_slice(s, options)]

    return read
