"""Files that hold no document, or not only: what a folder gathers over the years."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import random
from dataclasses import dataclass
from pathlib import Path

import zstandard

from tests.integration.formats import delimited, json_lines, parquet
from tests.integration.texts import Text

LONG_LINE = 50_000_000


@dataclass(frozen=True, slots=True)
class Broken:
    """The row that a broken file leaves, and the documents that are read out of it all the same."""

    source: str
    outcome: str
    reason: str
    saved: tuple[tuple[str, Text], ...] = ()


def sound(name: str) -> Text:
    """A short text that only the file of this name has."""
    words = random.Random(name).sample("abcdefghijklmnopqrstuvwxyz", 26)
    return Text("", " ".join(f"{word}{name}" for word in words))


def write(root: Path, text: Text) -> list[Broken]:
    """Write twenty broken files; returns what must become of each."""
    root.mkdir(parents=True)
    noise = random.Random(1).randbytes(5000)
    zst = zstandard.ZstdCompressor().compress(text.body.encode())
    xz, gz = lzma.compress(text.body.encode()), gzip.compress(text.body.encode(), mtime=0)
    whole = {
        "empty.txt": (b"", "rejected", "empty file"),
        "image.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "rejected", "unsupported: PNG image"),
        "paper.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + noise, "rejected", "unsupported: PDF"),
        "program": (b"\x7fELF\x02\x01\x01" + bytes(500), "rejected", "unsupported: ELF program"),
        "noise.txt": (noise, "rejected", "unsupported: binary"),
        "nul.txt": (bytes(3000), "rejected", "unsupported: binary"),
        "blank.txt": (b" \n\t\n \r\n" * 50, "rejected", "clean: no text left"),
        "hollow.html": (
            b"<!doctype html><html><head><title>x</title><script>f()</script></head></html>",
            "rejected",
            "clean: no text left",
        ),
        "cut.txt.gz": (gz[: len(gz) // 2], "failed", "broken gzip data"),
        "torn.txt.gz": (gz[:40] + noise, "failed", "broken gzip data"),
        "false.txt.gz": (noise, "failed", "named .gz but not compressed in that way"),
        "cut.txt.zst": (zst[: len(zst) // 2], "failed", "broken zstandard data"),
        "cut.txt.xz": (xz[: len(xz) // 2], "failed", "broken xz data"),
        "cut.parquet": (parquet([{"text": text.body}])[:-20], "failed", "broken Parquet data"),
    }
    files = [_file(root / name, *rest) for name, rest in whole.items()]
    return [*files, *_partly(root), *_special(root)]


def _file(path: Path, data: bytes, outcome: str, reason: str) -> Broken:
    path.write_bytes(data)
    return Broken(path.as_uri(), outcome, reason)


def _partly(root: Path) -> list[Broken]:
    """Good records before, and where they can be found after, a broken one."""
    lines = root / "lines.jsonl"
    one, three = sound("lines1"), sound("lines3")
    good = [json.dumps({"text": text.body}) for text in (one, three)]
    lines.write_text(f'{good[0]}\n{{"text": no json}}\n{good[1]}\n')

    cut = root / "cut.json"
    first = sound("cut")
    cut.write_text(json.dumps([{"text": first.body}, {"text": "never to be closed"}])[:-9])

    quote = root / "quote.csv"
    rows = [sound("quote1"), sound("quote2"), sound("quote3")]
    table, _ = delimited([{"id": f"q{n}", "text": row.body} for n, row in enumerate(rows)], ",")
    header, before, wrong, after = table.splitlines()
    quote.write_text("\n".join([header, before, wrong.replace(",", ',"wrong"quote '), after]))

    long_ = root / "long.jsonl.gz"
    short = sound("long1"), sound("long3")
    ends = [json_lines([{"text": text.body}]).encode() for text in short]
    middle = json.dumps({"text": "word " * (LONG_LINE // 5)}).encode()
    long_.write_bytes(gzip.compress(ends[0] + middle + b"\n" + ends[1], 1, mtime=0))

    return [
        Broken(
            f"{lines.as_uri()}#L2",
            "failed",
            "line 2 is not JSON",
            ((f"{lines.as_uri()}#L1", one), (f"{lines.as_uri()}#L3", three)),
        ),
        Broken(
            f"{cut.as_uri()}#from 1",
            "failed",
            "not JSON at character",
            ((f"{cut.as_uri()}#0", first),),
        ),
        Broken(
            f"{quote.as_uri()}#L3",
            "failed",
            "line 3: broken record",
            ((f"{quote.as_uri()}#q0", rows[0]), (f"{quote.as_uri()}#q2", rows[2])),
        ),
        Broken(
            f"{long_.as_uri()}#L2",
            "failed",
            "line 2 is longer than",
            ((f"{long_.as_uri()}#L1", short[0]), (f"{long_.as_uri()}#L3", short[1])),
        ),
    ]


def _special(root: Path) -> list[Broken]:
    """What is no file at all."""
    loop, pipe = root / "loop.txt", root / "pipe.txt"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    return [
        Broken(loop.as_uri(), "failed", "cannot be read"),
        Broken(pipe.as_uri(), "failed", "not a regular file"),
    ]
