"""The staging area: what the pipeline has made of each part, until a run takes it over.

Its files are those of a run that is never committed, so the writers of a run write them. A part is
complete when its receipt is there, which is written last. How many parts an order has is known
when it has been read.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from transforms import files
from transforms.letters import KIND as LETTERS
from transforms.run import Run
from transforms.stream.orders import order_path

STAGED = "staged"
LEDGER_STAGES = ("read", "clean", "repeated", "duplicates", "language", "entities", "kept")
"""Stages that leave ledger rows of a part; those of ``LETTER_STAGES`` dead letters as well."""
LETTER_STAGES = ("read", "clean", "language", "entities")

_RECEIPTS = "receipts"
_READ = "read"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A part that is staged: all that there is of it is in its files.

    ``documents`` of them go on: as many rows has its Parquet file, which is not there for none.
    """

    part: str
    order: int
    documents: int


def order_of(part: str) -> int:
    """The number of the order that a part is of."""
    return int(part.split("-")[0])


def is_forgotten(run: Run, part: str) -> bool:
    """Whether the order of a part was dealt with and deleted, and the part comes once more."""
    return not files.exists(order_path(run.store, order_of(part)))


def staged_run(stream: str, started_at: datetime) -> Run:
    """The run as which a session of a stream, begun at ``started_at`` (UTC), stages its files."""
    return Run(stream, STAGED, started_at)


def write_receipt(stream: str, receipt: Receipt) -> None:
    """Write the receipt of a part, all of whose files are written.

    Raises:
        OSError: it cannot be written.
    """
    files.write(_receipt_path(stream, receipt.part), json.dumps(asdict(receipt)).encode())


def receipts(stream: str, seen: Container[str]) -> list[Receipt]:
    """The receipts of parts that are not among ``seen``, in the order of the parts.

    Raises:
        OSError: one cannot be read.
    """
    parts = (name.removesuffix(".json") for name in files.names(_directory(stream), ".json"))
    found = [
        Receipt(**json.loads(files.read(_receipt_path(stream, part))))
        for part in parts
        if part not in seen
    ]
    return sorted(found, key=lambda receipt: (receipt.order, len(receipt.part), receipt.part))


def staged_documents(stream: str) -> int:
    """How many documents are staged, also while others stage and delete.

    Raises:
        OSError: a receipt cannot be read.
    """
    paths = (files.join(_directory(stream), name) for name in files.names(_directory(stream)))
    told = map(files.read_if_there, paths)
    return sum(json.loads(data)["documents"] for data in told if data is not None)


def staged_ledger(stream: str) -> list[str]:
    """Paths of the ledger files that are staged."""
    directory = Run(stream, STAGED, datetime.min).directory("ledger")
    return [files.join(directory, name) for name in files.names(directory, ".parquet")]


def write_read(stream: str, order: int, parts: int) -> None:
    """Write that an order has been read, into so many parts.

    Raises:
        OSError: it cannot be written.
    """
    files.write(_read_path(stream, order), json.dumps({"parts": parts}).encode())


def parts_of(stream: str, order: int) -> int | None:
    """Into how many parts an order has been read, None if it is not read yet.

    Raises:
        OSError: that cannot be read.
    """
    data = files.read_if_there(_read_path(stream, order))
    return None if data is None else int(json.loads(data)["parts"])


def forget(stream: str, order: int, parts: Iterable[str]) -> None:
    """Delete all files of an order, the order last, but for the spool of its parts.

    Raises:
        OSError: one cannot be deleted.
    """
    run = Run(stream, STAGED, datetime.min)
    for part in parts:
        files.delete(_receipt_path(stream, part))
        for kind in ("documents", "fingerprints"):
            files.delete(run.part(kind, part, ".parquet"))
        files.delete(run.part("verdicts", part, ".json"))
        for stage in LEDGER_STAGES:
            files.delete(run.part("ledger", part, f"-{stage}.parquet"))
        for stage in LETTER_STAGES:
            files.delete(run.part(LETTERS, part, f"-{stage}.jsonl"))
    files.delete(_read_path(stream, order))
    files.delete(order_path(stream, order))


def delete_spool(stream: str, older_than: datetime) -> None:
    """Delete the spool files that were written before a time.

    Raises:
        OSError: one cannot be deleted.
    """
    directory = Run(stream, STAGED, older_than).directory("spool")
    for name, modified_at in files.modified(directory).items():
        if modified_at < older_than:
            files.delete(files.join(directory, name))


def _directory(stream: str) -> str:
    return files.join(stream, _RECEIPTS)


def _receipt_path(stream: str, part: str) -> str:
    return files.join(stream, _RECEIPTS, f"{part}.json")


def _read_path(stream: str, order: int) -> str:
    return files.join(stream, _READ, f"{order:08d}.json")
