from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipelines.job_server import answers


class JobService(beam_job_api_pb2_grpc.JobServiceServicer):
    """The one question that is asked, answered as a real server does that has no options."""

    def DescribePipelineOptions(self, request: object, context: object) -> object:  # noqa: N802
        return beam_job_api_pb2.DescribePipelineOptionsResponse()


def serve(service: JobService | None) -> tuple[grpc.Server, str]:
    server = grpc.server(ThreadPoolExecutor(1))
    if service:
        beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"localhost:{port}"


def test_a_job_server_answers() -> None:
    server, endpoint = serve(JobService())
    assert answers(endpoint)
    server.stop(0)


def test_a_server_of_something_else_does_not() -> None:
    server, endpoint = serve(None)
    assert not answers(endpoint)
    server.stop(0)


def test_a_port_that_is_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        started = time.monotonic()
        assert not answers(f"localhost:{listening.getsockname()[1]}", seconds=0.5)
        assert time.monotonic() - started < 5


def test_a_server_that_starts_meanwhile_is_waited_for() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = grpc.server(ThreadPoolExecutor(1))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(JobService(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    threading.Timer(0.5, server.start).start()
    assert answers(f"localhost:{port}", seconds=20)
    server.stop(0)


def test_without_hope_nothing_is_waited_for() -> None:
    started = time.monotonic()
    assert not answers("localhost:9", seconds=30, hope=lambda: False)
    assert time.monotonic() - started < 5
