"""Worker processes that docsluice starts for Prism and for Flink: all of them work, as one."""

from __future__ import annotations

import os
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter

from pipelines.direct import WorkerLostError
from pipelines.runners import open_pipeline
from pipelines.settings import load
from tests.integration.steps import KEYS, Die, Number, Work

ELEMENTS = 10


@pytest.fixture(params=["prism", "flink"])
def options(request: pytest.FixtureRequest) -> dict[str, object]:
    if request.param == "prism":
        option = f"prism_location={request.getfixturevalue('prism')}"
    else:
        option = f"job_endpoint={request.getfixturevalue('flink_endpoint')}"
    return {"runner": request.param, "runner_options": [option], "workers": 2, "entities": False}


def test_two_processes_share_the_work_and_count_together(
    options: dict[str, object], tmp_path: Path
) -> None:
    with open_pipeline(load(options), 1) as pipeline:
        (
            pipeline
            | beam.Create(range(ELEMENTS))
            | beam.Reshuffle()
            | beam.ParDo(Work()).with_output_types(tuple[int, int])
            | beam.ParDo(Number())
            | beam.io.WriteToText(str(tmp_path / "out"))
        )
        result = pipeline.run()
        result.wait_until_finish()
        counters = result.metrics().query(MetricsFilter().with_namespace("test"))["counters"]
    counted = {counter.key.metric.name: counter.result for counter in counters}
    rows = [line.split() for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert len({pid for *_, pid in rows}) == 2
    assert str(os.getpid()) not in {pid for *_, pid in rows}
    expected = [[str(k), str(n)] for k in range(KEYS) for n in range(1, ELEMENTS // KEYS + 1)]
    assert sorted(row[:2] for row in rows) == sorted(expected)
    sums = {f"of key {key}": sum(range(key, ELEMENTS, KEYS)) for key in range(KEYS)}
    assert counted == {"elements": ELEMENTS, **sums}


def test_a_lost_process_fails_the_job(options: dict[str, object]) -> None:
    def fail() -> None:
        with open_pipeline(load(options), 1) as pipeline:
            pipeline | beam.Create([1]) | beam.Reshuffle() | beam.ParDo(Die())
            pipeline.run().wait_until_finish()

    with pytest.raises(WorkerLostError, match="a worker process was killed"):
        fail()
