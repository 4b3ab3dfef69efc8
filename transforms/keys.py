"""Keys under which documents meet: equal ids, equal contents, MinHash bands.

Each batch keeps its keys in a small file beside its spool file; the election reads those of the
run, about 100 bytes a document, and nothing of the texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from transforms import files
from transforms.document import Document
from transforms.fingerprint import BANDS, fingerprints
from transforms.run import Run

COLUMNS = 1 + BANDS


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of some documents, an entry (of ``bands``: a row) for each.

    ``contents`` are the first 32 bits of the content hashes. ``bands`` has ``BANDS`` columns,
    which mean nothing where ``filled`` is false: the text has no words.
    """

    contents: NDArray[np.uint32]
    bands: NDArray[np.uint32]
    filled: NDArray[np.bool_]

    def take(self, places: NDArray[np.int64]) -> Keys:
        """The keys of the documents at these places."""
        return Keys(self.contents[places], self.bands[places], self.filled[places])


def keys_of(documents: Sequence[Document], near: bool) -> Keys:
    """The keys of documents with their content hashes; without ``near`` none for their bands."""
    texts = [document.text if near else "" for document in documents]
    bands, filled = fingerprints(texts, BANDS)
    return Keys(first_bits(document.content_hash for document in documents), bands, filled)


def first_bits(digests: Iterable[str]) -> NDArray[np.uint32]:
    """The first 32 bits of hexadecimal digests."""
    return np.array([int(digest[:8], 16) for digest in digests], np.uint32)


def column(keys: Keys, number: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """One kind of key, and the places of the documents that have it.

    Column 0 are the contents, the others the bands; documents meet that have a key of a column
    in common.
    """
    if number == 0:
        return keys.contents, np.arange(len(keys.contents))
    filled = np.flatnonzero(keys.filled)
    return keys.bands[filled, number - 1], filled


def concatenate(all_: Sequence[Keys]) -> Keys:
    """The keys of several lots of documents as one."""
    return Keys(
        np.concatenate([np.empty(0, np.uint32), *(keys.contents for keys in all_)]),
        np.concatenate([np.empty((0, BANDS), np.uint32), *(keys.bands for keys in all_)]),
        np.concatenate([np.empty(0, np.bool_), *(keys.filled for keys in all_)]),
    )


def keys_path(run: Run, part: str) -> str:
    """Path of the file with the keys of a batch."""
    return run.part("spool", part, ".keys")


def write_keys(path: str, keys: Keys) -> None:
    """Write keys to a file (numpy's ``npz``)."""
    sink = BytesIO()
    np.savez(sink, contents=keys.contents, bands=keys.bands, filled=keys.filled)
    files.write(path, sink.getvalue())


def read_keys(path: str) -> Keys:
    """The keys that ``write_keys`` wrote."""
    with np.load(BytesIO(files.read(path)), allow_pickle=False) as found:
        return Keys(found["contents"], found["bands"], found["filled"])
