from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.runners import NoRunnerError, open_pipeline, runner_of
from pipelines.settings import ConfigurationError, load


@pytest.mark.parametrize("runner", ["direct", "prism"])
def test_more_workers_than_the_machine_can_hold_are_refused(
    runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {*range(8)}, raising=False)
    with (
        pytest.raises(
            ConfigurationError, match=r"^33 workers are too many .* it starts 32 at most"
        ),
        open_pipeline(load({"runner": runner, "workers": 33}), 1),
    ):
        pass


def test_another_runner_takes_its_own_options() -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import DirectOptions

    settings = load({"runner": "FnApiRunner", "runner_options": ["direct_num_workers=1"]})
    with open_pipeline(settings, 1) as pipeline:
        assert pipeline.options.view_as(DirectOptions).direct_num_workers == 1
        pipeline | beam.Create([1])


def test_a_misspelt_option_is_refused_before_any_server_is_asked_or_started() -> None:
    for runner in ("prism", "flink", "spark", "dataflow", "FnApiRunner"):
        settings = load({"runner": runner, "runner_options": ["job_endpont=localhost:9"]})
        with (
            pytest.raises(ConfigurationError, match="no runner option 'job_endpont'"),
            open_pipeline(settings, 1),
        ):
            pass


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
