"""Duplicates of documents, exact and near, and texts that are nearly near duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from tests.integration import formats
from tests.integration.expected import Corpus, Member
from tests.integration.formats import date_of
from tests.integration.texts import Text, jaccard


def exact(corpus: Corpus, clusters: Sequence[list[Member]]) -> None:
    """The same words in another case, layout, encoding or kind; each way decides differently."""
    records = []
    for number, cluster in enumerate(clusters):
        original = cluster[0]
        name, way = f"copy {number:02d}", number % 5
        if way == 0:  # of the same length and date: the id decides
            _beside(corpus, name, cluster, Text("IN CAPITALS", original.body.upper()))
        elif way == 1:  # longer
            indented = original.body.replace("\n", "\n    ").replace("\n    \n", "\n\n")
            _beside(corpus, name, cluster, Text("Indented", indented))
        else:  # in a source that comes later, however early it is dated
            text, date = Text("Mirrored", original.body), "1999-01-01"
            if way == 2:
                uri = corpus.write(f"mirror/{name}.md", formats.markdown(text, date), "utf-16")
            elif way == 3:
                uri = corpus.write(f"mirror/{name}.html", formats.html(text, date))
            else:
                records.append(formats.record(text, date, f"row-{number}"))
                uri = f"{(corpus.root / 'mirror' / 'copies.tsv.xz').as_uri()}#row-{number}"
            known = None if way == 3 else text.body
            cluster.append(Member(uri, text.body, 1, date, known))
    corpus.write("mirror/copies.tsv.xz", formats.delimited(records, "\t")[0])


def _beside(corpus: Corpus, name: str, cluster: list[Member], text: Text) -> None:
    """A copy of the same date as the original, in the same source."""
    date = cluster[0].date
    data = formats.markdown(text, date) if date else formats.plain(text)
    uri = corpus.write(f"library/copies/{name}{'.md' if date else '.txt'}", data)
    cluster.append(Member(uri, text.body, 0, date, text.body))


def near(corpus: Corpus, clusters: Sequence[list[Member]]) -> None:
    """A few words dropped, added or changed."""
    records = []
    for number, cluster in enumerate(clusters):
        way = ("drop", "add", "change", "change")[number % 4]
        body = edited(cluster[0].body, way, 1 + len(cluster[0].body.split()) // 100)
        text = Text(f"Edition {number}", body)
        if number % 4 < 2:  # shorter, or longer, than the original
            uri = corpus.write(f"library/editions/{number:02d}.txt", formats.plain(text))
            cluster.append(Member(uri, body, 0, None, body))
        elif number % 4 == 2:  # dated, which the original is not
            records.append(formats.record(text, date_of(number), f"ed/{number}"))
            source = (corpus.root / "library" / "editions.jsonl.bz2").as_uri() + f"#ed/{number}"
            cluster.append(Member(source, body, 0, date_of(number), body))
        else:
            uri = corpus.write(f"mirror/{number:02d}.md", formats.markdown(text, date_of(number)))
            cluster.append(Member(uri, body, 1, date_of(number), body))
    corpus.write("library/editions.jsonl.bz2", formats.json_lines(records))


def near_misses(corpus: Corpus, texts: Sequence[Text]) -> None:
    """Texts that have much in common with an original and are not its duplicates."""
    for number, text in enumerate(texts):
        body = edited(text.body, "change", len(text.body.split()) // 20)
        assert 0.45 <= jaccard(body, text.body) <= 0.72, jaccard(body, text.body)
        uri = corpus.write(f"library/relatives/{number}.txt", body)
        corpus.add(uri, Text("", body))


def edited(body: str, way: str, times: int) -> str:
    """The body with that many words changed, dropped or added, at even distances."""
    pieces = body.split(" ")
    step = len(pieces) // (times + 1)
    for number in range(times, 0, -1):
        place = number * step
        word = [] if way == "drop" else [f"other{number}"]
        pieces[place : place + (way != "add")] = word
    return " ".join(pieces)
