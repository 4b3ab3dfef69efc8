"""Runners: where a pipeline runs, and with which options.

``direct`` is pinned to the FnApiRunner: Beam's ``DirectRunner`` may choose another engine, or
download one, on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pipelines.direct import direct_pipeline, ignore_lost_connections
from pipelines.runner_options import (
    DataflowOptions,
    FlinkOptions,
    JobServerOptions,
    Options,
    PrismOptions,
    SparkOptions,
)
from pipelines.settings import ConfigurationError, Settings
from pipelines.worker_numbers import expect_room, lane_count, worker_count

if TYPE_CHECKING:
    import apache_beam as beam

_CHECKPOINT_MILLISECONDS = 5000
"""Without checkpoints Flink polls an unbounded source once and takes it for done."""

_BUNDLE_MILLISECONDS = 100
"""Flink's own second is spent at each of the steps of a stream, one after the other."""

RUNNERS = ("direct", "prism", "flink", "spark", "dataflow")
"""Runners that docsluice sets up; any other name is that of a runner of Beam's."""

Some = TypeVar("Some", bound=JobServerOptions)


class NoRunnerError(RuntimeError):
    """The server that should run the pipeline does not answer."""


@dataclass(frozen=True, slots=True)
class _Local:
    """Workers on this machine: how many, and for what.

    ``workers`` are those of each environment of the pipeline, which most have one of.
    """

    workers: int
    settings: Settings
    streaming: bool


def runner_of(settings: Settings, streaming: bool) -> str:
    """The runner that the settings name, else the default: ``direct``, or ``prism`` for a stream.

    Raises:
        ConfigurationError: there is no such runner; or a stream on the direct runner, which holds
            all back to its end, or on Spark, which is wired for batches only.
    """
    if settings.runner not in RUNNERS:
        _expect_runner_of_beam(settings.runner)
    if not streaming:
        return settings.runner
    if "runner" not in settings.model_fields_set:
        return "prism"
    if settings.runner == "direct":
        raise ConfigurationError(
            "the direct runner cannot stream; take --runner prism, or leave --runner out"
        )
    if settings.runner == "spark":
        raise ConfigurationError("spark cannot stream; take --runner prism, flink or dataflow")
    return settings.runner


@contextmanager
def open_pipeline(
    settings: Settings, total_bytes: int, streaming: bool = False
) -> Iterator[beam.Pipeline]:
    """A pipeline on the runner that the settings name, to be built and run inside the block.

    All that was started for it ends with the block; a job that still runs then is cancelled.

    Args:
        settings: of the run; ``runner``, ``runner_options``, ``workers`` count.
        total_bytes: size of the input, which decides how many workers are worth it.
        streaming: whether the input has no end.

    Raises:
        ConfigurationError: options that the runner does not take, or lacks.
        NoRunnerError: the server that should run it does not answer.
        PrismError: Prism cannot be found or started.
        WorkerLostError: a worker process of the direct runner was lost.
    """
    runner = runner_of(settings, streaming)
    given = settings.runner_options
    if runner == "direct":
        if given:
            raise ConfigurationError("the direct runner takes --workers and no --runner-option")
        workers = worker_count(settings, total_bytes)
        expect_room(workers)
        with direct_pipeline(workers, lambda: prepare(settings)) as pipeline:
            yield pipeline
        return
    in_lanes = streaming and lane_count(settings) > 1
    local = _Local(1 if in_lanes else worker_count(settings, total_bytes), settings, streaming)
    with ExitStack() as stack:
        if runner == "prism":
            arguments = _prism(PrismOptions.parse(given), local, stack)
        elif runner == "flink":
            arguments = _flink(FlinkOptions.parse(given), local, stack)
        elif runner == "spark":
            arguments = _spark(SparkOptions.parse(given), local, stack)
        elif runner == "dataflow":
            options = DataflowOptions.parse(given).complete()
            arguments = ["--runner=DataflowRunner", *options.arguments()]
        else:
            arguments = [f"--runner={runner}", *Options.parse(given).arguments()]
        if streaming:
            arguments.append("--streaming")
        yield stack.enter_context(_cancelled_at_the_end(arguments))


def _prism(options: PrismOptions, local: _Local, stack: ExitStack) -> list[str]:
    from pipelines.prism import find_prism, prism_server

    expect_room(local.workers)
    if options.job_endpoint is None:
        endpoint = stack.enter_context(prism_server(find_prism(options.prism_location)))
        options = options.model_copy(update={"job_endpoint": endpoint, "prism_location": None})
    else:
        _expect(options, "Prism")
    return ["--runner=PrismRunner", *_with_workers(options, local, stack).arguments()]


