"""Messages of a broker written as files below an intake, before the broker may forget them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms import files
from transforms.stream.messages import (
    MOST_BYTES,
    MOST_MESSAGES,
    Held,
    Message,
    file_name,
    in_files,
    lines,
)

_ONE_AT_A_TIME = threading.Lock()
"""Else two bundles of a process could find the same message missing, and both write it."""


@dataclass
class WriteMessages(beam.PTransform[beam.PCollection[Message], beam.PCollection[str]]):
    """Messages -> paths of the files that were written for them.

    What a bundle holds is written before the bundle is done, so a runner that acknowledges then
    loses nothing. There is no shuffle for the same reason. What is in a file already is left out.
    """

    intake: str

    def expand(self, messages: beam.PCollection[Message]) -> beam.PCollection[str]:
        """Message -> path."""
        return messages | "WriteFiles" >> beam.ParDo(_WriteFiles(self.intake))


class _WriteFiles(beam.DoFn):
    """Gathers the messages of a bundle by where they come from."""

    def __init__(self, intake: str) -> None:
        self._intake = intake

    def start_bundle(self) -> None:
        self._waiting: list[Message] = []
        self._size = 0

    def process(self, message: Message) -> Iterator[str]:
        self._waiting.append(message)
        self._size += len(message.data)
        if len(self._waiting) >= MOST_MESSAGES or self._size >= MOST_BYTES:
            yield from self._write()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for path in self._write():
            yield WindowedValue(path, window.max_timestamp(), [window])

    def _write(self) -> Iterator[str]:
        places: defaultdict[str, list[Message]] = defaultdict(list)
        for message in self._waiting:
            places[message.place].append(message)
        self._waiting, self._size = [], 0
        for place, messages in places.items():
            directory = files.join(self._intake, *place.split("/"))
            with _ONE_AT_A_TIME:
                paths = _write(directory, messages)
            yield from paths


def _write(directory: str, messages: list[Message]) -> list[str]:
    paths = []
    held = Held(files.names(directory, ".jsonl"))
    for some in in_files(messages, held):
        content = lines(some)
        if content:
            path = files.join(directory, file_name(some))
            files.write(path, content, durable=True)
            paths.append(path)
    return paths
