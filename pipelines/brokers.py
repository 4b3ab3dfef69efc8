"""Kafka and Pub/Sub as sources of a stream: their messages become files, which it reads.

Beam's own IO reads them, in a pipeline of its own beside that of the stream. It writes
``<store>/intake/kafka/…`` and ``<store>/intake/pubsub/…``: these files stay, as the source of
their documents.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.runners import open_pipeline
from pipelines.settings import Settings
from pipelines.stream_intake import DIRECTORY
from transforms import files
from transforms.stream.messages import Message, place

if TYPE_CHECKING:
    import apache_beam as beam

EXPANSION_SERVICE = "sdks:java:io:expansion-service:shadowJar"
"""What Beam calls the Java program that says how Kafka is read; a key of ``beam_services``."""

_KAFKA = re.compile(
    r"kafka://([^/,\s]+:\d+(?:,[^/,\s]+:\d+)*)/(?!\.{1,2}$)([\w.-]{1,249})", re.ASCII
)
_PUBSUB = re.compile(r"pubsub://([a-z][a-z0-9:.-]*)/([A-Za-z][\w.~+%-]{2,254})", re.ASCII)


class BrokerError(ValueError):
    """A source or an option that cannot be used; one line for the user."""


class MissingForBrokerError(RuntimeError):
    """A library or a program that the source needs is not installed."""


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """A topic of Kafka; ``consumer`` are options of the consumer besides ours."""

    servers: str
    topic: str
    consumer: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def consumer_config(self, store: str) -> dict[str, str]:
        """The configuration of the consumer, as Kafka calls its parts.

        Each store is a consumer group of its own, so that two stores both get all messages.
        """
        group = blake2b(store.encode(), digest_size=6).hexdigest()
        return {
            "group.id": f"docsluice-{group}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": "false",
            **dict(self.consumer),
            "bootstrap.servers": self.servers,
        }


@dataclass(frozen=True, slots=True)
class PubSubSubscription:
    """A subscription of Google Cloud Pub/Sub."""

    project: str
    subscription: str

    @property
    def path(self) -> str:
        """As Google names it."""
        return f"projects/{self.project}/subscriptions/{self.subscription}"


Broker = KafkaTopic | PubSubSubscription


def is_broker(source: str) -> bool:
    """Whether a source is one of a broker."""
    return source.startswith(("kafka://", "pubsub://"))


def read_broker(source: str, kafka_options: Sequence[str] = ()) -> Broker:
    """The broker that ``kafka://HOST:PORT/TOPIC`` or ``pubsub://PROJECT/SUBSCRIPTION`` names.

    Args:
        source: as given; Kafka may have several ``HOST:PORT``, with commas.
        kafka_options: ``NAME=VALUE`` for the consumer of Kafka.

    Raises:
        BrokerError: it is of another form, or an option is.
    """
    if found := _KAFKA.fullmatch(source):
        return KafkaTopic(found[1], found[2], tuple(map(_option, kafka_options)))
    if found := _PUBSUB.fullmatch(source):
        return PubSubSubscription(found[1], found[2])
    form = (
        "kafka://HOST:PORT/TOPIC, such as kafka://broker:9092/articles"
        if source.startswith("kafka:")
        else "pubsub://PROJECT/SUBSCRIPTION, such as pubsub://my-project/articles"
    )
    raise BrokerError(f"a source of a broker is {form}, not {source!r}")


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BrokerError(f"--kafka-option takes NAME=VALUE, such as group.id=mine: {name!r}")
    if name in ("bootstrap.servers", "enable.auto.commit"):
        raise BrokerError(f"--kafka-option cannot set {name}: docsluice does")
    return name, value


def check_broker(broker: Broker, settings: Settings) -> None:
    """Make sure that what the source needs is installed.

    Raises:
        MissingForBrokerError: it is not; the message says what to install.
    """
    if isinstance(broker, PubSubSubscription):
        if not _has("google.cloud.pubsub_v1"):
            raise MissingForBrokerError(
                "Pub/Sub needs Google's libraries: pip install 'docsluice[pubsub]'"
            )
        return
    served = any(one.lstrip("-").startswith("beam_services=") for one in settings.runner_options)
    if served:
        return
    from apache_beam.utils.subprocess_server import JavaHelper

    if shutil.which(JavaHelper.get_java()) is None:
        raise MissingForBrokerError(
            "Kafka is read by a Java program of Beam, and there is no java: install Java 11 or "
            "later, or set JAVA_HOME"
        )


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package that it lies in
        return False


def take(broker: Broker, settings: Settings) -> None:
    """Write messages as files below the store, until this process is stopped.

    Raises:
        ConfigurationError: options that the runner does not take.
        RuntimeError: the pipeline failed.
    """
    with _open(broker, settings) as pipeline:
        build_intake(pipeline, broker, settings.store)
        pipeline.run().wait_until_finish()


def _open(broker: Broker, settings: Settings) -> AbstractContextManager[beam.Pipeline]:
    if isinstance(broker, PubSubSubscription) and settings.runner != "dataflow":
        return _bundle_based()
    light = settings.model_copy(update={"entities": False, "workers": 1})
    return open_pipeline(light, settings.batch_bytes, streaming=True)


@contextmanager
def _bundle_based() -> Iterator[beam.Pipeline]:
    """Besides Dataflow the only runner that knows Beam's source for Pub/Sub in Python."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner

    yield beam.Pipeline(runner=BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"]))


def build_intake(pipeline: beam.Pipeline, broker: Broker, store: str) -> beam.PCollection[str]:
    """Lay the graph from the messages of a broker to files below a store.

    Raises:
        RuntimeError: the program that says how Kafka is read cannot be used.
    """
    import apache_beam as beam

    from transforms.stream.taking import WriteMessages

    if isinstance(broker, KafkaTopic):
        messages = (
            pipeline
            | "ReadFromKafka" >> read_from_kafka(broker, store, _service(pipeline))
            | "FromKafka" >> beam.Map(from_kafka, servers=broker.servers)
        )
    else:
        from apache_beam.io.gcp.pubsub import ReadFromPubSub

        messages = (
            pipeline
            | "ReadFromPubSub" >> ReadFromPubSub(subscription=broker.path, with_attributes=True)
            | "FromPubSub" >> beam.Map(from_pubsub, broker=broker)
        )
    return messages | "WriteMessages" >> WriteMessages(files.join(store, DIRECTORY))


def read_from_kafka(
    topic: KafkaTopic, store: str, service: str | None = None
) -> beam.PTransform[beam.pvalue.PBegin, beam.PCollection[Any]]:
    """Beam's source for a topic: rows with topic, partition, offset and value.

    Args:
        topic: what is read, from where its consumer group has come to.
        store: path of the store, which names the group.
        service: ``HOST:PORT`` of an expansion service; None: Beam starts one.
    """
    from apache_beam.io.kafka import ReadFromKafka

    return ReadFromKafka(
        consumer_config=topic.consumer_config(store),
        topics=[topic.topic],
        commit_offset_in_finalize=True,
        with_metadata=True,
        expansion_service=service,
    )


def _service(pipeline: beam.Pipeline) -> str | None:
    from apache_beam.options.pipeline_options import CrossLanguageOptions

    services = pipeline.options.view_as(CrossLanguageOptions).beam_services
    if isinstance(services, str):
        services = orjson.loads(services)
    service: str | None = (services or {}).get(EXPANSION_SERVICE)
    return service


def from_kafka(row: Any, servers: str) -> Message:
    """A row of Beam's source for Kafka; a message without a value has no bytes."""
    where = place("kafka", servers, row.topic, str(row.partition))
    return Message(where, row.value or b"", offset=row.offset)


def from_pubsub(message: Any, broker: PubSubSubscription) -> Message:
    """A message of Beam's source for Pub/Sub."""
    where = place("pubsub", broker.project, broker.subscription)
    return Message(where, message.data or b"", id=message.message_id)
