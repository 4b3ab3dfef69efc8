"""What every index must find; see ``tests.transforms.index_contract``."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.index_contract import Contract, documents, entity, found, publish
from transforms.index import Index, Query, QueryError

OPERATORS = st.sampled_from(
    ['"', "-", "*", " ", "OR", "AND", "NOT", "NEAR(", ")", "{", "}", ":", "^", "+", "title", "\0"]
)
TYPED = st.lists(OPERATORS | st.text(max_size=5) | st.characters(codec=None), max_size=12).map(
    "".join
)


SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""One contract is held against each index, by a class of tests for each."""


class SearchContract(Contract):
    def test_a_word_in_the_title_ranks_above_one_in_the_text(self, index: Index) -> None:
        filler = "words about something else entirely " * 3
        publish(
            index,
            {"id": "text", "title": "Pets", "text": f"{filler} cat {filler}"},
            {"id": "title", "title": "Cat", "text": filler * 2},
        )
        assert found(index, "cat") == ["title", "text"]

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("black cat", {"1", "2"}),
            ('"black cat"', {"1"}),
            ('"black cat', {"1"}),
            ("cat -black", {"3"}),
            ('cat -"black cat"', {"2", "3"}),
            ("dog OR white", {"3", "4"}),
            ("white OR black cat", {"1", "2", "3"}),
            ("bla*", {"1", "2"}),
            ("bla", set()),
            ("ocean", {"5"}),
            ("l'océan", {"5"}),
            ("L’OCEAN", {"5"}),
            ("(cat)", {"1", "2", "3"}),
            ("title:cat", set()),
            ("cat ?!", {"1", "2", "3"}),
            ("NEAR(dog)", set()),
            ("हिन्दी", {"6"}),
            ("हन", set()),
        ],
    )
    def test_what_is_typed_is_understood(
        self, index: Index, typed: str, expected: set[str]
    ) -> None:
        publish(
            index,
            {"id": "1", "text": "a black cat"},
            {"id": "2", "text": "a cat, black"},
            {"id": "3", "text": "a white cat"},
            {"id": "4", "text": "a dog"},
            {"id": "5", "text": "au bord de l'océan"},
            {"id": "6", "text": "यह हिन्दी है"},
        )
        assert set(found(index, typed)) == expected

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("北京", {"zh"}),
            ("北京 手机", {"zh"}),
            ("京北", set()),
            ("手机 -北京", set()),
            ("iPhone", {"zh"}),
            ("iphone手机", {"zh"}),
            ('"市民 OR iPhone手机"', set()),
            ("東京タワー", {"ja"}),
            ("タワ*", {"ja"}),
            ("高い OR 北京", {"ja", "zh"}),
            ("東京都庁", {"ja"}),
            ("กรุงเทพ", {"th"}),
            ("대통령", {"ko"}),
        ],
    )
    def test_scripts_without_blanks_are_found_by_any_part(
        self, index: Index, typed: str, expected: set[str]
    ) -> None:
        publish(
            index,
            {"id": "zh", "text": "北京市民在买iPhone手机。\n天气很好 OK", "language": "zh"},
            {"id": "ja", "title": "東京都庁", "text": "東京タワーは高い。", "language": "ja"},
            {"id": "th", "text": "ฉันอยู่กรุงเทพมหานคร", "language": "th"},
            {"id": "ko", "text": "대통령은 서울에 있다", "language": "ko"},
        )
        assert set(found(index, typed)) == expected

    def test_conditions_narrow_a_search(self, index: Index) -> None:
        publish(
            index,
            {"id": "1", "text": "cat", "language": "fr", "source": "file:///a/x.txt"},
            {"id": "2", "text": "cat", "published_at": datetime(2020, 1, 1, tzinfo=UTC)},
            {"id": "3", "text": "cat", "published_at": datetime(2021, 1, 1, tzinfo=UTC)},
            {"id": "4", "text": "dog", "language": "fr"},
        )
        assert found(index, "cat", language="fr") == ["1"]
        assert found(index, "cat", source="a/x") == ["1"]
        assert found(index, "cat", source="a%x") == []
        assert found(index, "cat", since=datetime(2021, 1, 1, tzinfo=UTC)) == ["3"]
        assert found(index, "cat", until=datetime(2020, 1, 1, tzinfo=UTC)) == ["2"]
        assert set(found(index, language="fr")) == {"1", "4"}

    def test_without_words_the_newest_come_first(self, index: Index) -> None:
        dates = {"old": 2019, "new": 2023, "middle": 2021}
        publish(
            index,
            {"id": "undated"},
            *({"id": i, "published_at": datetime(y, 1, 1, tzinfo=UTC)} for i, y in dates.items()),
        )
        assert found(index, language="en") == ["new", "middle", "old", "undated"]

    @pytest.mark.parametrize(
        ("name", "label", "expected"),
        [
            ("Macron", None, {"1"}),
            ("emmanuel MACRON", None, {"1"}),
            ("Macro", None, set()),
            ("Macron Facebook", None, set()),
            ("Éric", None, {"2"}),
            ("eric", None, {"2"}),
            ("Paris", None, {"1", "2"}),
            ("Paris", "PER", {"2"}),
            ("Paris", "LOC", {"1"}),
            ("北京", "LOC", {"3"}),
            ("-x", None, set()),
        ],
    )
    def test_entities_are_found_by_name_or_word_of_it(
        self, index: Index, name: str, label: str | None, expected: set[str]
    ) -> None:
        names = [("Emmanuel Macron", "PER"), ("Facebook", "ORG"), ("Paris", "LOC")]
        publish(
            index,
            {"id": "1", "text": "…", "entities": [entity(*pair) for pair in names]},
            {"id": "2", "text": "…", "entities": [entity("Éric Paris", "PER")]},
            {"id": "3", "text": "在北京市", "entities": [entity("北京市", "LOC")]},
            {"id": "4", "text": "Macron and Eric in Paris, not recognised"},
        )
        assert set(found(index, entities=(name,), label=label)) == expected

    def test_every_entity_asked_for_must_be_there(self, index: Index) -> None:
        both = [entity("Ann", "PER"), entity("Bob", "PER")]
        publish(
            index,
            {"id": "both", "text": "cat", "entities": both},
            {"id": "one", "text": "cat", "entities": both[:1]},
        )
        assert found(index, entities=("Ann", "Bob")) == ["both"]
        assert found(index, "cat", entities=("Bob",)) == ["both"]
        assert found(index, "dog", entities=("Bob",)) == []

    def test_a_label_alone_asks_for_any_entity_of_it(self, index: Index) -> None:
        publish(index, {"id": "1", "entities": [entity("Ann", "PER")]}, {"id": "2"})
        assert found(index, label="PER") == ["1"]
        assert found(index, label="ORG") == []

    def test_names_are_shown_most_mentioned_first(self, index: Index) -> None:
        names = ["Ann", "Bob", "Bob\n Lee", "Bob Lee", "Bob Lee", "Bob"]
        publish(index, {"id": "1", "text": "x", "entities": [entity(n, "PER") for n in names]})
        (hit,) = index.search(Query("x")).hits
        shown = [(name.text, name.mentions) for name in hit.entities]
        assert shown == [("Bob Lee", 3), ("Bob", 2), ("Ann", 1)]

    def test_names_of_a_title_count_as_those_of_the_text(self, index: Index) -> None:
        ann, bob, cid = (entity(name, "PER") for name in ("Ann", "Bob", "Cid"))
        row = {"id": "1", "entities": [ann, bob, ann], "title_entities": [cid, bob, bob]}
        publish(index, row, {"id": "2", "title": "Cid"})
        (hit,) = index.search(Query(entities=("Cid",), label="PER")).hits
        shown = {name.text: name.mentions for name in hit.entities}
        assert (hit.id, shown) == ("1", {"Bob": 3, "Ann": 2, "Cid": 1})

    def test_documents_of_an_older_store_have_no_names_of_titles(self, index: Index) -> None:
        row = {"id": "1", "entities": [entity("Ann", "PER")]}
        with index.begin("run") as transaction:
            transaction.upsert(documents(row).drop_columns(["title_entities"]))
            transaction.commit()
        (hit,) = index.search(Query(entities=("Ann",))).hits
        assert [name.text for name in hit.entities] == ["Ann"]

    @pytest.mark.parametrize(
        ("query", "match"),
        [
            (Query("ocean"), "océan"),
            (Query("北京"), "北京"),
            (Query(entities=("macron",)), "Macron"),
            (Query('"bord de"'), "bord de"),
        ],
    )
    def test_snippets_are_exact_text_with_marks(
        self, index: Index, query: Query, match: str
    ) -> None:
        filler = "Rien  à voir\nici, ni là. " * 40
        text = f"{filler}Au bord de l'océan, M. Macron aime 北京市。 {filler}"
        publish(index, {"id": "a", "text": text, "entities": [entity("M. Macron", "PER")]})
        (hit,) = index.search(query).hits
        assert hit.snippet.text in text
        assert match in [piece.text for piece in hit.snippet.fragments if piece.is_match]
        assert hit.snippet.cut_before
        assert hit.snippet.cut_after
        assert len(hit.snippet.text) < 500

    def test_a_match_in_the_title_shows_the_beginning(self, index: Index) -> None:
        publish(index, {"id": "a", "title": "Cat", "text": "It begins here."})
        (hit,) = index.search(Query("cat")).hits
        assert hit.snippet.text == "It begins here."
        assert not hit.snippet.cut_before
        assert not hit.snippet.cut_after

    def test_pages_follow_each_other(self, index: Index) -> None:
        publish(index, *({"id": str(number), "text": "cat"} for number in range(7)))
        pages = [index.search(Query("cat", limit=3, offset=offset)) for offset in (0, 3, 6, 9)]
        assert [page.total for page in pages] == [7] * 4
        ids = [hit.id for page in pages for hit in page.hits]
        assert sorted(ids) == [str(number) for number in range(7)]

    @pytest.mark.parametrize(
        "query",
        [
            Query(),
            Query("   "),
            Query("?!"),
            Query("OR"),
            Query("-cat"),
            Query(entities=("?",)),
            Query("cat", label="PERSON"),
            Query("cat", limit=-1),
            Query("cat", offset=-1),
            Query("cat " * 1000),
        ],
    )
    def test_what_cannot_be_looked_for_is_said(self, index: Index, query: Query) -> None:
        publish(index, {"id": "a", "text": "cat"})
        with pytest.raises(QueryError):
            index.search(query)

    @settings(
        max_examples=300,
        deadline=None,  # a server may be anywhere
        suppress_health_check=SHARED,
    )
    @given(typed=TYPED, name=TYPED)
    def test_nothing_typed_is_an_error_of_syntax(self, index: Index, typed: str, name: str) -> None:
        if not index.runs():
            publish(index, {"id": "a", "text": "cat OR title 北京", "title": "t"})
        for query in (
            Query(typed),
            Query(entities=(name,)),
            Query(typed, entities=(name,)),
            Query(language=typed, source=name),
        ):
            with suppress(QueryError):
                results = index.search(query)
                assert len(results.hits) == results.total

    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=SHARED,
    )
    @given(text=st.text(st.characters(exclude_categories=["Cc", "Cn", "Cs"]), max_size=60))
    def test_any_text_is_found_by_a_word_of_it_and_shown_exactly(
        self, index: Index, text: str
    ) -> None:
        publish(index, {"id": "a", "text": f"{text} needle {text}"}, run_id=text)
        (hit,) = index.search(Query("needle")).hits
        assert "needle" in [piece.text for piece in hit.snippet.fragments if piece.is_match]
        assert hit.snippet.text in f"{text} needle {text}"
