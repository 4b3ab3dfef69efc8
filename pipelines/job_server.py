"""Beam's job servers, seen from outside: whether one answers."""

from __future__ import annotations

import time
from collections.abc import Callable

_ASK_SECONDS = 3.0
_IMPATIENT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]


def answers(
    endpoint: str, seconds: float = _ASK_SECONDS, hope: Callable[[], bool] = lambda: True
) -> bool:
    """Whether a job server answers there.

    Args:
        endpoint: ``HOST:PORT``.
        seconds: how long to try.
        hope: whether there is any point in trying on.

    Returns:
        False, too, if what answers is something else.
    """
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    deadline = time.monotonic() + seconds
    with grpc.insecure_channel(endpoint, _IMPATIENT) as channel:
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        while hope() and (left := deadline - time.monotonic()) > 0:
            try:
                request = beam_job_api_pb2.DescribePipelineOptionsRequest()
                stub.DescribePipelineOptions(request, timeout=left)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    return False
                time.sleep(0.1)
            else:
                return True
    return False
