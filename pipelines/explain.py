"""``docsluice explain``: the story of a document in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson
import typer
from rich.console import Console

from pipelines.console import count
from pipelines.lookup import Meant, UnknownDocumentError, find
from pipelines.printable import one_line, safe_json
from pipelines.settings import Settings
from pipelines.state import State, read_state
from pipelines.store import Store
from pipelines.story import Row, Story, stories
from pipelines.stream_seen import START_AGAIN, StagedRow, staged_rows, stream_holder

_NAMES = 8
_CANDIDATES = 20
_EXAMPLES = 3

Facts = Iterator[tuple[str, str]]
"""Names and values; a fact without a name goes on with the one before."""


def explain(settings: Settings, wanted: str, as_json: bool) -> None:
    """Print the story of the document that ``wanted`` names, or of those in the file it names.

    Of a file with many documents a summary is printed; where several documents may be meant,
    their names.

    Raises:
        StoreError: no run has seen such a document, or a file of the store is damaged.
    """
    store = Store(settings.store)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with read_state(store) as state:
        try:
            meant = find(store, state, wanted)
        except UnknownDocumentError:
            staged = staged_rows(store, wanted)
            if not staged:
                raise
            _tell_staged(console, store, staged, as_json)
            return
        if meant.ids:
            told = stories(store, state, settings, meant.ids)
            if as_json:
                _print_json(told)
            else:
                _tell_all(console, store, told)
        elif meant.file:
            _summarise(console, state, meant.file, as_json)
        else:
            _offer(console, wanted, meant, as_json)


def _print_json(value: object) -> None:
    typer.echo(safe_json(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()))


def _summarise(console: Console, state: State, uri: str, as_json: bool) -> None:
    """Say what became of the documents of a file, in numbers."""
    outcomes = dict(state.outcomes_in(uri).most_common())
    examples = [row.source for row in state.seen_in(uri, _EXAMPLES)]
    if as_json:
        _print_json({"file": uri, "outcomes": outcomes, "examples": examples})
        return
    console.print(one_line(uri), style="bold")
    console.print(f"  {count(sum(outcomes.values()), 'document')}:")
    for outcome, number in outcomes.items():
        console.print(f"  {number:>9,} {outcome}")
    console.print("  ask for one by its key, or by its id:")
    for source in examples:
        console.print(f"    docsluice explain '{one_line(source).rsplit('/', 1)[-1]}'")


def _tell_staged(console: Console, store: Store, rows: list[StagedRow], as_json: bool) -> None:
    """Say of documents that a stream has them, and no run."""
    is_running = stream_holder(store) is not None
    if as_json:
        _print_json([{**asdict(row), "staged": True, "is_running": is_running} for row in rows])
        return
    then = (
        "it is committed with the next window"
        if is_running
        else f"the stream was not ended in order: {START_AGAIN}"
    )
    for row in rows[:_CANDIDATES]:
        console.print(one_line(row.source), style="bold")
        console.print(f"  id {row.id}")
        console.print(f"  now: a stream has it ({row.outcome}); {then}")
    if more := len(rows[_CANDIDATES:]):
        console.print(f"  … and {more:,} more")


def _offer(console: Console, wanted: str, meant: Meant, as_json: bool) -> None:
    """Name the documents that may be meant."""
    if as_json:
        found = [{"source": source, "id": id_ or None} for source, id_ in meant.candidates]
        _print_json({"candidates": found})
        return
    number = len(meant.candidates)
    console.print(f"{one_line(wanted)} may be any of {number:,}; give more of the name, or the id:")
    for source, id_ in meant.candidates[:_CANDIDATES]:
        console.print(f"  {id_ or '(many documents)':<32}  {one_line(source)}")
    if number > _CANDIDATES:
        console.print(f"  … and {number - _CANDIDATES:,} more")


def _tell_all(console: Console, store: Store, told: list[Story]) -> None:
    for number, story in enumerate(told):
        if number:
            console.print()
        console.print(one_line(story["source"]), style="bold")
        console.print(f"  id {story['id']}")
        for row in story["rows"]:
            console.print(f"  run {row['run_id']}: ", end="")
            console.print(row["outcome"], style="bold")
            _print_facts(console, _of_row(row))
        console.print("  now: ", end="")
        console.print(_now(story), style="bold")
        _print_facts(console, _of_story(store, story))


def _print_facts(console: Console, facts: Facts) -> None:
    shown = list(facts)
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        console.print(f"    {name:<{width}}  {one_line(value)}")


def _of_row(row: Row) -> Facts:
    """What a ledger row tells, and the document that it is about."""
    if row["outcome"] != "kept" and row["reason"]:
        yield "because", row["reason"]
    if row["duplicate_of"] is not None:
        yield "resembles", row["canonical"] or row["duplicate_of"]
        yield "", f"id {row['duplicate_of']}, similarity {row['similarity']:.2f}"
    if passages := row.get("passages"):
        yield from _of_passages(passages)
    if before := row.get("took_place_of"):
        yield "elected", f"in place of {before['source']}"
        why = before["reason"] if before["outcome"] != "kept" else "its text has changed"
        yield "", f"which was {before['outcome']} in run {before['run_id']}: {why}"
    if row.get("text_changed"):
        yield "text", "another than in the version before"
    if row["outcome"] == "kept":
        yield from _of_document(row)
    yield "version", row["source_version"] or "unknown"
    yield "seen", f"{row['recorded_at']:%Y-%m-%d %H:%M:%S} UTC"


def _of_passages(passages: dict[str, Any]) -> Facts:
    if "unknown" in passages:
        yield "passages", f"cannot be shown: {passages['unknown']}"
        return
    all_ = " of the first" if passages["is_cut"] else " of"
    yield (
        "shares",
        f"{passages['shared']:,}{all_} {count(passages['words'], 'word')} with it, and has "
        f"{passages['canonical_shared']:,}{all_} its {passages['canonical_words']:,}",
    )
    for name, title in (
        ("passages", "passages"),
        ("only_here", "only here"),
        ("only_in_canonical", "only there"),
    ):
        for number, one in enumerate(passages[name]):
            shown = f"“{one_line(one['text'])}” ({count(one['words'], 'word')})"
            yield ("" if number else title), shown
    more = passages["number_of_passages"] - len(passages["passages"])
    if more > 0:
        yield "", f"{count(more, 'shorter passage')} not shown"


def _of_document(row: Row) -> Facts:
    document = row["document"]
    if document is None:
        yield "document", "no longer stored: a later version took its place"
        return
    yield "title", document["title"] or "(none)"
    confidence = document["language_confidence"]
    yield "language", f"{document['language']} (confidence {confidence:.2f})"
    yield "words", f"{document['word_count']:,}"
    # An older store has none of the title.
    yield "entities", _entities([*document.get("title_entities", ()), *document["entities"]])
    yield "flags", ", ".join(document["quality"]) or "none"
    yield "kind", document["media_type"]
    if document["published_at"] is not None:
        yield "published", f"{document['published_at']:%Y-%m-%d %H:%M:%S} UTC"
    yield from sorted(document["metadata"].items())
    cache = row["cache"]
    if cache and (uses := ", ".join(_uses(cache))):
        yield "cache", f"{uses} (of all documents of the run)"
    yield "file", document["file"]


def _uses(cache: dict[str, int]) -> Iterator[str]:
    """What the cache knew of what it was asked, of each kind."""
    for kind in sorted({name.rpartition("_")[0] for name in cache}):
        hits = cache.get(f"{kind}_hits", 0)
        yield f"{kind} {hits:,} of {hits + cache.get(f'{kind}_misses', 0):,}"


def _entities(entities: list[dict[str, Any]]) -> str:
    counts = Counter(f"{entity['text']} {entity['label']}" for entity in entities)
    shown = ", ".join(f"{name} ×{times}" for name, times in counts.most_common(_NAMES))
    more = ", …" if len(counts) > _NAMES else ""
    return f"{len(entities)}: {shown}{more}" if shown else "none"


def _now(story: Story) -> str:
    if story["published_in"] is None:
        return f"not published ({story['outcome']})"
    last = ", though it failed since" if story["outcome"] == "failed" else ""
    return f"published by run {story['published_in']}{last}"


def _of_story(store: Store, story: Story) -> Facts:
    """What holds now, whichever run it comes from."""
    duplicates = story["duplicates"]
    if story["published_in"] is not None or duplicates["number"]:
        yield "duplicates", f"{duplicates['number']:,}"
    for one in duplicates["first"]:
        yield "", f"{one['source']} (similarity {one['similarity']:.2f})"
    more = duplicates["number"] - len(duplicates["first"])
    if more:
        yield "", f"and {more:,} more"
    for number, one in enumerate(story["published_instead"]):
        yield "" if number else "instead", f"{one['source']} is published, once its duplicate"
    for number, letter in enumerate(story["dead_letters"]):
        is_open = "open" if letter["open"] else "settled since"
        told = f"{letter['stage']}: {letter['error']} (attempt {letter['attempts']}, {is_open})"
        yield "" if number else "dead letter", told
        yield "", letter["file"]
    if any(letter["open"] for letter in story["dead_letters"]):
        yield "retry", f"docsluice dead-letters replay {story['id']}{store.option}"
    yield "index", _in_index(story["index"])


def _in_index(index: dict[str, Any]) -> str:
    place = index["place"]
    if index["state"] == "none":
        return "there is none"
    if index["state"] == "unreachable":
        return f"cannot be asked: {index['error']}"
    advice = "" if index["expected"] else "; docsluice reindex brings it up to date"
    if index["state"] == "yes":
        return f"in {place}, of run {index['run_id']}"
    if index["state"] == "older":
        return f"in {place}, but of run {index['run_id']}{advice}"
    return f"not in {place}{advice}"
