"""Documents as files of every kind that docsluice reads."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Sequence
from html import escape

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.integration.texts import Text

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}

Record = dict[str, str]


def date_of(number: int) -> str | None:
    """A date for two documents of three."""
    return None if number % 3 == 0 else f"20{number + 10}-0{1 + number % 9}-11"


def plain(text: Text) -> str:
    return f"{text.title}\n\n{text.body}" if text.title else text.body


def markdown(text: Text, date: str | None) -> str:
    dated = f"date: {date}\n" if date else ""
    return f"---\ntitle: {json.dumps(text.title)}\n{dated}tags: [python, library]\n---\n{text.body}"


def html(text: Text, date: str | None) -> str:
    """A page as sites make them: the article amid navigation, an aside and a footer."""
    dated = f'<meta property="article:published_time" content="{date}T08:00:00Z">' if date else ""
    tags = [("pre" if part.startswith(" ") else "p", part) for part in text.body.split("\n\n")]
    paragraphs = "".join(f"<{tag}>{escape(part)}</{tag}>\n" for tag, part in tags)
    return (
        f"<!DOCTYPE html><html lang=en><head><title>{escape(text.title)}</title>{dated}</head>"
        "<body>"
        "<nav><ul><li><a href=/>Home</a><li><a href=/news>All the news</a></ul></nav>"
        f"<main><article><h1>{escape(text.title)}</h1>{paragraphs}</article></main>"
        "<aside><a href=/a>Subscribe to our letter</a></aside>"
        "<footer>© 2020 <a href=/imprint>Imprint</a></footer></body></html>"
    )


def record(text: Text, date: str | None, id_: str | None) -> Record:
    fields = {"id": id_, "title": text.title, "date": date, "text": text.body}
    return {name: value for name, value in fields.items() if value is not None}


def json_lines(records: Sequence[Record]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def delimited(records: Sequence[Record], delimiter: str) -> tuple[str, list[int]]:
    """A table with a header, and the number of the line that each record begins on."""
    sink = io.StringIO()
    names = list(dict.fromkeys(name for one in records for name in one))
    writer = csv.DictWriter(sink, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    lines = []
    for one in records:
        lines.append(sink.getvalue().count("\n") + 1)
        writer.writerow(one)
    return sink.getvalue(), lines


def parquet(records: Sequence[Record]) -> bytes:
    sink = io.BytesIO()
    schema = pa.schema({name: pa.string() for one in records for name in one})
    pq.write_table(pa.Table.from_pylist(list(records), schema), sink)
    return sink.getvalue()
