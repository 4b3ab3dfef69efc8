"""A folder of 200 real documents, their duplicates, and broken files, with the expected ledger.

What is expected of a document follows from how its file is made, never from what docsluice says
of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.integration import broken, copies, formats
from tests.integration.expected import Corpus, Row
from tests.integration.formats import COMPRESS, date_of
from tests.integration.texts import Text, english, foreign

SEEDS = Path(__file__).parents[2] / "seeds"
ENGLISH = 175
DOCUMENTS = 200
"""Originals: English texts, one in each of 22 other languages, and the seeds."""
COPIES = 20
"""Exact duplicates, and as many near ones."""
NEAR_MISSES = 5
BROKEN = 20
MAX_DOCUMENT_BYTES = 5_000_000

ENCODINGS = {
    "ru": "koi8-r", "ja": "shift_jis", "zh": "gb18030", "de": "latin-1", "fr": "windows-1252",
    "es": "utf-8-sig", "sv": "latin-1", "uk": "utf-16-le", "el": "utf-16-be", "ko": "utf-16",
    "pt": "windows-1252",
}  # fmt: skip
"""Encodings of the texts in other languages; UTF-8 where none is named."""


def make_corpus(root: Path) -> Corpus:
    """Write the folder."""
    corpus = Corpus(root)
    texts = english(ENGLISH)
    long_ = [text for text in texts if len(text.body.split()) >= 200][: COPIES + NEAR_MISSES]
    alone = [text for text in texts if text not in long_]
    _plain_files(corpus, long_)
    _originals(corpus, iter(alone))
    for code, text in foreign().items():
        encoding = ENCODINGS.get(code, "utf-8")
        text = Text("", text.body.encode(encoding, "ignore").decode(encoding))  # KOI8-R has no dash
        corpus.add(corpus.write(f"library/foreign/{code}.txt", text.body, encoding), text)
    for seed in sorted(SEEDS.iterdir()):
        shutil.copy(seed, corpus.root / "library")
        uri = (corpus.root / "library" / seed.name).as_uri()
        corpus.add(uri, Text("", seed.read_text()), exact=False)
    assert len(corpus.clusters) == DOCUMENTS, len(corpus.clusters)
    near = corpus.clusters[:COPIES]
    others = [cluster for cluster in corpus.clusters[len(long_) : ENGLISH] if cluster[0].text]
    copies.near(corpus, near)
    copies.exact(corpus, [*near[:3], *others[::7]][:COPIES])
    copies.near_misses(corpus, long_[COPIES:])
    files = broken.write(corpus.root / "library" / "broken", texts[0])
    assert len(files) == BROKEN
    for file in files:
        corpus.rejected.append(Row(file.source, file.outcome, reason=file.reason))
        for source, text in file.saved:
            corpus.add(source, text)
    return corpus


def _plain_files(corpus: Corpus, texts: Sequence[Text]) -> None:
    """Text files in every way to write Unicode, and in every compression."""
    bom_le, bom_be = "utf-16", "utf-16-be"
    layouts = [("", "utf-8")] * 9 + [("", code) for code in ("utf-8-sig", bom_le, bom_be)]
    layouts += [("", "utf-16-le")] + [(suffix, "utf-8") for suffix in COMPRESS if suffix]
    for number, text in enumerate(texts):
        suffix, encoding = layouts[number % len(layouts)]
        name = f"library/plain/text {number:02d}.txt{suffix}"
        mark = "\ufeff" if encoding == bom_be and number % 2 else ""
        corpus.add(corpus.write(name, mark + formats.plain(text), encoding), text)


def _originals(corpus: Corpus, texts: Iterator[Text]) -> None:
    """The other kinds: Markdown, HTML, JSON, JSON Lines, CSV, TSV, Parquet, and more plain text."""
    for number in range(25):
        text, suffix, date = next(texts), _every(8, number), date_of(number)
        name = f"library/notes/note-{number:02d}.md{suffix}"
        corpus.add(corpus.write(name, formats.markdown(text, date)), text, date=date)
    for number in range(20):
        text, suffix, date = next(texts), _every(7, number), date_of(number)
        name = f"library/pages/page-{number:02d}.html{suffix}"
        corpus.add(corpus.write(name, formats.html(text, date)), text, exact=False, date=date)
    for number in range(10):
        text, suffix = next(texts), _every(4, number)
        name = f"library/objects/object-{number}.json{suffix}"
        data = formats.json_lines([formats.record(text, None, "the only one")])
        corpus.add(corpus.write(name, data) + "#the only one", text)
    for name, number, with_id in (
        ("array.json", 10, True), ("nameless.json.xz", 5, False), ("split.jsonl", 16, True),
        ("lines.ndjson.zst", 6, False), ("table.csv", 12, True), ("table.csv.bz2", 6, False),
        ("table.tsv", 9, True), ("rows.parquet", 12, True), ("rows.parquet.gz", 6, False),
    ):  # fmt: skip
        _records(corpus, f"library/{name}", [next(texts) for _ in range(number)], with_id)
    for number, text in enumerate(texts):
        corpus.add(corpus.write(f"library/more/{number}", formats.plain(text)), text)


def _records(corpus: Corpus, name: str, texts: Sequence[Text], with_id: bool) -> None:
    """A file of records, keyed by their ids or else by where they stand."""
    dates = [date_of(number) for number in range(len(texts))]
    ids = [f"{number}-é" if with_id else None for number in range(len(texts))]
    all_ = [formats.record(*each) for each in zip(texts, dates, ids, strict=True)]
    places: Sequence[object] = range(len(texts))
    data: str | bytes
    kind = name.split(".")[1]
    if kind == "parquet":
        data = formats.parquet(all_)
    elif kind in ("csv", "tsv"):
        data, lines = formats.delimited(all_, "," if kind == "csv" else "\t")
        places = [f"L{line}" for line in lines]
    elif kind == "json":
        data = "[" + ",\n".join(formats.json_lines([one]).strip() for one in all_) + "]"
    else:
        for one in all_ if with_id else ():
            one["raw"] = one["text"] * 40  # larger than a unit of work: the file is cut in slices
        data = formats.json_lines(all_)
        places = [f"L{number}" for number in range(1, len(all_) + 1)]
    uri = corpus.write(name, data)
    for text, date, id_, place in zip(texts, dates, ids, places, strict=True):
        corpus.add(f"{uri}#{id_ or place}", text, date=date)


def _every(step: int, number: int) -> str:
    """A compression for one file in every ``step``; none for the others."""
    suffixes = [suffix for suffix in COMPRESS if suffix]
    return suffixes[number // step % len(suffixes)] if number % step == step - 1 else ""
