"""The keyed state on a real runner, with a stream of parts whose times and watermarks are given."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Events
from apache_beam.transforms.window import TimestampedValue

from transforms.document import Document
from transforms.duplicates import spool
from transforms.run import Run
from transforms.stream import first_arrivals
from transforms.stream.election import read_verdicts
from transforms.stream.first_arrivals import FirstArrivals

WORDS = [f"w{number}" for number in range(2000)]
Give = Callable[..., object]


def prose(seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=120))


@pytest.fixture
def arrive(
    staged: Run, give_order: Give, make_document: Callable[..., Document]
) -> Callable[..., str]:
    """Puts documents, given as name and text, into the spool as a part of an order of their own."""

    def arrive(number: int, named: dict[str, str], version: str = "1") -> str:
        give_order(number, [])
        part = f"{number:05d}-000"
        documents = [make_document(n, t, source_version=version) for n, t in named.items()]
        spool(staged, part, documents, near=True)
        return part

    return arrive


def run_stream(events: Events, transform: FirstArrivals) -> None:
    """Run on the one runner of Beam in this process that takes a TestStream."""
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        pipeline | events | transform


def duplicates(run: Run, parts: Sequence[str]) -> dict[str, list[int]]:
    found = {part: read_verdicts(run, part) for part in parts}
    return {part: sorted(one.canonical_of) for part, one in found.items() if one}


def at(seconds: float, *parts: str) -> list[TimestampedValue]:
    return [TimestampedValue(part, seconds) for part in parts]


def test_of_all_parts_the_first_to_come_stays(staged: Run, arrive: Callable[..., str]) -> None:
    parts = [arrive(n, {f"a{n}": prose(1), f"b{n}": prose(n + 10)}) for n in range(6)]
    events = Events(coder=beam.coders.StrUtf8Coder())
    for number, part in enumerate(parts):
        events = events.advance_watermark_to(number).add_elements(at(number, part))
    run_stream(events.advance_watermark_to_infinity(), FirstArrivals(staged))
    assert duplicates(staged, parts) == {parts[0]: [], **{part: [0] for part in parts[1:]}}


def test_what_is_older_than_the_time_to_live_is_forgotten(
    staged: Run, arrive: Callable[..., str]
) -> None:
    parts = [arrive(n, {f"a{n}": prose(1)}) for n in range(3)]
    events = (
        Events(coder=beam.coders.StrUtf8Coder())
        .add_elements(at(0, parts[0]))
        .advance_watermark_to(9)
        .add_elements(at(9, parts[1]))  # within the time to live
        .advance_watermark_to(30)
        .add_elements(at(30, parts[2]))  # after it
        .advance_watermark_to_infinity()
    )
    run_stream(events, FirstArrivals(staged, ttl_seconds=10))
    assert duplicates(staged, parts) == {parts[0]: [], parts[1]: [0], parts[2]: []}


def test_no_more_are_remembered_than_allowed(staged: Run, arrive: Callable[..., str]) -> None:
    parts = [arrive(n, {f"{n} {k}": prose(100 * n + k) for k in range(10)}) for n in range(5)]
    late, fresh = arrive(5, {"copy": prose(0)}), arrive(6, {"copy of new": prose(401)})
    events = Events(coder=beam.coders.StrUtf8Coder())
    for part in (*parts, late, fresh):
        events = events.add_elements(at(0, part))
    run_stream(events.advance_watermark_to_infinity(), FirstArrivals(staged, most=20))
    assert duplicates(staged, (late, fresh)) == {late: [], fresh: [0]}


def test_an_instance_that_is_lost_is_made_again_of_the_state(
    staged: Run, arrive: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that held the memory cannot be killed in a unit test: nothing is ever at hand."""

    kept = []

    class Forgetful(dict[str, object]):
        def __setitem__(self, key: str, value: object) -> None:
            kept.append(value)

    monkeypatch.setattr(first_arrivals, "_at_hand", Forgetful())
    parts = [arrive(n, {f"a{n}": prose(1), f"b{n}": prose(n + 10)}) for n in range(4)]
    parts.append(arrive(4, {"b2": prose(1)}, version="2"))
    parts.append(arrive(5, {"c": prose(12)}))
    events = Events(coder=beam.coders.StrUtf8Coder())
    for part in parts:
        events = events.add_elements(at(0, part))
    run_stream(events.advance_watermark_to_infinity(), FirstArrivals(staged))
    found = duplicates(staged, parts)
    assert [found[part] for part in parts[:5]] == [[], [0], [0], [0], [0]]
    assert found[parts[5]] == []  # what it resembles has changed
    assert len(kept) > len(parts)


def test_a_part_whose_order_was_dealt_with_does_not_go_on(
    staged: Run, arrive: Callable[..., str]
) -> None:
    part = arrive(0, {"a": prose(1)})
    events = (
        Events(coder=beam.coders.StrUtf8Coder())
        .add_elements(at(0, part, "00009-000"))
        .advance_watermark_to_infinity()
    )
    run_stream(events, FirstArrivals(staged))
    assert duplicates(staged, [part, "00009-000"]) == {part: []}


def test_off_looks_for_repeated_ids_alone(staged: Run, arrive: Callable[..., str]) -> None:
    parts = [arrive(n, {f"a{n}": prose(1)}) for n in range(2)]
    events = Events(coder=beam.coders.StrUtf8Coder()).add_elements(at(0, *parts))
    run_stream(events.advance_watermark_to_infinity(), FirstArrivals(staged, mode="off"))
    assert duplicates(staged, parts) == {parts[0]: [], parts[1]: []}
