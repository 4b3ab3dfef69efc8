"""The options of each runner, typed: what docsluice sets or checks; Beam takes all others as given.

Names are Beam's own, as in ``--runner-option job_endpoint=localhost:8099``. One that neither
docsluice nor Beam knows is taken for misspelt, unless it is written as a flag of Beam's.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipelines import __version__
from pipelines.settings import ConfigurationError

if TYPE_CHECKING:
    from argparse import ArgumentParser

WORKER_IMAGE = f"docsluice-worker:{__version__}"
"""Name of the image that the ``worker`` target of the Dockerfile is given."""

Environment = Literal["LOOPBACK", "EXTERNAL", "PROCESS", "DOCKER"]
_HERE = ("localhost", "127.0.0.1", "::1")
_TEN_YEARS = 10 * 365 * 24 * 3600


class Options(BaseModel):
    """What is known of the options of a runner; ``given`` are all others, as arguments for Beam."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    given: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Iterable[str]) -> Self:
        """Options from ``name=value``; with leading dashes, of any name.

        Raises:
            ConfigurationError: an option that is not known, or a value that it cannot have.
        """
        known: dict[str, str] = {}
        others: list[str] = []
        for option in given:
            name, equals, value = option.removeprefix("--").partition("=")
            if equals and name in cls.model_fields and name != "given":
                known[name] = value
            else:
                if not option.startswith("--"):
                    _expect_known(name)
                others.append(f"--{name}{equals}{value}")
        try:
            return cls.model_validate({**known, "given": tuple(others)})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            reason = problem["msg"].removeprefix("Value error, ")
            raise ConfigurationError(f"runner option {problem['loc'][0]}: {reason}") from None

    def arguments(self) -> list[str]:
        """All that has a value, as Beam's command line has it."""
        known = self.model_dump(exclude={"given"}, exclude_none=True)
        return [*(f"--{name}={value}" for name, value in known.items()), *self.given]


class JobServerOptions(Options):
    """A runner behind a job server, and where the Python steps of its jobs work.

    Attributes:
        job_endpoint: ``HOST:PORT`` of the job server.
        environment_type: ``LOOPBACK``, ``EXTERNAL``, ``PROCESS`` or ``DOCKER``; None: worker
            processes of our own where the job server is on this machine, else ``DOCKER``.
        environment_config: the image, or the address of the workers.
        environment_cache_millis: how long idle workers are kept for what comes next in the job.
        job_server_timeout: seconds after which Beam gives up a job on Prism, whose whole life it
            takes for one answer, and any other server that does not answer. Beam's default of 300
            would end every stream, and cancel every longer batch.
    """

    job_endpoint: str | None = None
    environment_type: Environment | None = None
    environment_config: str | None = None
    environment_cache_millis: int = Field(default=60_000, ge=0)
    job_server_timeout: int = Field(default=_TEN_YEARS, gt=0)

    @field_validator("job_endpoint")
    @classmethod
    def _has_a_port(cls, value: str | None) -> str | None:
        host, _, port = (value or "localhost:1").rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"must be HOST:PORT, such as localhost:8099, not {value!r}")
        return value

    @property
    def is_here(self) -> bool:
        """Whether the job server is on this machine, and its workers can be, too."""
        host = (self.job_endpoint or "localhost:").rpartition(":")[0]
        return host.strip("[]") in _HERE

    def in_containers(self) -> Self:
        """The same, the Python steps in containers of the worker image if nothing else is said."""
        image = self.environment_config or WORKER_IMAGE
        return self.model_copy(update={"environment_type": "DOCKER", "environment_config": image})


class PrismOptions(JobServerOptions):
    """Prism on this machine.

    Attributes:
        job_endpoint: of a Prism that runs already; None: one is started for the run.
        prism_location: path or address of its program; None: it is looked for.
    """

    prism_location: str | None = None


class FlinkOptions(JobServerOptions):
    """Flink, behind Beam's job server for it.

    Attributes:
        checkpointing_interval: milliseconds from one checkpoint of a stream to the next.
        max_bundle_time_mills: how long Flink gathers elements of a stream before a step works on
            them.
        parallelism: slots that a job takes; None: the number of workers.
    """

    job_endpoint: str | None = "localhost:8099"
    checkpointing_interval: int | None = Field(default=None, gt=0)
    max_bundle_time_mills: int | None = Field(default=None, gt=0)
    parallelism: int | None = Field(default=None, gt=0)


class SparkOptions(JobServerOptions):
    """Spark, behind Beam's job server for it."""

    job_endpoint: str | None = "localhost:8099"


class DataflowOptions(Options):
    """Google Cloud Dataflow.

    Attributes:
        project: the project that pays.
        region: where the machines are.
        staging_location: ``gs://`` directory for what the workers are given.
        temp_location: ``gs://`` directory for temporary files; None: below the other.
        sdk_container_image: the worker image.
    """

    project: str | None = None
    region: str | None = None
    staging_location: str | None = None
    temp_location: str | None = None
    sdk_container_image: str | None = None

    def complete(self) -> Self:
        """The same, with a place for temporary files.

        Raises:
            ConfigurationError: what Dataflow cannot do without is missing; all of it is named.
        """
        needed = ("project", "region", "staging_location")
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            options = " ".join(f"--runner-option {name}=…" for name in missing)
            raise ConfigurationError(f"Dataflow needs {options}")
        staging = self.staging_location or ""
        if not staging.startswith("gs://"):
            raise ConfigurationError(
                f"runner option staging_location: must begin with gs://, not {staging!r}"
            )
        if find_spec("apitools") is None:
            raise ConfigurationError(
                "Dataflow needs Google's libraries: pip install 'docsluice[gcs]'"
            )
        place = self.temp_location or f"{staging.rstrip('/')}/temp"
        return self.model_copy(update={"temp_location": place})


def _expect_known(name: str) -> None:
    known = _known_names()
    if name in known:
        return
    alike = get_close_matches(name, sorted(known), n=1)
    guess = f"did you mean {alike[0]}? If" if alike else "if"
    raise ConfigurationError(
        f"there is no runner option {name!r}; {guess} only the runner itself knows it, write "
        f"--runner-option=--{name}=VALUE"
    )


def _known_names() -> set[str]:
    """Names of all options of ours and of Beam's, whatever the runner."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parsers: list[ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    beams = {flag.removeprefix("--") for flag in parsers[0]._option_string_actions}
    kinds = (PrismOptions, FlinkOptions, SparkOptions, DataflowOptions)
    return beams.union(*(kind.model_fields for kind in kinds)) - {"given"}
