"""What a stream has ordered and not yet committed. Pure, but for the staging area that it reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from transforms.read.slices import SourceFile
from transforms.stream.orders import Order
from transforms.stream.staging import Receipt, parts_of, receipts

ORDER_FILES = 50
ORDER_BYTES = 1024 * 1024
"""At most so much is in one order, but for a single file: orders are worked on side by side."""


@dataclass(slots=True)
class Pending:
    """An order on its way.

    ``known`` are the versions that the state had of its files when it was written. ``parts`` is
    the number of its parts once it has been read; ``is_indexed`` says that searches find it.
    """

    order: Order
    known: Mapping[str, str]
    parts: int | None = None
    receipts: dict[str, Receipt] = field(default_factory=dict)
    is_indexed: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all of it is staged."""
        return self.parts is not None and len(self.receipts) >= self.parts


class Flight:
    """The orders of a session of a stream.

    Args:
        session: directory of the session.
        first: number of the first order.
        most_files: how many files may be ordered and not yet be found by searches.
        most_bytes: how many bytes of them; a single larger file may all the same.
    """

    def __init__(self, session: str, first: int, most_files: int, most_bytes: int) -> None:
        self._session = session
        self._most_files, self._most_bytes = most_files, most_bytes
        self._pending: dict[int, Pending] = {}
        self._versions: dict[str, str] = {}
        self._seen: set[str] = set()
        self._files = self._bytes = 0
        self.next = first

    def __contains__(self, uri: str) -> bool:
        return uri in self._versions

    @property
    def is_empty(self) -> bool:
        """Whether everything that was ordered is committed."""
        return not self._pending

    @property
    def is_working(self) -> bool:
        """Whether an order is not yet staged whole."""
        return any(not one.is_complete for one in self._pending.values())

    @property
    def files(self) -> int:
        """Number of files that were ordered and are not yet found by searches."""
        return self._files

    @property
    def documents(self) -> int:
        """Number of documents that are staged and not yet committed."""
        return sum(r.documents for one in self._pending.values() for r in one.receipts.values())

    @property
    def uncommitted_bytes(self) -> int:
        """Bytes of all files that are not yet committed."""
        return sum(file.size for one in self._pending.values() for file in one.order.files)

    def is_rewritten(self, file: SourceFile) -> bool:
        """Whether a file is on its way with another version than it has now."""
        return self._versions.get(file.uri, file.version) != file.version

    def take(
        self, waiting: deque[SourceFile], known: Mapping[str, str], now: datetime
    ) -> Iterator[Order]:
        """Orders for the files that wait, as far as there is room; these leave the queue.

        Args:
            waiting: files in the order in which they are to be read.
            known: versions of files in the state.
            now: event time of the orders (UTC).
        """
        while waiting and self._files < self._most_files and self._bytes < self._most_bytes:
            room = min(ORDER_FILES, self._most_files - self._files)
            files: list[SourceFile] = []
            size = 0
            while waiting and len(files) < room and (not files or size < ORDER_BYTES):
                file = waiting.popleft()
                if file.uri not in self._versions:
                    files.append(file)
                    size += file.size
                    self._versions[file.uri] = file.version
            if not files:
                return
            order = Order(self.next, now, tuple(files))
            self.add(order, {file.uri: known[file.uri] for file in files if file.uri in known})
            yield order

    def add(self, order: Order, known: Mapping[str, str]) -> None:
        """Know of an order that is written, or about to be."""
        self._pending[order.number] = Pending(order, known)
        self._versions |= {file.uri: file.version for file in order.files}
        self._files += len(order.files)
        self._bytes += sum(file.size for file in order.files)
        self.next = max(self.next, order.number + 1)

    def collect(self) -> bool:
        """Look what has been staged since the last time; returns whether there was anything.

        Raises:
            OSError: the staging area cannot be read.
        """
        found = receipts(self._session, self._seen)
        for receipt in found:
            self._seen.add(receipt.part)
            if receipt.order in self._pending:
                self._pending[receipt.order].receipts[receipt.part] = receipt
        changed = bool(found)
        for number, one in self._pending.items():
            if one.parts is None:
                one.parts = parts_of(self._session, number)
                changed |= one.parts is not None
        return changed

    def complete(self) -> list[Pending]:
        """The orders that are staged whole, in their order."""
        return [one for _, one in sorted(self._pending.items()) if one.is_complete]

    def indexed(self, ones: Iterable[Pending]) -> None:
        """Searches find these orders now: there is room for others."""
        for one in ones:
            if not one.is_indexed:
                one.is_indexed = True
                self._files -= len(one.order.files)
                self._bytes -= sum(file.size for file in one.order.files)

    def committed(self, ones: Iterable[Pending]) -> None:
        """These orders are part of a run, or are of no use; the state knows their files."""
        ones = list(ones)
        self.indexed(ones)
        for one in ones:
            del self._pending[one.order.number]
            self._seen.difference_update(one.receipts)
            for file in one.order.files:
                del self._versions[file.uri]
