"""The election against band tables, compared with one against everything ever published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms import files
from transforms.candidates import Candidates
from transforms.clusters import buckets, elect, ranks
from transforms.document import Document, document_id
from transforms.election import hold_election
from transforms.fingerprint import content_hash, shingles
from transforms.keys import COLUMNS, Keys, column, concatenate, keys_of, keys_path, write_keys
from transforms.leader_kernel import LEADERS_PER_BUCKET
from transforms.meeting import NOBODY, Published
from transforms.parquet import document_table, encode
from transforms.published import write_band_table, write_fingerprints
from transforms.run import Run
from transforms.spool import spool_path, write_spool

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WORDS = [f"w{number}" for number in range(30)]
NO_DATE = np.iinfo(np.int64).max
Verdicts = dict[str, tuple[str, float]]


@dataclass
class Gone:
    """Stands for the state of a store: the documents that no longer stand, and who was asked."""

    gone: set[tuple[str, str]] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(self, ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        self.asked += ids
        return [both not in self.gone for both in zip(ids, run_ids, strict=True)]


@dataclass
class Library:
    """A store made of files alone, and the same documents in memory."""

    root: str
    standing: Gone = field(default_factory=Gone)
    published: list[tuple[Document, str]] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def run(self, number: int) -> Run:
        return Run(self.root, f"{number:06d}-test", NOW)

    def publish(self, parts: Sequence[Sequence[Document]], keys_of_: Callable[..., Keys]) -> None:
        """Write one run of some parts, and its table."""
        run = self.run(len(self.tables) + 1)
        paths = []
        for number, documents in enumerate(filter(None, parts)):
            name = f"{number:05d}-000"
            keys = keys_of_(documents)
            of = run.part("documents", name, ".parquet")
            files.write(of, encode(document_table(documents, run.run_id, NOW)))
            paths.append((run.part("fingerprints", name, ".parquet"), of))
            write_fingerprints(paths[-1][0], documents, keys, range(len(documents)))
            self.published += [(document, run.run_id) for document in documents]
            self.keys.append(keys)
        self.tables.append(f"{self.root}/bands/{len(self.tables)}.bands")
        write_band_table(self.tables[-1], [run.run_id], paths, "")

    def elect(self, parts: Sequence[Sequence[Document]], keys_of_: Callable[..., Keys]) -> Verdicts:
        """Of new documents, the canonical and the similarity of each duplicate."""
        run = self.run(999)
        names = [f"{number:05d}-000" for number in range(len(parts))]
        for name, documents in zip(names, parts, strict=True):
            write_spool(spool_path(run, name), documents)
            write_keys(keys_path(run, name), keys_of_(documents))
        published = Published(f"{self.root}/documents", tuple(self.tables), self.standing)
        found = {}
        for name, verdicts in hold_election(Candidates(run, names, published), 0.8):
            for row, canonical in verdicts.canonical_of.items():
                new = parts[names.index(name)][row].id
                found[new] = canonical.id, canonical.similarity
        return found

    def compared_with_all(self, new: Sequence[Document], keys_of_: Callable[..., Keys]) -> Verdicts:
        """The same by comparing with every document that stands, as loaded from no table."""
        stands = [(one.id, run) not in self.standing.gone for one, run in self.published]
        all_ = [*new, *(one for (one, _), it in zip(self.published, stands, strict=True) if it)]
        rows = np.append(np.arange(len(new)), len(new) + np.flatnonzero(stands)).astype(np.int64)
        keys = concatenate([keys_of_(new), *self.keys])
        keys = Keys(keys.contents[rows], keys.bands[rows], keys.filled[rows])
        candidates = [buckets(*column(keys, number)) for number in range(COLUMNS)]
        is_published = np.arange(len(all_)) >= len(new)
        lengths = np.array([len(one.text) for one in all_])
        dates = [
            NO_DATE if one.published_at is None else int(one.published_at.timestamp()) * 10**6
            for one in all_
        ]
        priorities = np.where(is_published, 0, [one.priority for one in all_])
        order = ranks(
            is_published, priorities, np.array(dates), lengths, np.array([one.id for one in all_])
        )
        verdicts = elect(
            order,
            candidates,
            np.array([one.content_hash for one in all_]),
            is_published,
            lengths,
            lambda wanted: [shingles(all_[row].text) for row in wanted],
        )
        return {
            new[row].id: (all_[canonical].id, float(verdicts.similarity[row]))
            for row, canonical in enumerate(verdicts.canonical[: len(new)].tolist())
            if canonical >= 0
        }


def made(name: str, text: str, **fields: object) -> Document:
    source = f"file:///corpus/{name}"
    hash_ = content_hash(text)
    return Document(document_id(source), source, text=text, content_hash=hash_, **fields)


def true_keys(documents: Sequence[Document]) -> Keys:
    return keys_of(documents, near=True)


def crowded_keys(documents: Sequence[Document]) -> Keys:
    """The keys squeezed into few values, so that buckets are full of strangers."""
    keys = keys_of(documents, near=True)
    return replace(keys, bands=keys.bands % np.uint32(3))


def one_bucket(documents: Sequence[Document]) -> Keys:
    """All documents in one bucket of the first band, and in none else together."""
    keys = keys_of(documents, near=True)
    numbers = np.array([int(one.id[:7], 16) for one in documents], np.uint32)
    bands = np.repeat(numbers[:, None] + np.uint32(100), keys.bands.shape[1], axis=1)
    bands[:, 0] = 7
    return Keys(keys.contents, bands, keys.filled)


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Texts of which many are copies of others, with some words changed, or none."""
    contents = [draw(st.lists(st.sampled_from(WORDS), max_size=30))]
    for _ in range(draw(st.integers(2, 20))):
        words = list(draw(st.sampled_from(contents)))
        for place in draw(st.lists(st.integers(0, 29), max_size=2)):
            if place < len(words):
                words[place] = draw(st.sampled_from(WORDS))
        contents.append(draw(st.sampled_from([words, draw(st.lists(st.sampled_from(WORDS)))])))
    return [" ".join(words) for words in contents]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), some=texts(), keys_of_=st.sampled_from([true_keys, crowded_keys]))
