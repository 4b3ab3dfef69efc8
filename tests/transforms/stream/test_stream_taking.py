from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import orjson
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream

from transforms.stream.messages import Message
from transforms.stream.taking import WriteMessages


def texts_in(intake: Path) -> list[str]:
    return sorted(
        orjson.loads(line)["text"]
        for path in intake.rglob("*.jsonl")
        for line in path.read_bytes().splitlines()
    )


def deliver(intake: Path, messages: list[Message]) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        pipeline | beam.Create(messages) | WriteMessages(str(intake))


def of_kafka(partition: int, *offsets: int) -> list[Message]:
    where = f"kafka/b_9092/t/{partition}"
    return [Message(where, b"%d of %d" % (offset, partition), offset) for offset in offsets]


@pytest.fixture(name="intake")
def _intake(tmp_path: Path) -> Path:
    return tmp_path / "intake"


def test_messages_become_files_of_their_partition(intake: Path) -> None:
    deliver(intake, [*of_kafka(0, *range(20)), *of_kafka(1, *range(5))])
    assert len(texts_in(intake)) == 25
    assert {path.parent.name for path in intake.rglob("*.jsonl")} == {"0", "1"}


def test_what_comes_again_is_left_out_and_no_file_is_touched(intake: Path) -> None:
    deliver(intake, of_kafka(0, *range(10)))
    before = {path: path.stat().st_mtime_ns for path in intake.rglob("*.jsonl")}
    deliver(intake, of_kafka(0, *range(4, 14)))
    deliver(intake, of_kafka(0, *range(14)))
    assert texts_in(intake) == sorted(f"{offset} of 0" for offset in range(14))
    after = {path: path.stat().st_mtime_ns for path in intake.rglob("*.jsonl")}
    assert before.items() <= after.items()


def test_messages_of_a_subscription_that_come_again_are_left_out(intake: Path) -> None:
    some = [Message("pubsub/p/s", b"text %d" % n, id=str(n)) for n in range(7)]
    deliver(intake, some)
    deliver(intake, some)
    assert texts_in(intake) == [f"text {n}" for n in range(7)]


def test_each_bundle_is_written_when_it_is_done(intake: Path) -> None:
    arriving = test_stream.TestStream()
    for offset in range(3):
        arriving = arriving.add_elements(of_kafka(0, offset))
    streaming = PipelineOptions(["--streaming"])
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=streaming) as pipeline:
        pipeline | arriving.advance_watermark_to_infinity() | WriteMessages(str(intake))
    assert len(list(intake.rglob("*.jsonl"))) == 3
    assert len(texts_in(intake)) == 3


def test_a_message_without_content_makes_no_file(intake: Path) -> None:
    deliver(intake, [Message("kafka/b_9092/t/0", b"", 0)])
    assert not list(intake.rglob("*.jsonl"))
