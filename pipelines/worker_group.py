"""Several worker processes that a runner takes for one.

Prism asks for one worker per job and gives it many bundles at once; Python computes in one of its
threads at a time. Flink takes several, and binds each step of a job to one of them, so that all
that is slow may come to the same. A group stands between: towards the runner it is one worker, and
each bundle goes, with its data, to the process that has the fewest (Beam's Fn API: control and
data; for state the processes talk to the runner themselves).
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import grpc
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_runner_api_pb2,
)

_REMEMBERED = 10_000
"""Bundles whose process is known; the runner asks after some that have just ended."""

_NO_LIMITS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_OF_A_BUNDLE = ("process_bundle_progress", "process_bundle_split", "finalize_bundle")
_PAR_DO = "beam:transform:pardo:v1"
_PORTS = ("beam:runner:source:v1", "beam:runner:sink:v1")


class _Member(beam_fn_api_pb2_grpc.BeamFnControlServicer, beam_fn_api_pb2_grpc.BeamFnDataServicer):
    """One process of a group, and the server that is its runner."""

    def __init__(self, group: WorkerGroup, name: str) -> None:
        self.name = name
        self.bundles: Counter[str] = Counter()
        self.instructions: SimpleQueue[Any] = SimpleQueue()
        self.elements: SimpleQueue[Any] = SimpleQueue()
        self._group = group
        self._server = grpc.server(ThreadPoolExecutor(4), options=_NO_LIMITS)
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(self, self._server)
        self.endpoint = f"localhost:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Control(self, answers: Iterable[Any], context: Any) -> Iterator[Any]:  # noqa: N802
        """Instructions to the process, and its answers."""
        context.add_callback(self._group.close)  # the process has ended, perhaps by no will of ours
        _start(answers, lambda answer: self._group.answer(self, answer))
        yield from iter(self.instructions.get, None)

    def Data(self, elements: Iterable[Any], _context: Any) -> Iterator[Any]:  # noqa: N802
        """Elements to the process, and from it."""
        _start(elements, self._group.elements.put)
        yield from iter(self.elements.get, None)

    def GetProcessBundleDescriptor(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What a kind of bundle consists of."""
        return self._group.descriptor(request, self.endpoint)

    def close(self) -> None:
        """Tell the process that there is no more work."""
        self.instructions.put(None)
        self.elements.put(None)
        self._server.stop(1)