def test_the_election_is_that_against_all_published(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    some: list[str],
    keys_of_: Callable[..., Keys],
) -> None:
    library = Library(str(tmp_path_factory.mktemp("library")))
    dates = [None, datetime(1999, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)]
    documents = [
        made(str(n), text, published_at=data.draw(st.sampled_from(dates)), priority=n % 3)
        for n, text in enumerate(some)
    ]
    is_new = data.draw(st.lists(st.booleans(), min_size=len(some), max_size=len(some)))
    new = [one for one, is_ in zip(documents, is_new, strict=True) if is_]
    old = [one for one, is_ in zip(documents, is_new, strict=True) if not is_]
    cut = data.draw(st.integers(0, len(old)))
    library.publish([old[: cut // 2], old[cut // 2 : cut]], keys_of_)
    library.publish([old[cut:]], keys_of_)
    of_runs = [(one.id, run) for one, run in library.published]
    library.standing.gone = data.draw(st.sets(st.sampled_from(of_runs))) if old else set()
    if new:
        expected = library.compared_with_all(new, keys_of_)
        assert library.elect([new[::2], new[1::2]] if new[1:] else [new], keys_of_) == expected
    else:
        assert library.compared_with_all(new, keys_of_) == {}


@pytest.fixture
def crowd(tmp_path: Path) -> Library:
    """900 strangers in one bucket of three tables, every third or so gone."""
    library = Library(str(tmp_path))
    rng = np.random.default_rng(5)
    strangers = [
        made(
            f"old-{number}",
            " ".join(f"v{word}" for word in rng.integers(0, 10**6, 20)),
            published_at=datetime(2000 + int(rng.integers(20)), 1, 1, tzinfo=UTC),
        )
        for number in range(900)
    ]
    for start, end in ((0, 500), (500, 800), (800, 900)):
        library.publish([strangers[start:end]], one_bucket)
    library.standing.gone = {
        (one.id, run) for one, run in library.published if int(one.id[0], 16) % 3 == 0
    }
    return library


def standing_in_order(library: Library) -> list[Document]:
    return sorted(
        (one for one, run in library.published if (one.id, run) not in library.standing.gone),
        key=lambda one: (one.published_at, -len(one.text), one.id),
    )


def test_of_a_giant_bucket_the_first_that_stand_are_compared(crowd: Library) -> None:
    """A text with a word more is found where a comparison with all finds it: up to the 256th."""
    standing = standing_in_order(crowd)
    places = [0, 100, 254, 255, 256, 257, 300]
    new = [made(f"new-{place}", standing[place].text + " more") for place in places]
    found = crowd.elect([new], one_bucket)
    assert found == crowd.compared_with_all(new, one_bucket)
    assert set(found) == {one.id for one in new[:4]}


def test_no_more_of_a_giant_bucket_is_read_than_can_be_compared(crowd: Library) -> None:
    keys = one_bucket([made("new", "a text without any likeness")])
    met = Published(crowd.root, tuple(crowd.tables), crowd.standing).meeting(keys)
    runs = (crowd.published[:500], crowd.published[500:800], crowd.published[800:])
    alive = [len(standing_in_order(replace(crowd, published=run))) for run in runs]
    assert len(met.documents) == sum(min(number, LEADERS_PER_BUCKET) for number in alive)
    assert alive[0] > LEADERS_PER_BUCKET


def test_only_documents_that_share_a_key_are_asked_for_and_each_once(tmp_path: Path) -> None:
    library = Library(str(tmp_path))
    old = [made(str(n), " ".join(f"{n}-{word}" for word in range(40))) for n in range(20)]
    library.publish([old[:10], old[10:]], true_keys)
    keys = true_keys([made("copy", old[12].text), made("other", old[12].text + " end")])
    met = Published("documents", tuple(library.tables), library.standing).meeting(keys)
    assert library.standing.asked == [old[12].id]
    assert met.documents["row"].tolist() == [2]
    assert [met.paths[part] for part in met.documents["part"]] == [
        "documents/run=000001-test/part-00001-000.parquet"
    ]


def test_without_tables_nobody_is_met() -> None:
    met = Published("documents", (), Gone()).meeting(true_keys([made("a", "one two")]))
    assert [len(keys) for keys, _ in met.columns] == [len(keys) for keys, _ in NOBODY.columns]
    assert len(met.documents) == 0


def test_a_document_published_twice_counts_in_the_run_that_stands(tmp_path: Path) -> None:
    library = Library(str(tmp_path))
    text = " ".join(map(str, range(40)))
    library.publish([[made("a", "something else " + text)]], true_keys)
    library.publish([[made("a", text)]], true_keys)
    library.standing.gone = {(made("a", "").id, "000001-test")}
    new = [made("b", text)]
    assert library.elect([new], true_keys) == {new[0].id: (made("a", "").id, 1.0)}
    library.standing.gone = {(made("a", "").id, "000002-test")}
    (similarity,) = (similarity for _, similarity in library.elect([new], true_keys).values())
    assert similarity < 1
