"""Channels to a runner that may be idle for long.

Beam's Python SDK pings the runner every 20 seconds, also where nothing else is sent. gRPC's servers
allow one ping in five minutes on such a channel, and close it at the third that comes sooner
("too_many_pings"): a stream, whose channels may be idle, would then fail within two minutes.
"""

from __future__ import annotations

_SECONDS = 600


def ping_seldom() -> None:
    """Let channels that are opened from now on ping no more often than servers allow."""
    from apache_beam.runners.worker.channel_factory import GRPCChannelFactory

    GRPCChannelFactory.DEFAULT_OPTIONS = [
        *(o for o in GRPCChannelFactory.DEFAULT_OPTIONS if o[0] != "grpc.keepalive_time_ms"),
        ("grpc.keepalive_time_ms", _SECONDS * 1000),
    ]
