from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.runners import NoRunnerError, lane_count, open_pipeline, runner_of, worker_count
from pipelines.settings import MIB, ConfigurationError, load


@pytest.mark.parametrize(
    ("entities", "size", "parallel"),
    [(True, 100_000, False), (True, 5 * MIB, True), (False, 5 * MIB, False),
     (False, 100 * MIB, True)],
)  # fmt: skip
def test_more_processes_are_started_only_when_the_input_is_worth_it(
    entities: bool, size: int, parallel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert worker_count(load({"entities": entities}), size) == (4 if parallel else 1)


def test_the_number_that_was_asked_for_is_taken() -> None:
    assert worker_count(load({"workers": 3}), 1) == 3


def test_another_runner_takes_its_own_options() -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import DirectOptions

    settings = load({"runner": "FnApiRunner", "runner_options": ["direct_num_workers=1"]})
    with open_pipeline(settings, 1) as pipeline:
        assert pipeline.options.view_as(DirectOptions).direct_num_workers == 1
        pipeline | beam.Create([1])


def test_the_direct_runner_takes_no_options_of_beam() -> None:
    with (
        pytest.raises(ConfigurationError, match="--workers"),
        open_pipeline(load({"runner_options": ["x=1"]}), 1),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Nonsense", "no runner 'Nonsense'; take direct, prism, flink, spark or dataflow, or the"),
        ("no_such_module.Runner", "no_such_module"),
        ("pipelines.NoSuchRunner", "NoSuchRunner"),
    ],
)
def test_a_runner_that_there_is_not_is_a_mistake_in_the_settings(name: str, message: str) -> None:
    with (
        pytest.raises(ConfigurationError, match=message) as caught,
        open_pipeline(load({"runner": name}), 1),
    ):
        pass
    assert "BundleBasedDirectRunner" not in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "lanes"),
    [
        ({"runner": "prism", "workers": 4}, 4),
        ({"runner": "prism", "workers": 1}, 1),
        ({"runner": "prism", "workers": 16}, 7),  # else no bundle of Prism's is left to read
        ({"runner": "prism", "workers": 4, "entities": False}, 1),
        ({"runner": "flink", "workers": 4}, 1),
    ],
)
def test_entities_on_prism_are_looked_for_in_a_lane_for_each_worker(
    flags: dict[str, object], lanes: int
) -> None:
    assert lane_count(load(flags)) == lanes


def test_a_stream_runs_on_prism_unless_another_runner_is_named() -> None:
    assert runner_of(load({}), streaming=True) == "prism"
    assert runner_of(load({"runner": "flink"}), streaming=True) == "flink"
    assert runner_of(load({}), streaming=False) == "direct"


def test_a_runner_that_a_file_or_the_environment_names_counts_as_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("runner: dataflow")
    assert runner_of(load({}, tmp_path / "a.yaml"), streaming=True) == "dataflow"
    monkeypatch.setenv("DOCSLUICE_RUNNER", "flink")
    assert runner_of(load({}), streaming=True) == "flink"


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        ("direct", "the direct runner cannot stream; take --runner"),
        ("spark", "spark cannot stream; take --runner prism, flink or dataflow"),
    ],
)
def test_a_runner_that_cannot_stream_is_refused_for_a_stream(runner: str, message: str) -> None:
    with (
        pytest.raises(ConfigurationError, match=message),
        open_pipeline(load({"runner": runner}), 1, streaming=True),
    ):
        pass


@pytest.mark.parametrize(
    ("runner", "server"),
    [("prism", "Prism"), ("flink", "Flink job server"), ("spark", "Spark job server")],
)
def test_a_server_that_does_not_answer_is_said_at_once(runner: str, server: str) -> None:
    settings = load({"runner": runner, "runner_options": ["job_endpoint=localhost:9"]})
    with (
        pytest.raises(NoRunnerError, match=f"no {server} answers at localhost:9; start one"),
        open_pipeline(settings, 1),
    ):
        pass