def _flink(options: FlinkOptions, local: _Local, stack: ExitStack) -> list[str]:
    _expect(options, "Flink job server")
    local = replace(local, workers=options.parallelism or local.workers)
    updates: dict[str, object] = {"parallelism": local.workers}
    if local.streaming and options.checkpointing_interval is None:
        updates["checkpointing_interval"] = _CHECKPOINT_MILLISECONDS
    if local.streaming and options.max_bundle_time_mills is None:
        updates["max_bundle_time_mills"] = _BUNDLE_MILLISECONDS
    options = options.model_copy(update=updates)
    arguments = ["--runner=PortableRunner", *_with_workers(options, local, stack).arguments()]
    if local.streaming:
        # else what a checkpoint interrupts is held back until more comes, which may be never
        arguments.append("--finish_bundle_before_checkpointing")
    return arguments


def _spark(options: SparkOptions, local: _Local, stack: ExitStack) -> list[str]:
    _expect(options, "Spark job server")
    return ["--runner=PortableRunner", *_with_workers(options, local, stack).arguments()]


def _expect_runner_of_beam(name: str) -> None:
    from apache_beam.options.pipeline_options import StandardOptions

    known = [runner.lower() for runner in StandardOptions.KNOWN_RUNNER_NAMES]
    if "." not in name and not {name.lower(), f"{name.lower()}runner"} & {*known}:
        raise ConfigurationError(
            f"there is no runner {name!r}; take {', '.join(RUNNERS[:-1])} or {RUNNERS[-1]}, or "
            "the class name of a runner of Beam's, such as FlinkRunner"
        )


def _expect(options: JobServerOptions, server: str) -> None:
    from pipelines.job_server import answers

    if not answers(str(options.job_endpoint)):
        raise NoRunnerError(
            f"no {server} answers at {options.job_endpoint}; start one, or name another with "
            "--runner-option job_endpoint=HOST:PORT"
        )


def _with_workers(options: Some, local: _Local, stack: ExitStack) -> Some:
    """The options, with workers of our own where none are named and the job server is here.

    A batch that one worker does is done in this process, without the seconds that another takes to
    start; a stream must survive its workers.
    """
    if options.environment_type is not None:
        return options
    if not options.is_here:
        return options.in_containers()
    if local.workers == 1 and not local.streaming:
        return options.model_copy(update={"environment_type": "LOOPBACK"})
    expect_room(local.workers)
    from pipelines.worker_pool import worker_pool

    pool = stack.enter_context(worker_pool(local.workers, local.settings))
    own = {"environment_type": "EXTERNAL", "environment_config": pool}
    return options.model_copy(update=own)


@contextmanager
def _cancelled_at_the_end(arguments: Sequence[str]) -> Iterator[beam.Pipeline]:
    """A pipeline whose job is cancelled if the block ends with an error, Ctrl-C among them."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineResult
    from apache_beam.runners.worker import sdk_worker

    class Job(beam.Pipeline):
        result: PipelineResult | None = None

        def run(self, *given: object, **named: object) -> PipelineResult:
            self.result = super().run(*given, **named)
            return self.result

    ignore_lost_connections()
    # A worker in this process would print the traceback of a failure, which comes back anyway.
    vars(sdk_worker)["print"] = lambda *_texts, **_options: None
    try:
        pipeline = Job(options=PipelineOptions(list(arguments)))
    except (ValueError, ImportError, AttributeError) as error:  # of options, and of a class's name
        raise ConfigurationError(str(error)) from None
    try:
        yield pipeline
    except BaseException:
        if pipeline.result is not None:
            with suppress(Exception):  # it may have ended by itself, or its server with it
                pipeline.result.cancel()
        raise


def prepare(settings: Settings) -> None:
    """Load what every worker needs, to be shared by all of them."""
    import pipelines.ingest  # noqa: F401  brings Beam and all transforms
    from transforms.fingerprint import fingerprints
    from transforms.language import detect

    detect("The first text loads the model.")
    fingerprints(["The first text loads the kernel."])
    if settings.entities:
        from pipelines.options import entity_config
        from transforms.entity_models import entity_models

        entity_models(entity_config(settings)).get("en")
