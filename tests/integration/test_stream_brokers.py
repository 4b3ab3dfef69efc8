"""``docsluice stream kafka://…`` on Prism, a stand-in for the broker and Java's side of the IO."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

from pipelines.brokers import EXPANSION_SERVICE
from tests.integration.command import docsluice
from tests.integration.streams import Stream, assert_sound
from tests.kafka_stand_in import TEXTS, kafka_stand_in


# The workers of the stand-in, threads of this process, lose their runner when the stream stops.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_messages_delivered_again_and_again_are_documents_once_also_after_a_restart(
    prism: Path, tmp_path: Path
) -> None:
    address, workers = BeamFnExternalWorkerPoolServicer.start(use_process=False)
    environment = ("--environment_type=EXTERNAL", f"--environment_config={address}")
    source = "kafka://broker:9092/news"
    try:
        with kafka_stand_in(*environment, forever=True) as (service, asked):
            services = orjson.dumps({EXPANSION_SERVICE: service}).decode()
            option = f"beam_services={services}"
            for number in (1, 2):
                with Stream(source, "--runner-option", option, cwd=tmp_path, prism=prism) as stream:
                    stream.until(lambda number=number: len(asked) == number)
                    stream.until_committed(len(TEXTS))
                    assert stream.stop() == 0
    finally:
        workers.stop(None).wait()
    found = json.loads(docsluice("status", "--json", cwd=tmp_path).stdout)
    assert found["outcomes"] == {"kept": len(TEXTS)}
    assert_sound(stream.store, tmp_path)


def test_a_pipeline_that_cannot_take_messages_ends_the_stream_with_one_line(
    prism: Path, tmp_path: Path
) -> None:
    services = orjson.dumps({EXPANSION_SERVICE: "127.0.0.1:1"}).decode()
    with Stream(
        "kafka://broker:9092/news",
        "--runner-option",
        f"beam_services={services}",
        cwd=tmp_path,
        prism=prism,
    ) as stream:
        assert stream.process.wait(90) == 3
        assert "Traceback" not in stream.log
        assert "docsluice: taking messages: " in stream.log
