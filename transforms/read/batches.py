"""What a work unit holds, in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from transforms.document import Batch, Document, Rejected
from transforms.read.formats import ReadOptions
from transforms.read.reader import read_slice
from transforms.read.slices import SourceFile, WorkUnit
from transforms.read.streams import Opener, open_local

DEFAULT_BATCH_CHARS = 2 * 1024 * 1024
MAX_ROWS = 1000


@dataclass(slots=True)
class Part:
    """A stretch of a unit: its documents and what stood between them."""

    name: str
    documents: list[Document] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    characters: int = 0

    def __len__(self) -> int:
        return len(self.documents) + len(self.rejected)

    def batch(self) -> Batch:
        """The documents as they go on."""
        return Batch(self.name, tuple(self.documents))


def read_unit(
    unit: WorkUnit,
    options: ReadOptions,
    open_: Opener = open_local,
    batch_chars: int = DEFAULT_BATCH_CHARS,
) -> Iterator[Part]:
    """Read a unit as parts named ``{unit}-{part}``, in the order of its files.

    Of a file with ``only`` those records are taken alone, and what is said of the whole file.
    A part has up to ``batch_chars`` characters, or one longer document, and up to 1,000 rows;
    one part is in memory at a time.
    """
    number = 0
    part = Part(f"{unit.number:05d}-{number:03d}")
    for slice_ in unit.slices:
        for row in read_slice(slice_, options, open_):
            if not _is_wanted(row, slice_.file):
                continue
            characters = len(row.text) if isinstance(row, Document) else len(row.payload or "")
            if part and (part.characters + characters > batch_chars or len(part) == MAX_ROWS):
                yield part
                number += 1
                part = Part(f"{unit.number:05d}-{number:03d}")
            if isinstance(row, Document):
                part.documents.append(row)
            else:
                part.rejected.append(row)
            part.characters += characters
    if part:
        yield part


def _is_wanted(row: Document | Rejected, file: SourceFile) -> bool:
    return file.only is None or row.id in file.only or row.source == file.uri