@dataclass(slots=True)
class _Gathered:
    """What the processes answered to a question that went to several of them."""

    answer: Any
    missing: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Steps that are processed together."""

    name: str
    has_state: bool


class WorkerGroup:
    """A worker towards the runner, made of processes that are started with ``endpoints``."""

    def __init__(self, control: str, worker_id: str, count: int, first: int = 0) -> None:
        """Serve a runner with some processes.

        Args:
            control: ``HOST:PORT`` where the runner gives work.
            worker_id: what the runner calls the worker.
            count: number of processes.
            first: number of the first of them. No two processes of a job may have the same: it
                begins the short names of what they measure. Prism takes all short names for those
                of one worker, and ends the job when two mean different things by one.
        """
        self.elements: SimpleQueue[Any] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._metadata = (("worker_id", worker_id),)
        self._lock = threading.Lock()
        self._closed = False
        self._at: OrderedDict[str, _Member] = OrderedDict()
        self._home: dict[str, _Member] = {}
        self._stages: dict[str, _Stage] = {}
        self._early: dict[str, list[Any]] = {}
        self._running: dict[str, str] = {}
        self._gathered: dict[str, _Gathered] = {}
        self._has_data = False
        self._channels = [grpc.insecure_channel(control, _NO_LIMITS)]
        names = [str(number) for number in range(first, first + count)]
        self._members = {name: _Member(self, name) for name in names}
        self._first = self._members[names[0]]
        self._control = beam_fn_api_pb2_grpc.BeamFnControlStub(self._channels[0])
        answers = iter(self._answers.get, None)
        instructions = self._control.Control(answers, metadata=self._metadata)
        _start(instructions, self._instruct, self.close)

    @property
    def endpoints(self) -> list[str]:
        """``HOST:PORT`` at which each process gets its work."""
        return [member.endpoint for member in self._members.values()]

    def close(self) -> None:
        """End: the runner takes its worker for gone, the processes get no more work."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for member in self._members.values():
            member.close()
        self._answers.put(None)
        self.elements.put(None)
        for channel in self._channels:
            channel.close()

    def descriptor(self, request: Any, endpoint: str) -> Any:
        """The runner's answer, changed so that elements come and go through ``endpoint``."""
        found = self._control.GetProcessBundleDescriptor(request, metadata=self._metadata)
        for transform in found.transforms.values():
            if transform.spec.urn in _PORTS:
                port = beam_fn_api_pb2.RemoteGrpcPort.FromString(transform.spec.payload)
                port.api_service_descriptor.url = endpoint
                transform.spec.payload = port.SerializeToString()
        if found.timer_api_service_descriptor.url:
            found.timer_api_service_descriptor.url = endpoint
        return found

    def answer(self, member: _Member, answer: Any) -> None:
        """Pass on what a process answers."""
        kind = answer.WhichOneof("response")
        with self._lock:
            if stage := self._running.pop(answer.instruction_id, None):
                member.bundles[stage] -= 1
            gathered = self._gathered.get(answer.instruction_id)
            if gathered:
                gathered.missing.discard(member.name)
                for name, info in answer.monitoring_infos.monitoring_info.items():
                    of = gathered.answer.monitoring_infos.monitoring_info
                    of[f"{member.name}:{name}"].CopyFrom(info)
                if gathered.missing:
                    return
                answer = self._gathered.pop(answer.instruction_id).answer
        if kind in ("process_bundle", "process_bundle_progress"):
            # Each process has short names of its own for what it measures.
            measured = getattr(answer, kind).monitoring_data
            for name, value in list(measured.items()):
                measured[f"{member.name}:{name}"] = value
                del measured[name]
        self._answers.put(answer)

    def _instruct(self, request: Any) -> None:
        kind = request.WhichOneof("request")
        if kind == "monitoring_infos":
            self._ask_for_names(request)
            return
        if kind == "process_bundle":
            self._place(request)
            return
        if kind in _OF_A_BUNDLE:
            with self._lock:
                member = self._at.get(getattr(request, kind).instruction_id, self._first)
        else:
            member = self._first
        member.instructions.put(request)

    def _ask_for_names(self, request: Any) -> None:
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for long in request.monitoring_infos.monitoring_info_id:
            member, _, name = long.partition(":")
            asked[member].append(name)
        answer = beam_fn_api_pb2.InstructionResponse(instruction_id=request.instruction_id)
        answer.monitoring_infos.SetInParent()
        if not asked:
            self._answers.put(answer)
            return
        with self._lock:
            self._gathered[request.instruction_id] = _Gathered(answer, set(asked))
        for member, names in asked.items():
            part = beam_fn_api_pb2.InstructionRequest(instruction_id=request.instruction_id)
            part.monitoring_infos.monitoring_info_id.extend(names)
            self._members[member].instructions.put(part)

    def _place(self, request: Any) -> None:
        """Give a bundle to the process that has the fewest of its stage.

        Bundles of other stages count less: many wait for what this one puts out. Those with state
        always go to the same: what a step has in memory of its state no other process has.
        """
        bundle, kind = request.instruction_id, request.process_bundle.process_bundle_descriptor_id
        stage = self._stages.get(kind) or self._look_at(kind)
        with self._lock:
            member = self._home.get(kind)
            if member is None:
                member = min(
                    self._members.values(),
                    key=lambda each: (each.bundles[stage.name], each.bundles.total()),
                )
                if stage.has_state:
                    self._home[kind] = member
                    member.bundles[stage.name] += 1  # the next goes elsewhere
            member.bundles[stage.name] += 1
            self._running[bundle] = stage.name
            self._at[bundle] = member
            if len(self._at) > _REMEMBERED:
                self._at.popitem(last=False)
            member.instructions.put(request)
            for elements in self._early.pop(bundle, ()):
                member.elements.put(elements)

    def _look_at(self, kind: str) -> _Stage:
        """Learn what a kind of bundle is, and where its elements come from."""
        request = beam_fn_api_pb2.GetProcessBundleDescriptorRequest(
            process_bundle_descriptor_id=kind
        )
        found = self._control.GetProcessBundleDescriptor(request, metadata=self._metadata)
        has_state = False
        for transform in found.transforms.values():
            if transform.spec.urn in _PORTS:
                port = beam_fn_api_pb2.RemoteGrpcPort.FromString(transform.spec.payload)
                self._open_data(port.api_service_descriptor.url)
            elif transform.spec.urn == _PAR_DO:
                step = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
                has_state |= bool(step.state_specs or step.timer_family_specs)
        # Flink has a kind for each of the bundles of a stage that are processed at once.
        stage = _Stage(" ".join(sorted(found.transforms)), has_state)
        self._stages[kind] = stage
        return stage

    def _open_data(self, url: str) -> None:
        """Exchange elements with the runner, from the first time that it says where."""
        with self._lock:
            if self._closed or self._has_data:
                return
            self._has_data = True
            self._channels.append(grpc.insecure_channel(url, _NO_LIMITS))
            stub = beam_fn_api_pb2_grpc.BeamFnDataStub(self._channels[-1])
        sent = iter(self.elements.get, None)
        _start(stub.Data(sent, metadata=self._metadata), self._distribute)

    def _distribute(self, elements: Any) -> None:
        parts: dict[str, Any] = {}
        for kind in ("data", "timers"):
            for each in getattr(elements, kind):
                part = parts.setdefault(each.instruction_id, beam_fn_api_pb2.Elements())
                getattr(part, kind).append(each)
        with self._lock:
            for bundle, part in parts.items():
                member = self._at.get(bundle)
                if member is None:  # its elements were faster than the bundle itself
                    self._early.setdefault(bundle, []).append(part)
                else:
                    member.elements.put(part)


def _start(
    stream: Iterable[Any], take: Callable[[Any], None], at_end: Callable[[], None] | None = None
) -> None:
    """Take all that comes on a stream, in a thread, until the stream ends or breaks."""

    def read() -> None:
        with suppress(grpc.RpcError):
            for each in stream:
                take(each)
        if at_end:
            at_end()

    threading.Thread(target=read, name="worker group", daemon=True).start()
