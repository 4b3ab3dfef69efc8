"""Dead letters on the terminal, and as JSON."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.console import count
from pipelines.dead_letters import Letter
from pipelines.settings import Settings
from pipelines.state import file_of
from pipelines.store import Store
from transforms.letters import INDEX

if TYPE_CHECKING:
    from pipelines.replay import Replay

SHOWN_ID = 12
"""Characters of an id in a table: enough for ``show`` and ``replay``."""

_PAYLOAD_SHOWN = 1000
_LINES_SHOWN = 20
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str, keep: str = "") -> str:
    r"""Text with escapes such as ``\x1b`` for all that a terminal could take for an order.

    These are control and formatting characters, line ends among them unless they are in ``keep``.
    """
    return "".join(
        letter
        if letter in keep or letter.isprintable() or unicodedata.category(letter) == "Zs"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def show_list(path: str, letters: list[Letter], limit: int, as_json: bool, *, all_: bool) -> None:
    """Print the newest letters, up to ``limit``: a table, or one JSON object."""
    shown = letters[:limit]
    if as_json:
        listed = [letter.as_json() for letter in shown]
        _print_json({"store": path, "total": len(letters), "dead_letters": listed})
        return
    if not letters:
        typer.echo(f"No {'' if all_ else 'open '}dead letters in {path}.")
        return
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = ["id", "when (UTC)", "stage", "source", "error", *(["settled"] if all_ else [])]
    longest = max(len(_short_source(letter)) for letter in shown)
    widths = _widths(console.width, longest, all_)
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
    room = widths[columns.index("source")]
    for letter in shown:
        table.add_row(
            letter.id[:SHOWN_ID],
            f"{letter.recorded_at:%Y-%m-%d %H:%M}",
            letter.stage,
            Text(_end(_short_source(letter), room)),
            Text(printable(letter.error)),
            *([Text(printable(letter.settled or "open"))] if all_ else []),
        )
    console.print(table)
    if len(shown) < len(letters):
        console.print(f"… and {len(letters) - len(shown):,} more; see --limit")


def show_letters(store: Store, letters: list[Letter], every: list[Letter], as_json: bool) -> None:
    """Print everything about letters; ``every`` has the earlier ones on the same documents."""
    of_subject: dict[tuple[str, bool], list[Letter]] = defaultdict(list)
    for one in every:
        of_subject[one.subject].append(one)
    pasts = [of_subject[letter.subject] for letter in letters]
    if as_json:
        _print_json(
            {
                "dead_letters": [
                    letter.as_json() | {"history": [_attempt(one) for one in past]}
                    for letter, past in zip(letters, pasts, strict=True)
                ]
            }
        )
        return
    console = Console(highlight=False, soft_wrap=True)
    for number, (letter, past) in enumerate(zip(letters[:_LINES_SHOWN], pasts, strict=False)):
        if number:
            console.print()
        console.print(printable(letter.source), style="bold", markup=False)
        facts = list(_facts(store, letter, past))
        width = max(len(name) for name, _ in facts)
        for name, value in facts:
            console.print(f"  {name:<{width}}  {value}", markup=False)
        if letter.payload is not None:
            console.print("  payload")
            for line in _shortened(letter.payload):
                console.print(f"    {line}", markup=False)
    if len(letters) > _LINES_SHOWN:
        console.print(f"\n… and {len(letters) - _LINES_SHOWN:,} more; see --json")


def show_replay(settings: Settings, done: Replay, as_json: bool) -> None:
    """Print what a replay did, its runs as ``docsluice run`` shows them."""
    from pipelines.report import command_name, show_summary

    if as_json:
        runs = [asdict(summary) for summary in done.summaries]
        for run in runs:
            del run["files"]
        left = [
            {"id": letter.id, "source": letter.source, "reason": why} for letter, why in done.left
        ]
        _print_json(
            {
                "settled": done.settled,
                "open": len(done.still_open),
                "read_whole": done.whole,
                "left": left,
                "runs": runs,
                "store": settings.store,
            }
        )
        return
    for summary in done.summaries:
        show_summary(settings, summary, False)
    console = Console(highlight=False, soft_wrap=True)
    for uri in done.whole[:_LINES_SHOWN]:
        console.print(f"Read as a whole: {printable(uri)}", markup=False)
    for letter, why in done.left[:_LINES_SHOWN]:
        name, reason = printable(letter.source), printable(why)
        console.print(f"Not tried: {name}: {reason}", markup=False)
    for many in (done.whole, done.left):
        if len(many) > _LINES_SHOWN:
            console.print(f"… and {len(many) - _LINES_SHOWN:,} more; see --json")
    if not done.settled and not done.still_open:
        console.print("No open dead letters to replay.")
        return
    console.print(
        f"{count(done.settled, 'dead letter')} settled, {len(done.still_open):,} still open."
    )
    if done.still_open:
        where = "" if settings.store == "store" else f" --store {settings.store}"
        console.print(f"See:     {command_name()} dead-letters list{where}")


def _widths(terminal: int, longest_source: int, all_: bool) -> list[int]:
    """Widths of the columns in a terminal of so many, with gaps of two between them."""
    known = [SHOWN_ID, len("2026-01-31 12:00"), len("index")]
    free = max(terminal - sum(known) - 2 * (5 if all_ else 4) - 1, 30)
    source = max(min(longest_source, free * 2 // 5), len("source"))
    settled = [free // 3] if all_ else []
    return [*known, source, free - source - sum(settled), *settled]


def _end(text: str, room: int) -> str:
    """Text that has room: of a longer one its end, for there is the key of the record."""
    return text if len(text) <= room else f"…{text[1 - room :]}"


def _short_source(letter: Letter) -> str:
    """Name of the file, and the key of the record."""
    uri, hash_, key = letter.source.partition("#")
    return printable(unquote(uri.rstrip("/").rsplit("/", 1)[-1]) + hash_ + key)


def _facts(store: Store, letter: Letter, past: list[Letter]) -> Iterator[tuple[str, str]]:
    yield "id", letter.id
    yield "stage", letter.stage
    type_ = f" ({letter.error_type})" if letter.error_type else ""
    yield "error", printable(letter.error + type_)
    yield "attempts", f"{letter.attempts:,}"
    for one in past:
        error = "" if one.error == letter.error else f": {printable(one.error)}"
        yield "", f"{one.recorded_at:%Y-%m-%d %H:%M:%S} UTC, run {one.run_id}{error}"
    yield "state", "open" if letter.settled is None else f"settled: {printable(letter.settled)}"
    if letter.is_open:
        yield "next", _advice(store, letter)


def _advice(store: Store, letter: Letter) -> str:
    command = f"docsluice dead-letters replay {letter.id[:SHOWN_ID]}{store.option}"
    if letter.stage == INDEX:
        return "let the index take such a document (its mapping, or a limit), then: " + command
    if letter.stage == "list":
        return f"make it readable, then: {command}"
    path = printable(unquote(file_of(letter.source).removeprefix("file://")))
    return f"mend {path}, or the settings that it is read with, then: {command}"


def _attempt(letter: Letter) -> dict[str, Any]:
    fields = letter.as_json()
    return {name: fields[name] for name in ("run_id", "recorded_at", "error_type", "error")}


def _shortened(payload: str) -> Iterator[str]:
    """The beginning of a payload, in lines that a terminal can show."""
    shown = "\n".join(payload[:_PAYLOAD_SHOWN].split("\n")[:_LINES_SHOWN])
    yield from printable(shown, keep="\n").split("\n")
    if len(shown) < len(payload):
        yield f"… and {count(len(payload) - len(shown), 'more character')}; --json shows all"


def _print_json(value: dict[str, Any]) -> None:
    """One line of JSON in which nothing is an order to a terminal either."""
    text = orjson.dumps(value).decode()
    typer.echo(_UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
