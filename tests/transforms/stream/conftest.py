from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transforms.read.slices import SourceFile
from transforms.run import Run
from transforms.stream.orders import Order, write_order
from transforms.stream.staging import staged_run

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def staged(tmp_path: Path) -> Run:
    """The staging area of a stream in an empty directory."""
    return staged_run(str(tmp_path / "stream"), AT)


@pytest.fixture
def give_order(tmp_path: Path, staged: Run) -> Callable[..., Order]:
    """Writes files with these texts, and the order to read them, so many seconds after ``AT``."""

    def give(number: int, texts: Sequence[str], seconds: float = 0, version: str = "v1") -> Order:
        found = []
        for place, text in enumerate(texts):
            path = tmp_path / f"{number}-{place}.txt"
            path.write_text(text)
            found.append(SourceFile(path.as_uri(), path.stat().st_size, version))
        order = Order(number, AT + timedelta(seconds=seconds), tuple(found))
        write_order(staged.store, order)
        return order

    return give
