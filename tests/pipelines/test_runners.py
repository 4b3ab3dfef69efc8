from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.runners import NoRunnerError, open_pipeline, runner_of, worker_count
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


def test_a_runner_that_beam_does_not_know_is_a_mistake_in_the_settings() -> None:
    with (
        pytest.raises(ConfigurationError, match=r"Nonsense.*DataflowRunner"),
        open_pipeline(load({"runner": "Nonsense"}), 1),
    ):
        pass


def test_a_stream_runs_on_prism_unless_another_runner_is_named() -> None:
    assert runner_of(load({}), streaming=True) == "prism"
    assert runner_of(load({"runner": "flink"}), streaming=True) == "flink"
    assert runner_of(load({}), streaming=False) == "direct"


def test_a_runner_that_a_file_or_the_environment_names_counts_as_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("runner: spark")
    assert runner_of(load({}, tmp_path / "a.yaml"), streaming=True) == "spark"
    monkeypatch.setenv("DOCSLUICE_RUNNER", "flink")
    assert runner_of(load({}), streaming=True) == "flink"


def test_the_direct_runner_is_refused_for_a_stream() -> None:
    with (
        pytest.raises(ConfigurationError, match="the direct runner cannot stream; take --runner"),
        open_pipeline(load({"runner": "direct"}), 1, streaming=True),
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
