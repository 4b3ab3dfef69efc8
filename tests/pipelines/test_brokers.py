from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import orjson
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipelines.brokers import (
    EXPANSION_SERVICE,
    BrokerError,
    KafkaTopic,
    MissingForBrokerError,
    PubSubSubscription,
    build_intake,
    check_broker,
    from_pubsub,
    is_broker,
    read_broker,
)
from pipelines.settings import load
from tests.kafka_stand_in import TEXTS, kafka_stand_in
from transforms.stream.messages import Message


def texts_in(store: Path) -> list[str]:
    return sorted(
        orjson.loads(line)["text"]
        for path in store.rglob("intake/**/*.jsonl")
        for line in path.read_bytes().splitlines()
    )


@pytest.mark.parametrize(
    ("source", "broker"),
    [
        ("kafka://b:9092/news", KafkaTopic("b:9092", "news")),
        ("kafka://b1:9092,b2:9093/a.b_c-d", KafkaTopic("b1:9092,b2:9093", "a.b_c-d")),
        ("kafka://[::1]:9092/t", KafkaTopic("[::1]:9092", "t")),
        ("pubsub://my-project/news", PubSubSubscription("my-project", "news")),
    ],
)
def test_a_url_names_a_broker(source: str, broker: object) -> None:
    assert is_broker(source)
    assert read_broker(source) == broker


@pytest.mark.parametrize(
    "source",
    [
        "kafka://b/t",
        "kafka://b:9092",
        "kafka://b:9092/",
        "kafka://b:9092/..",
        "kafka://b:9092/a/b",
        "kafka://b:9092/a b",
        "kafka://b:9092/t\n",
        "pubsub://project",
        "pubsub:///news",
        "pubsub://project/a/b",
        "pubsub://project/../news",
    ],
)
def test_what_names_none_is_said_with_an_example(source: str) -> None:
    with pytest.raises(BrokerError, match=r"such as (kafka|pubsub)://.*not"):
        read_broker(source)


@pytest.mark.parametrize("source", ["/srv/inbox", "gs://bucket/inbox", "-", "kafka"])
def test_other_sources_are_none(source: str) -> None:
    assert not is_broker(source)


def test_options_of_the_consumer_are_passed_on_and_the_servers_are_ours() -> None:
    topic = read_broker("kafka://b:9092/t", ["security.protocol=SSL", "x=a=b"])
    assert isinstance(topic, KafkaTopic)
    config = topic.consumer_config("/store")
    assert config["security.protocol"] == "SSL"
    assert config["x"] == "a=b"
    assert config["bootstrap.servers"] == "b:9092"
    assert config["enable.auto.commit"] == "false"
    assert config["auto.offset.reset"] == "earliest"
    assert config["group.id"] != topic.consumer_config("/other")["group.id"]


@pytest.mark.parametrize("option", ["x", "=1", "enable.auto.commit=true", "bootstrap.servers=c:1"])
def test_other_options_are_mistakes(option: str) -> None:
    with pytest.raises(BrokerError, match="--kafka-option"):
        read_broker("kafka://b:9092/t", [option])


def test_secrets_among_the_options_are_not_shown() -> None:
    assert "hush" not in repr(read_broker("kafka://b:9092/t", ["sasl.jaas.config=hush"]))


def test_a_missing_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    topic = KafkaTopic("b:9092", "t")
    with pytest.raises(MissingForBrokerError, match="install Java"):
        check_broker(topic, load({}))
    served = f'beam_services={{"{EXPANSION_SERVICE}": "localhost:8097"}}'
    check_broker(topic, load({"runner_options": [served]}))


def test_missing_libraries_of_google_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.brokers.find_spec", lambda _name: None)
    with pytest.raises(MissingForBrokerError, match=r"docsluice\[pubsub\]"):
        check_broker(PubSubSubscription("p", "s"), load({}))


def test_a_topic_is_asked_for_and_its_messages_become_files_once(tmp_path: Path) -> None:
    topic = KafkaTopic("b:9092", "news", (("security.protocol", "SSL"),))
    with kafka_stand_in("--environment_type=beam:env:embedded_python:v1") as (service, asked):
        services = orjson.dumps({EXPANSION_SERVICE: service}).decode()
        options = PipelineOptions([f"--beam_services={services}"])
        for _ in range(2):
            with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
                build_intake(pipeline, topic, str(tmp_path))
    assert texts_in(tmp_path) == sorted(TEXTS)
    assert all(
        path.relative_to(tmp_path / "intake").parts[:4] == ("kafka", "b_9092", "news", "3")
        for path in tmp_path.rglob("*.jsonl")
    )
    assert list(asked[0]["topics"]) == ["news"]
    assert asked[0]["commit_offset_in_finalize"] is True
    assert asked[0]["consumer_config"] == topic.consumer_config(str(tmp_path))


def test_no_expansion_service_is_an_error_of_the_pipeline(tmp_path: Path) -> None:
    services = orjson.dumps({EXPANSION_SERVICE: "127.0.0.1:1"}).decode()
    pipeline = beam.Pipeline(
        runner=FnApiRunner(), options=PipelineOptions([f"--beam_services={services}"])
    )
    with pytest.raises(grpc.RpcError):
        build_intake(pipeline, KafkaTopic("b:9092", "t"), str(tmp_path))


def test_a_subscription_is_read_by_beams_own_source(tmp_path: Path) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(["--streaming"]))
    build_intake(pipeline, PubSubSubscription("my-project", "news"), str(tmp_path))
    found: list[ReadFromPubSub] = []

    class Visitor(beam.pipeline.PipelineVisitor):
        def enter_composite_transform(self, applied: Any) -> None:
            if isinstance(applied.transform, ReadFromPubSub):
                found.append(applied.transform)

    pipeline.visit(Visitor())
    assert [one._source.full_subscription for one in found] == [
        "projects/my-project/subscriptions/news"
    ]
    assert found[0].with_attributes


def test_a_message_of_a_subscription_is_known_by_its_id() -> None:
    message = PubsubMessage(b"text", {"a": "b"}, message_id="17")
    taken = from_pubsub(message, PubSubSubscription("p", "s"))
    assert taken == Message("pubsub/p/s", b"text", id="17")
    bare = PubsubMessage(None, {"a": "b"}, message_id="18")
    assert from_pubsub(bare, PubSubSubscription("p", "s")).data == b""
