"""Single documents of a file, read and cleaned once more outside of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from transforms.document import Document, Rejected
from transforms.read.slices import Slice, SourceFile, WorkUnit

if TYPE_CHECKING:
    from transforms.read.streams import Opener


def cleaned_again(
    settings: Settings, file: SourceFile, ids: Collection[str], open_: Opener
) -> Iterator[Document | Rejected]:
    """Read some documents of a file, and clean them.

    Args:
        settings: how files are read and cleaned.
        file: the file.
        ids: ids of the wanted documents.
        open_: opens the file.

    Yields:
        The documents, in their order, and what was rejected, also of the file as a whole.
    """
    # Here, as runs with nothing to do would pay for these.
    from pipelines.options import clean_options, read_options
    from transforms.clean import clean
    from transforms.read.batches import read_unit

    options = clean_options(settings)
    unit = WorkUnit(0, (Slice(file._replace(only=frozenset(ids)), 0, file.size),))
    for part in read_unit(unit, read_options(settings), open_):
        yield from part.rejected
        for document in part.documents:
            yield clean(document, options)
