from __future__ import annotations

from importlib.util import find_spec

import pytest

from pipelines import __version__
from pipelines.runner_options import (
    WORKER_IMAGE,
    DataflowOptions,
    FlinkOptions,
    JobServerOptions,
    Options,
    PrismOptions,
    SparkOptions,
)
from pipelines.settings import ConfigurationError

CLOUD = ["project=p", "region=europe-west1", "staging_location=gs://bucket/staging/"]


def test_what_is_not_known_goes_to_beam_as_it_was_given() -> None:
    given = ["experiments=a", "--experiments=b", "save_main_session", "parallelism=3"]
    options = FlinkOptions.parse(given)
    assert options.parallelism == 3
    assert options.given == ("--experiments=a", "--experiments=b", "--save_main_session")
    assert options.arguments() == [
        "--job_endpoint=localhost:8099",
        "--environment_cache_millis=60000",
        "--job_server_timeout=315360000",
        "--parallelism=3",
        "--experiments=a",
        "--experiments=b",
        "--save_main_session",
    ]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("job_endpont=a:1", "^there is no runner option 'job_endpont'; did you mean job_endpoint?"),
        ("regoin=a", "did you mean region?"),
        ("zzzz=1", "^there is no runner option 'zzzz'; if only the runner itself knows it, write "),
        ("object_reuse=true", "--runner-option=--object_reuse=VALUE$"),
    ],
)
def test_an_option_that_nobody_knows_is_refused(option: str, message: str) -> None:
    for kind in (Options, PrismOptions, FlinkOptions, SparkOptions, DataflowOptions):
        with pytest.raises(ConfigurationError, match=message.replace("?", "[?]")):
            kind.parse([option])


def test_what_only_the_runner_knows_is_written_as_a_flag() -> None:
    assert SparkOptions.parse(["--object_reuse=true"]).given == ("--object_reuse=true",)


@pytest.mark.parametrize("option", ["flink_master=a:1", "beam_services={}", "parallelism=2"])
def test_options_of_beam_and_of_another_runner_of_ours_are_known(option: str) -> None:
    assert PrismOptions.parse([option]).given == (f"--{option}",)


@pytest.mark.parametrize("kind", [FlinkOptions, SparkOptions])
def test_a_job_server_is_expected_at_its_usual_port(kind: type[JobServerOptions]) -> None:
    assert kind.parse([]).job_endpoint == "localhost:8099"
    assert kind.parse(["job_endpoint=cluster:1"]).job_endpoint == "cluster:1"


@pytest.mark.parametrize("kind", [PrismOptions, FlinkOptions, SparkOptions])
def test_a_job_may_last_for_years(kind: type[JobServerOptions]) -> None:
    assert kind.parse([]).job_server_timeout > 5 * 365 * 24 * 3600  # Beam has 300 s
    assert kind.parse(["job_server_timeout=60"]).job_server_timeout == 60


def test_prism_is_started_where_none_is_named() -> None:
    assert PrismOptions.parse([]).job_endpoint is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("parallelism=many", "runner option parallelism: .*integer"),
        ("parallelism=0", "runner option parallelism: .*greater than 0"),
        ("checkpointing_interval=-1", "runner option checkpointing_interval"),
        ("job_endpoint=cluster", "job_endpoint: must be HOST:PORT.* not 'cluster'"),
        ("job_endpoint=cluster:99999", "job_endpoint: must be HOST:PORT"),
        ("environment_type=KUBERNETES", "runner option environment_type: .*'LOOPBACK'"),
    ],
)
def test_a_wrong_value_is_named(option: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FlinkOptions.parse([option])


@pytest.mark.parametrize(
    ("endpoint", "here"),
    [("localhost:1", True), ("127.0.0.1:1", True), ("[::1]:1", True), ("flink.example:1", False)],
)
def test_a_job_server_is_here_or_elsewhere(endpoint: str, here: bool) -> None:
    assert FlinkOptions.parse([f"job_endpoint={endpoint}"]).is_here is here


def test_containers_are_of_the_worker_image_unless_another_is_named() -> None:
    assert WORKER_IMAGE.endswith(f":{__version__}")
    options = FlinkOptions.parse([]).in_containers()
    assert "--environment_type=DOCKER" in options.arguments()
    assert f"--environment_config={WORKER_IMAGE}" in options.arguments()
    options = FlinkOptions.parse(["environment_config=registry/own:2"]).in_containers()
    assert options.environment_config == "registry/own:2"


def test_all_that_dataflow_lacks_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        DataflowOptions.parse(["region=europe-west1"]).complete()
    assert "project" in str(error.value)
    assert "staging_location" in str(error.value)
    assert "region" not in str(error.value)


def test_dataflow_stages_in_google_cloud_storage() -> None:
    with pytest.raises(ConfigurationError, match="must begin with gs://, not '/tmp'"):
        DataflowOptions.parse([*CLOUD[:2], "staging_location=/tmp"]).complete()


def test_dataflow_without_its_libraries_names_what_to_install() -> None:
    options = DataflowOptions.parse(CLOUD)
    if find_spec("apitools"):
        assert options.complete().temp_location == "gs://bucket/staging/temp"
    else:
        with pytest.raises(ConfigurationError, match=r"pip install 'docsluice\[gcs\]'"):
            options.complete()
