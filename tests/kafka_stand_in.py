"""A stand-in for Java's side of ``ReadFromKafka``, for where there is no broker.

An expansion service that takes Beam's real request, by gRPC, and lays a source into the graph that
gives rows of the same fields: five messages of one partition, over and over again if asked to.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.coders import RowCoder
from apache_beam.io.kafka import ReadFromKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_expansion_api_pb2_grpc, external_transforms_pb2
from apache_beam.runners.portability.expansion_service import ExpansionServiceServicer
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.typehints.row_type import RowTypeConstraint
from apache_beam.typehints.schemas import named_tuple_from_schema

TEXTS = [
    "The harbour was closed when the storm came in from the west.",
    "A committee of seven has looked into the price of bread.",
    "Our bicycles stood in the rain for most of that long summer.",
    "Nobody expected the orchestra to play without its conductor.",
    "Glaciers in the north have lost a third of their old length.",
]
_ROW = RowTypeConstraint.from_fields(
    [("topic", str), ("partition", int), ("offset", int), ("key", bytes), ("value", bytes)]
)


def _row(offset: int) -> beam.Row:
    return beam.Row(topic="news", partition=3, offset=offset, key=b"", value=TEXTS[offset].encode())


class _Read(beam.PTransform[Any, Any]):
    """The messages of the topic."""

    def __init__(self, forever: bool) -> None:
        super().__init__()
        self._forever = forever

    def expand(self, begin: Any) -> Any:
        if self._forever:
            ticks = begin | PeriodicImpulse(fire_interval=0.5)
        else:
            ticks = begin | beam.Create([None])
        return ticks | beam.FlatMap(
            lambda _tick: [_row(offset) for offset in range(len(TEXTS))]
        ).with_output_types(_ROW)


@contextmanager
def kafka_stand_in(
    *environment: str, forever: bool = False
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve while the block runs.

    Args:
        environment: options of Beam that say where the steps of the source work.
        forever: deliver the messages again and again.

    Yields:
        ``HOST:PORT``, and the requests as they come.
    """
    asked: list[dict[str, Any]] = []

    def read(_transform: object, payload: bytes, _context: object) -> _Read:
        external = external_transforms_pb2.ExternalConfigurationPayload.FromString(payload)
        row = RowCoder(external.schema).decode(external.payload)
        asked.append(named_tuple_from_schema(external.schema)(*row)._asdict())
        return _Read(forever)

    beam.PTransform.register_urn(ReadFromKafka.URN_WITH_METADATA, None, read)
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = ExpansionServiceServicer(PipelineOptions(list(environment)))
    beam_expansion_api_pb2_grpc.add_ExpansionServiceServicer_to_server(servicer, server)
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    server.start()
    try:
        yield f"127.0.0.1:{port}", asked
    finally:
        server.stop(None).wait()
