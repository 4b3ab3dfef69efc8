from __future__ import annotations

import pytest
from apache_beam.runners.worker.channel_factory import GRPCChannelFactory

from pipelines.keepalive import ping_seldom


def test_channels_ping_no_more_often_than_servers_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(GRPCChannelFactory.DEFAULT_OPTIONS)
    monkeypatch.setattr(GRPCChannelFactory, "DEFAULT_OPTIONS", before)
    for _ in range(2):
        ping_seldom()
        options = dict(GRPCChannelFactory.DEFAULT_OPTIONS)
        assert len(options) == len(GRPCChannelFactory.DEFAULT_OPTIONS) == len(before)
        assert options["grpc.keepalive_time_ms"] >= 300_000
