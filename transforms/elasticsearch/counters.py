"""What a sink counts while it writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from threading import Lock


@dataclass(slots=True)
class Tally:
    """Sums since the writing began.

    Attributes:
        requests: answered or not.
        bytes: of their bodies.
        latency_ms: that they took together, in milliseconds.
        indexed: actions that are done.
        failed: actions that were given up.
        retries: actions that were sent again.
        refusals: requests that were refused in part or whole, or not answered.
        splits: requests that were cut in two.
    """

    requests: int = 0
    bytes: int = 0
    latency_ms: int = 0
    indexed: int = 0
    failed: int = 0
    retries: int = 0
    refusals: int = 0
    splits: int = 0


@dataclass(slots=True)
class Counters:
    """A tally that several threads add to."""

    total: Tally = field(default_factory=Tally)
    _reported: Tally = field(default_factory=Tally)
    _lock: Lock = field(default_factory=Lock)

    def add(self, **amounts: int) -> None:
        """Add to fields of the tally."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self.total, name, getattr(self.total, name) + amount)

    def take(self) -> dict[str, int]:
        """What was added since the last call, by field; what did not change is left out."""
        with self._lock:
            now, before = asdict(self.total), asdict(self._reported)
            self._reported = Tally(**now)
        return {name: now[name] - before[name] for name in now if now[name] != before[name]}
