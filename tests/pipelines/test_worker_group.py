"""A group between a runner and its processes, both played by the test, over real connections.

What real ones make of it is in ``tests/integration/test_workers.py``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_runner_api_pb2,
)

from pipelines.worker_group import WorkerGroup

SECONDS = 10


def collect(stream: Iterable[Any], into: queue.Queue[Any]) -> None:
    def read() -> None:
        try:
            for each in stream:
                into.put(each)
        except grpc.RpcError:
            pass
        into.put(None)

    threading.Thread(target=read, daemon=True).start()


class Runner(beam_fn_api_pb2_grpc.BeamFnControlServicer, beam_fn_api_pb2_grpc.BeamFnDataServicer):
    """Gives what the test puts into its queues; the kind "state" of bundle has state."""

    def __init__(self) -> None:
        self.instructions: queue.Queue[Any] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        self.elements: queue.Queue[Any] = queue.Queue()
        self.returned: queue.Queue[Any] = queue.Queue()
        self.server = grpc.server(ThreadPoolExecutor(8))
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self, self.server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(self, self.server)
        self.endpoint = f"localhost:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Control(self, answers: Iterable[Any], _context: Any) -> Iterator[Any]:  # noqa: N802
        collect(answers, self.answers)
        yield from iter(self.instructions.get, None)

    def Data(self, elements: Iterable[Any], _context: Any) -> Iterator[Any]:  # noqa: N802
        collect(elements, self.returned)
        yield from iter(self.elements.get, None)

    def GetProcessBundleDescriptor(self, request: Any, _context: Any) -> Any:  # noqa: N802
        found = beam_fn_api_pb2.ProcessBundleDescriptor(id=request.process_bundle_descriptor_id)
        port = beam_fn_api_pb2.RemoteGrpcPort()
        port.api_service_descriptor.url = self.endpoint
        source = found.transforms["source"].spec
        source.urn, source.payload = "beam:runner:source:v1", port.SerializeToString()
        step = beam_runner_api_pb2.ParDoPayload()
        if "state" in found.id:
            step.state_specs["seen"].SetInParent()
        spec = found.transforms[f"step {found.id.split()[0]}"].spec
        spec.urn, spec.payload = "beam:transform:pardo:v1", step.SerializeToString()
        return found

    def begin(self, bundle: str, kind: str = "plain") -> None:
        request = beam_fn_api_pb2.InstructionRequest(instruction_id=bundle)
        request.process_bundle.process_bundle_descriptor_id = kind
        self.instructions.put(request)


class Process:
    """Keeps what it is given, and answers what the test says."""

    def __init__(self, endpoint: str) -> None:
        self.given: queue.Queue[Any] = queue.Queue()
        self.elements: queue.Queue[Any] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        self.channel = grpc.insecure_channel(endpoint)
        control = beam_fn_api_pb2_grpc.BeamFnControlStub(self.channel)
        collect(control.Control(iter(self.answers.get, None)), self.given)
        data = beam_fn_api_pb2_grpc.BeamFnDataStub(self.channel)
        collect(data.Data(iter(queue.Queue().get, None)), self.elements)

    def next(self) -> str:
        return str(self.given.get(timeout=SECONDS).instruction_id)

    def finish(self, bundle: str, **measured: bytes) -> None:
        answer = beam_fn_api_pb2.InstructionResponse(instruction_id=bundle)
        answer.process_bundle.SetInParent()
        for name, value in measured.items():
            answer.process_bundle.monitoring_data[name] = value
        self.answers.put(answer)


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.instructions.put(None)
    runner.elements.put(None)
    runner.server.stop(0)


@pytest.fixture
def processes(runner: Runner) -> Iterator[list[Process]]:
    group = WorkerGroup(runner.endpoint, "worker", 2)
    yield [Process(endpoint) for endpoint in group.endpoints]
    group.close()


def test_bundles_of_a_stage_go_to_the_process_with_the_fewest(
    runner: Runner, processes: list[Process]
) -> None:
    one, other = processes
    runner.begin("a")
    runner.begin("b")
    assert (one.next(), other.next()) == ("a", "b")
    other.finish("b")
    assert runner.answers.get(timeout=SECONDS).instruction_id == "b"
    runner.begin("c")
    assert other.next() == "c"


def test_bundles_with_state_always_go_to_the_same_process(
    runner: Runner, processes: list[Process]
) -> None:
    one, other = processes
    for bundle in ("a", "b", "c"):
        runner.begin(bundle, "state of one")
        assert one.next() == bundle
    runner.begin("d", "state of two")  # the same stage for other keys, as Flink has it
    assert other.next() == "d"


def test_elements_follow_their_bundle_also_those_that_come_before_it(
    runner: Runner, processes: list[Process]
) -> None:
    one, other = processes
    runner.begin("a")
    assert one.next() == "a"
    for bundle in ("b", "a"):
        elements = beam_fn_api_pb2.Elements()
        elements.data.add(instruction_id=bundle, data=bundle.encode())
        runner.elements.put(elements)
    assert one.elements.get(timeout=SECONDS).data[0].data == b"a"
    runner.begin("b")
    assert other.elements.get(timeout=SECONDS).data[0].data == b"b"


def test_questions_about_a_bundle_reach_its_process(
    runner: Runner, processes: list[Process]
) -> None:
    one, other = processes
    runner.begin("a")
    runner.begin("b")
    assert (one.next(), other.next()) == ("a", "b")
    request = beam_fn_api_pb2.InstructionRequest(instruction_id="question")
    request.process_bundle_progress.instruction_id = "b"
    runner.instructions.put(request)
    assert other.next() == "question"


def test_short_names_of_measurements_are_those_of_the_process(
    runner: Runner, processes: list[Process]
) -> None:
    runner.begin("a")
    runner.begin("b")
    assert [process.next() for process in processes] == ["a", "b"]  # both, before one is free
    for process, bundle in zip(processes, "ab", strict=True):
        process.finish(bundle, s1=bundle.encode())
    names = {
        name: value
        for _ in "ab"
        for name, value in runner.answers.get(
            timeout=SECONDS
        ).process_bundle.monitoring_data.items()
    }
    assert sorted(names.values()) == [b"a", b"b"]
    request = beam_fn_api_pb2.InstructionRequest(instruction_id="names")
    request.monitoring_infos.monitoring_info_id.extend(names)
    runner.instructions.put(request)
    for number, process in enumerate(processes):
        asked = process.given.get(timeout=SECONDS)
        assert list(asked.monitoring_infos.monitoring_info_id) == ["s1"]
        answer = beam_fn_api_pb2.InstructionResponse(instruction_id="names")
        answer.monitoring_infos.monitoring_info["s1"].urn = f"of {number}"
        process.answers.put(answer)
    infos = runner.answers.get(timeout=SECONDS).monitoring_infos.monitoring_info
    assert {names[name]: info.urn for name, info in infos.items()} == {b"a": "of 0", b"b": "of 1"}


def test_no_two_groups_give_the_same_short_name(runner: Runner) -> None:
    group = WorkerGroup(runner.endpoint, "worker", 2, first=2)
    members = [Process(endpoint) for endpoint in group.endpoints]
    runner.begin("a")
    runner.begin("b")
    assert [process.next() for process in members] == ["a", "b"]  # both, before one is free
    for process, bundle in zip(members, "ab", strict=True):
        process.finish(bundle, s1=b"")
    answers = [runner.answers.get(timeout=SECONDS).process_bundle for _ in "ab"]
    assert {name for answer in answers for name in answer.monitoring_data} == {"2:s1", "3:s1"}
    group.close()


def test_a_process_that_ends_ends_the_group(runner: Runner, processes: list[Process]) -> None:
    runner.begin("a")
    assert processes[0].next() == "a"
    processes[0].channel.close()
    assert runner.answers.get(timeout=SECONDS) is None


def test_a_runner_that_ends_ends_the_processes(runner: Runner, processes: list[Process]) -> None:
    runner.instructions.put(None)
    for process in processes:
        assert process.given.get(timeout=SECONDS) is None
