"""A story of ten runs: what happens to the sources, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration import formats
from tests.integration.copies import edited
from tests.integration.expected import Row
from tests.integration.texts import Text, english

Change = Callable[[Path], None]
Published = dict[str, tuple[str, int]]

LONG = 150
"""Words that a text must have for an edition of it to be a near duplicate."""


@dataclass(frozen=True)
class Step:
    """A run: what changes before it, and what it must do.

    Attributes:
        name: what happens.
        change: does it, below the folder of the sources.
        rows: the ledger rows of the run; sources are relative to that folder.
        published: what the index must have afterwards: a word that only this document has, and its
            duplicates, by source.
        settings: of this run, beside those of all.
        said: what the run must say, in words.
    """

    name: str
    change: Change
    rows: frozenset[Row]
    published: Published
    settings: dict[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()


def kept(*sources: str) -> set[Row]:
    return {Row(source, "kept") for source in sources}


def duplicate(source: str, of: str, reason: str = "near duplicate") -> Row:
    return Row(source, "duplicate", of, reason)


def deleted(source: str, reason: str = "source is gone") -> Row:
    return Row(source, "deleted", reason=reason)


class Pages:
    """Texts that do not resemble each other, each with a word of its own."""

    def __init__(self) -> None:
        self._bodies = [text.body for text in english(60) if len(text.body.split()) >= LONG]

    def body(self, number: int, word: str) -> str:
        return f"{self._bodies[number]}\n\nIts shelf mark is {word}."

    def write(self, path: Path, number: int, word: str, edits: int = 0) -> None:
        body = self.body(number, word)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edited(body, "change", edits) if edits else body)

    def records(self, path: Path, **pages: tuple[int, str]) -> None:
        texts = {key: self.body(*page) for key, page in pages.items()}
        lines = [formats.record(Text("", text), None, key) for key, text in texts.items()]
        path.write_text(formats.json_lines(lines))


def story() -> list[Step]:
    """The ten runs, over the sources ``library`` and ``mirror``."""
    pages = Pages()
    published: Published = {}
    steps: list[Step] = []

    def then(
        name: str,
        change: Change,
        rows: set[Row],
        *,
        gone: tuple[str, ...] = (),
        now: Published | None = None,
        said: tuple[str, ...] = (),
        **settings: Any,
    ) -> None:
        for source in gone:
            del published[source]
        published.update(now or {})
        steps.append(Step(name, change, frozenset(rows), dict(published), settings, said))

    def add(root: Path) -> None:
        for number, name in enumerate(("alpha", "beta", "gamma", "delta")):
            pages.write(root / f"library/{name}.txt", number, f"{name}mark")
        pages.records(root / "library/pair.jsonl", one=(4, "onemark"), two=(5, "twomark"))
        (root / "library/broken.json").write_text('{"text": "cut o')
        pages.write(root / "mirror/alpha-again.txt", 0, "echomark", edits=1)
        pages.write(root / "mirror/zeta.txt", 6, "zetamark")

    then(
        "add",
        add,
        kept(
            "library/alpha.txt",
            "library/beta.txt",
            "library/gamma.txt",
            "library/delta.txt",
            "library/pair.jsonl#one",
            "library/pair.jsonl#two",
            "mirror/zeta.txt",
        )
        | {
            Row("library/broken.json", "failed", reason="not JSON"),
            duplicate("mirror/alpha-again.txt", "library/alpha.txt"),
        },
        now={
            "library/alpha.txt": ("alphamark", 1),
            "library/beta.txt": ("betamark", 0),
            "library/gamma.txt": ("gammamark", 0),
            "library/delta.txt": ("deltamark", 0),
            "library/pair.jsonl#one": ("onemark", 0),
            "library/pair.jsonl#two": ("twomark", 0),
            "mirror/zeta.txt": ("zetamark", 0),
        },
    )

    def change(root: Path) -> None:
        pages.write(root / "library/beta.txt", 7, "betanewmark")
        pages.records(root / "library/pair.jsonl", one=(4, "onemark"), three=(8, "threemark"))

    then(
        "change",
        change,
        kept("library/beta.txt", "library/pair.jsonl#one", "library/pair.jsonl#three")
        | {deleted("library/pair.jsonl#two", "record is gone")},
        gone=("library/pair.jsonl#two",),
        now={
            "library/beta.txt": ("betanewmark", 0),
            "library/pair.jsonl#three": ("threemark", 0),
        },
    )

    then(
        "delete",
        lambda root: (root / "library/gamma.txt").unlink(),
        {deleted("library/gamma.txt")},
        gone=("library/gamma.txt",),
    )

    def move(root: Path) -> None:
        (root / "library/moved").mkdir()
        (root / "library/delta.txt").rename(root / "library/moved/delta.txt")

    then(
        "move",
        move,
        kept("library/moved/delta.txt") | {deleted("library/delta.txt")},
        gone=("library/delta.txt",),
        now={"library/moved/delta.txt": ("deltamark", 0)},
    )

    def copy(root: Path) -> None:
        text = (root / "library/moved/delta.txt").read_text()
        (root / "mirror/delta-in-capitals.txt").write_text(text.upper())
        pages.write(root / "mirror/beta-again.txt", 7, "lateechomark", edits=1)

    then(
        "duplicate of an old document",
        copy,
        {
            duplicate("mirror/delta-in-capitals.txt", "library/moved/delta.txt", "same text"),
            duplicate("mirror/beta-again.txt", "library/beta.txt"),
        },
        now={
            "library/moved/delta.txt": ("deltamark", 1),
            "library/beta.txt": ("betanewmark", 1),
        },
    )

    then(
        "canonical removed",
        lambda root: (root / "library/alpha.txt").unlink(),
        kept("mirror/alpha-again.txt") | {deleted("library/alpha.txt")},
        gone=("library/alpha.txt",),
        now={"mirror/alpha-again.txt": ("echomark", 0)},
    )

    def vanish(root: Path) -> None:
        (root / "library/moved/delta.txt").unlink()
        (root / "library/pair.jsonl").unlink()
        pages.write(root / "library/eta.txt", 9, "etamark")

    then(
        "mass deletion refused",
        vanish,
        kept("library/eta.txt"),
        now={"library/eta.txt": ("etamark", 0)},
        said=(
            "nothing is deleted: the sources of 3 documents are gone, of 6 under these sources",
            "--max-delete-fraction 1",
        ),
    )

    then(
        "mass deletion allowed",
        lambda _root: None,
        kept("mirror/delta-in-capitals.txt")
        | {
            deleted("library/moved/delta.txt"),
            deleted("library/pair.jsonl#one"),
            deleted("library/pair.jsonl#three"),
        },
        gone=("library/moved/delta.txt", "library/pair.jsonl#one", "library/pair.jsonl#three"),
        now={"mirror/delta-in-capitals.txt": ("deltamark", 0)},
        max_delete_fraction=1.0,
    )

    def unreadable(root: Path) -> None:
        (root / "mirror").rename(root / "mirror-away")
        (root / "mirror").symlink_to("mirror")  # a circle, which even root cannot look into
        (root / "library/beta.txt").rename(root / "beta-away.txt")
        (root / "library/beta.txt").symlink_to("beta.txt")
        pages.write(root / "library/theta.txt", 10, "thetamark")

    then(
        "source unreadable",
        unreadable,
        kept("library/theta.txt") | {Row("library/beta.txt", "failed", reason="symbolic links")},
        now={"library/theta.txt": ("thetamark", 0)},
        said=("nothing is deleted: 3 documents from there stay published",),
    )

    def mend(root: Path) -> None:
        (root / "mirror").unlink()
        (root / "mirror-away").rename(root / "mirror")
        (root / "library/beta.txt").unlink()
        (root / "beta-away.txt").rename(root / "library/beta.txt")
        (root / "library/note.txt").write_text("Three words only.")

    then(
        "config changed",
        mend,
        kept(
            "library/beta.txt",
            "library/eta.txt",
            "library/theta.txt",
            "mirror/alpha-again.txt",
            "mirror/delta-in-capitals.txt",
            "mirror/zeta.txt",
        )
        | {
            Row("mirror/beta-again.txt", "kept", "library/beta.txt"),
            Row("library/broken.json", "failed", reason="not JSON"),
            Row("library/note.txt", "rejected", reason="too_short"),
        },
        now={
            "library/beta.txt": ("betanewmark", 1),
            "mirror/beta-again.txt": ("lateechomark", 0),
        },
        reprocess=True,
        duplicates="keep",
        min_quality="good",
    )
    return steps
