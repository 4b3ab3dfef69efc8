"""Lines that come by standard input or a socket, as files: their source, which stays.

A line that is a JSON object is a record as in a ``.jsonl`` file; any other is the text of one.
Lines are gathered for a moment and written to ``<store>/intake/<time>-<number>.jsonl``. Whoever
sends waits while nobody takes: a queue of bounded length lies between.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Protocol

from transforms import files
from transforms.document import Rejected
from transforms.read.listing import list_sources
from transforms.read.slices import SourceFile
from transforms.stream.messages import record

DIRECTORY = "intake"

_WAITING = 1000
_LINES = 500
_BYTES = 1024 * 1024
_PAUSE = 0.2
"""Seconds for which lines are gathered, and lines and bytes that are enough for a file."""


class Lines(Protocol):
    """Where lines come from."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or so many bytes of it; empty at the end."""


class ListenError(ValueError):
    """An address that cannot be listened at; one line for the user."""


def read_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; without a host the loopback address.

    Raises:
        ListenError: it is not of that form.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ListenError(f"--listen takes HOST:PORT, such as 127.0.0.1:9099: {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


class Intake:
    """Takes lines and turns them into files below a store.

    Args:
        store: path of the store.
        most: bytes of the longest line that is taken; a longer one is cut there.
    """

    def __init__(self, store: str, most: int) -> None:
        self._directory = files.join(store, DIRECTORY)
        self._most = most
        self._lines: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._readers: list[threading.Thread] = []
        self._number = 0
        self._is_listening = False

    def read(self, stream: Lines) -> None:
        """Take the lines of a stream, in a thread, to its end."""
        thread = threading.Thread(target=self._take, args=(stream,), name="intake", daemon=True)
        thread.start()
        self._readers.append(thread)

    @contextmanager
    def listening(self, host: str, port: int) -> Iterator[int]:
        """Take the lines of all who connect while the block runs; yields the port.

        Raises:
            ListenError: the address is taken, or not one of this machine's.
        """
        take = self._take

        class Handler(StreamRequestHandler):
            """Takes the lines of one connection."""

            def handle(self) -> None:
                take(self.rfile)

        class Server(ThreadingTCPServer):
            """Does not wait for who stays connected."""

            daemon_threads, block_on_close, allow_reuse_address = True, False, True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        try:
            server = Server((host, port), Handler)
        except OSError as error:
            raise ListenError(f"cannot listen at {host}:{port}: {error.strerror}") from None
        with server:
            thread = threading.Thread(target=server.serve_forever, name="socket", daemon=True)
            thread.start()
            self._is_listening = True
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()

    @property
    def has_ended(self) -> bool:
        """Whether no more lines can come, and all that came are written."""
        reading = any(thread.is_alive() for thread in self._readers)
        return not (self._is_listening or reading) and self._lines.empty()

    def write(self) -> bool:
        """Write what has come as a file, waiting a moment for more; returns whether there was any.

        Raises:
            OSError: the file cannot be written.
        """
        records: list[bytes] = []
        size, until = 0, time.monotonic() + _PAUSE
        while len(records) < _LINES and size < _BYTES:
            try:
                left = until - time.monotonic() if records else 0.0
                line = self._lines.get(block=left > 0, timeout=max(left, 0.001))
            except queue.Empty:
                break
            records.append(line)
            size += len(line)
        if not records:
            return False
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{self._number:06d}.jsonl"
        self._number += 1
        path = files.join(self._directory, name)
        files.write(path, b"\n".join(records) + b"\n", durable=True)
        return True

    def _take(self, stream: Lines) -> None:
        while line := stream.readline(self._most):
            taken = record(line)
            if taken is not None:
                self._lines.put(taken)


def taken_in(store: str) -> tuple[tuple[SourceFile, ...], tuple[Rejected, ...]]:
    """The files that intakes of a store have left, and what could not be looked at.

    Raises:
        SourceError: they cannot be listed.
    """
    directory = files.join(store, DIRECTORY)
    if not (files.names(directory, ".jsonl") or files.directories(directory)):
        return (), ()
    listing = list_sources([directory], (), ())
    return tuple(listing.files), tuple(listing.problems)
