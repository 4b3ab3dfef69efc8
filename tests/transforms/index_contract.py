"""What every index must do with transactions; ``tests.transforms.search_contract``: with queries.

A test class per index inherits both. The fixture ``open_index`` gives a function that opens the
same, at first missing, index anew, as another process would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from transforms.document import SCHEMA
from transforms.index import Index, Name, Query

OpenIndex = Callable[[], Index]


def documents(*rows: dict[str, Any]) -> pa.Table:
    """A table of published documents; what a row leaves out has a plain value."""
    now = datetime(2024, 5, 31, 12, tzinfo=UTC)
    plain: dict[str, Any] = {
        "title": "",
        "text": "",
        "language": "en",
        "language_confidence": 1.0,
        "published_at": None,
        "entities": [],
        "title_entities": [],
        "content_hash": "00",
        "cluster_id": "",
        "duplicate_count": 0,
        "word_count": 1,
        "quality": [],
        "media_type": "text/plain",
        "metadata": [],
        "ingested_at": now,
        "run_id": "run",
    }
    full = [plain | {"source": f"file:///in/{row['id']}.txt"} | row for row in rows]
    return pa.Table.from_pylist(full, schema=SCHEMA)


def entity(text: str, label: str) -> dict[str, Any]:
    return {"text": text, "label": label, "start": 0, "end": len(text)}


def publish(index: Index, *rows: dict[str, Any], run_id: str = "run") -> None:
    with index.begin(run_id) as transaction:
        transaction.upsert(documents(*rows))
        transaction.prepare()
        transaction.commit()


def found(index: Index, text: str = "", **conditions: Any) -> list[str]:
    return [hit.id for hit in index.search(Query(text, **conditions)).hits]


class Contract:
    @pytest.fixture
    def open_index(self) -> OpenIndex:
        raise NotImplementedError

    @pytest.fixture
    def index(self, open_index: OpenIndex) -> Iterator[Index]:
        index = open_index()
        yield index
        index.close()


class TransactionContract(Contract):
    def test_a_published_document_is_found_with_all_that_is_shown_of_it(self, index: Index) -> None:
        publish(
            index,
            {
                "id": "a",
                "title": "On cats",
                "text": "The black cat sleeps.",
                "language": "en",
                "published_at": datetime(2020, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
                "entities": [entity("Paris", "LOC"), entity("Ann Lee", "PER")],
                "title_entities": [entity("Ann Lee", "PER")],
                "duplicate_count": 2,
            },
        )
        (hit,) = index.search(Query("cat")).hits
        assert (hit.id, hit.source, hit.title) == ("a", "file:///in/a.txt", "On cats")
        assert (hit.language, hit.duplicate_count) == ("en", 2)
        assert hit.published_at == datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert set(hit.entities) == {Name("Ann Lee", "PER", 2), Name("Paris", "LOC", 1)}
        assert hit.score > 0

    def test_count_is_the_number_of_documents(self, index: Index) -> None:
        publish(index, {"id": "a"}, {"id": "b"})
        assert index.count() == 2

    def test_entries_are_all_documents_with_run_and_duplicate_count(self, index: Index) -> None:
        assert list(index.entries()) == []
        publish(index, {"id": "a", "run_id": "1"}, {"id": "b", "run_id": "1", "duplicate_count": 2})
        publish(index, {"id": "c", "run_id": "2"}, run_id="2")
        assert sorted(index.entries()) == [("a", "1", 0), ("b", "1", 2), ("c", "2", 0)]

    def test_publishing_twice_is_publishing_once(self, index: Index) -> None:
        row = {"id": "a", "text": "one cat", "entities": [entity("Ann", "PER")]}
        publish(index, row, run_id="1")
        publish(index, row, run_id="2")
        assert index.count() == 1
        assert index.search(Query("cat")).total == 1
        assert index.search(Query(entities=("Ann",))).total == 1
        assert index.verify() == []

    def test_of_rows_with_one_id_the_last_counts(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "cat"}, {"id": "a", "text": "dog"})
        assert (index.count(), found(index, "cat"), found(index, "dog")) == (1, [], ["a"])

    def test_a_new_version_is_found_by_its_own_words_only(self, index: Index) -> None:
        old = {"id": "a", "title": "cat", "text": "东京", "entities": [entity("Ann", "PER")]}
        publish(index, old, run_id="1")
        publish(index, {"id": "a", "text": "dog"}, run_id="2")
        assert found(index, "dog") == ["a"]
        assert found(index, "cat") == found(index, "东京") == found(index, entities=("Ann",)) == []
        assert index.verify() == []

    def test_a_deleted_document_is_gone(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "cat"}, {"id": "b", "text": "cat"}, run_id="1")
        with index.begin("2") as transaction:
            transaction.delete(["a", "never there"])
            transaction.commit()
        assert (index.count(), found(index, "cat"), index.verify()) == (1, ["b"], [])

    def test_it_tells_which_version_it_has(self, index: Index) -> None:
        assert index.versions(["a"]) == {}
        publish(index, {"id": "a", "text": "cat", "run_id": "1"}, run_id="1")
        publish(index, {"id": "b", "text": "cat", "run_id": "2"}, run_id="2")
        assert index.versions(["a", "b", "never there"]) == {"a": "1", "b": "2"}
        assert index.versions([]) == {}

    def test_duplicates_add_up(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "cat", "duplicate_count": 1}, run_id="1")
        with index.begin("2") as transaction:
            transaction.add_duplicates({"a": 2, "never there": 5})
            transaction.commit()
        (hit,) = index.search(Query("cat")).hits
        assert hit.duplicate_count == 3

    def test_what_is_of_no_run_is_found_and_leaves_no_run(self, index: Index) -> None:
        with index.begin(None) as transaction:
            transaction.upsert(documents({"id": "a", "text": "cat", "run_id": "staged"}))
            transaction.prepare()
            transaction.commit()
        assert (found(index, "cat"), index.runs()) == (["a"], frozenset())
        publish(index, {"id": "a", "text": "cat", "run_id": "1"}, run_id="1")
        with index.begin(None) as transaction:
            transaction.upsert(documents({"id": "a", "text": "dog", "run_id": "staged"}))
            transaction.commit()
        publish(index, {"id": "a", "text": "cow", "run_id": "2"}, run_id="2")
        assert (found(index, "cow"), found(index, "dog"), index.count()) == (["a"], [], 1)
        assert index.versions(["a"]) == {"a": "2"}
        assert index.runs() == {"1", "2"}
        assert index.verify() == []

    def test_nothing_is_seen_before_commit(self, index: Index, open_index: OpenIndex) -> None:
        publish(index, {"id": "a", "text": "cat"}, run_id="1")
        readers = [open_index(), open_index()]
        with index.begin("2") as transaction:
            transaction.upsert(documents({"id": "b", "text": "cat"}))
            transaction.prepare()
            assert [reader.count() for reader in readers] == [1, 1]
            assert [found(reader, "cat") for reader in readers] == [["a"], ["a"]]
            transaction.commit()
        assert [reader.count() for reader in readers] == [2, 2]
        for reader in readers:
            reader.close()

    def test_a_rollback_leaves_nothing(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "cat"}, run_id="1")
        with index.begin("2") as transaction:
            transaction.upsert(documents({"id": "a", "text": "dog"}, {"id": "b", "text": "dog"}))
            transaction.prepare()
            transaction.rollback()
        assert (index.count(), found(index, "dog"), found(index, "cat")) == (1, [], ["a"])
        assert (index.runs(), index.verify()) == (frozenset({"1"}), [])

    def test_an_error_in_the_block_rolls_back(self, index: Index) -> None:
        def fail() -> None:
            with index.begin("1") as transaction:
                transaction.upsert(documents({"id": "a", "text": "cat"}))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert index.runs() == frozenset()
        assert index.count() == 0

    def test_a_run_is_applied_once(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "cat"}, run_id="1")
        for _ in range(2):
            with index.begin("2") as transaction:
                transaction.add_duplicates({"a": 1})
                transaction.upsert(documents({"id": "b", "text": "cat"}))
                transaction.commit()
        assert transaction.skipped
        with index.begin("2") as transaction:
            transaction.delete(["a", "b"])
            transaction.commit()
        assert sorted((hit.id, hit.duplicate_count) for hit in index.search(Query("cat")).hits) == [
            ("a", 1),
            ("b", 0),
        ]
        assert index.runs() == {"1", "2"}

    def test_an_index_that_is_not_there_yet_has_no_runs(self, index: Index) -> None:
        assert index.runs() == frozenset()

    def test_a_rebuild_swaps_all_documents_at_once(
        self, index: Index, open_index: OpenIndex
    ) -> None:
        publish(index, {"id": "a", "text": "old cat"}, {"id": "b", "text": "old"}, run_id="1")
        reader = open_index()
        with index.rebuild(["2", "3"]) as transaction:
            assert not transaction.skipped
            transaction.upsert(documents({"id": "a", "text": "new cat"}))
            transaction.prepare()
            assert found(reader, "cat old") == ["a"]
            assert reader.count() == 2
            transaction.commit()
        assert (reader.count(), found(reader, "new"), found(reader, "old")) == (1, ["a"], [])
        assert (reader.runs(), index.verify()) == (frozenset({"2", "3"}), [])
        reader.close()

    def test_pruning_leaves_what_is_published(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "old cat"}, run_id="1")
        with index.rebuild(["2"]) as transaction:
            transaction.upsert(documents({"id": "a", "text": "new cat"}))
            transaction.add_duplicates({"a": 1})
            transaction.delete(["b"])
            transaction.commit()
        index.prune()
        (hit,) = index.search(Query("cat")).hits
        assert (hit.snippet.text, hit.duplicate_count) == ("new cat", 1)
        assert (index.runs(), index.refused, index.prune()) == (frozenset({"2"}), 0, [])

    def test_an_abandoned_rebuild_changes_nothing(self, index: Index) -> None:
        publish(index, {"id": "a", "text": "old cat"}, run_id="1")
        with index.rebuild(["1"]) as transaction:
            transaction.upsert(documents({"id": "b", "text": "new"}))
        assert (found(index, "cat"), index.count()) == (["a"], 1)
        assert index.runs() == {"1"}
