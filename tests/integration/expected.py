"""What the ledger must say of a corpus, worked out from how its files are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.formats import COMPRESS
from tests.integration.texts import Text, jaccard
from transforms.document import document_id

_FAR = "9999"


@dataclass(slots=True)
class Member:
    """A document of a cluster: where it is, and what the choice of a canonical weighs.

    ``text`` is None where cleaning may leave a little more or less than the body.
    """

    source: str
    body: str
    priority: int = 0
    date: str | None = None
    text: str | None = None

    @property
    def id(self) -> str:
        uri, _, key = self.source.partition("#")
        return document_id(uri, key)


@dataclass(frozen=True, slots=True)
class Row:
    """A row that the ledger must have; ``reason`` is part of its reason."""

    source: str
    outcome: str
    duplicate_of: str | None = None
    reason: str = ""


@dataclass
class Corpus:
    """The folder, by source, and what is to become of it."""

    root: Path
    clusters: list[list[Member]] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)

    @property
    def sources(self) -> tuple[Path, Path]:
        """The sources as they are named on the command line: the first has priority."""
        return self.root / "library", self.root / "mirror"

    def expected(self) -> set[Row]:
        """The ledger, by the documented order of election."""
        rows = set(self.rejected)
        for cluster in self.clusters:
            first = canonical(cluster)
            rows.add(Row(first.source, "kept"))
            for copy in cluster:
                if copy is not first:
                    assert jaccard(copy.body, first.body) >= 0.85
                    rows.add(Row(copy.source, "duplicate", first.source, likeness(copy, first)))
        return rows

    def write(self, name: str, data: str | bytes, encoding: str = "utf-8") -> str:
        """Write a file, compressed if its name says so; returns its URI."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = data.encode(encoding) if isinstance(data, str) else data
        path.write_bytes(COMPRESS[path.suffix](data) if path.suffix in COMPRESS else data)
        return path.as_uri()

    def add(self, source: str, text: Text, exact: bool = True, date: str | None = None) -> Member:
        """A document that resembles none before it."""
        member = Member(source, text.body, 0, date, text.body if exact else None)
        self.clusters.append([member])
        return member


def likeness(copy: Member, first: Member) -> str:
    """What the ledger says of a duplicate; empty where cleaning may make either of it."""
    if copy.text is None or first.text is None:
        return ""
    same = copy.text.casefold().split() == first.text.casefold().split()
    return "same text" if same else "near duplicate"


def canonical(cluster: Sequence[Member]) -> Member:
    """Source priority, earliest date, longest text, id: in this order, in a store that is new."""

    def order(member: Member) -> tuple[int, str, int, str]:
        return member.priority, member.date or _FAR, -len(member.text or ""), member.id

    first, *others = sorted(cluster, key=order)
    if others:
        tied = order(first)[:2] == order(others[0])[:2]
        assert not tied or (first.text and others[0].text), "lengths must be known to break a tie"
    return first
