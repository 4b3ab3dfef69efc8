import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span

from tests.transforms.spacy_package import save_model
from transforms.cache import Cache, prepare
from transforms.document import ENTITY_LABELS, Batch, Document, Entity
from transforms.entities import (
    BATCH_CHUNKS,
    CHUNK_CHARACTERS,
    ENTITIES_FAILED,
    LABELS,
    NO_ENTITY_MODEL,
    RecogniseEntities,
    annotate,
    chunks,
    recall_or_annotate,
    recognise,
)
from transforms.entity_models import EntityConfig, EntityModels, Model

SEEDS = Path(__file__).parent.parent.parent / "seeds"
FALLBACK = EntityModels(EntityConfig(use_installed=False))

PIECES = (
    "Emmanuel Macron", "Facebook", "Paris", "Angela Merkel", "l'Angleterre", "was in", " ", "\n",
    "\r\n", "\u2028", "«", "”", '"', ".", "!", "\0", "\ud800", "\U0001f600", "é", "東京", "(" * 50,
)  # fmt: skip


def names(text: str, language: str) -> set[tuple[str, str]]:
    (found,) = recognise([(text, language)], FALLBACK)
    return {(entity.text, entity.label) for entity in found.entities}


def test_the_english_seed_has_its_names() -> None:
    text = next(SEEDS.glob("000_*")).read_text("utf-8")

    assert names(text, "en") >= {
        ("Emmanuel Macron", "PER"),
        ("Trump", "PER"),
        ("Facebook", "ORG"),
        ("Paris", "LOC"),
    }


def test_the_french_seed_has_its_names() -> None:
    text = next(SEEDS.glob("001_*")).read_text("utf-8")

    assert names(text, "fr") >= {
        ("Donald Trump", "PER"),
        ("Facebook", "ORG"),
        ("Reuters", "ORG"),
        ("Biarritz", "LOC"),
        ("France", "LOC"),
        ("Washington", "LOC"),
    }


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30),
    st.sampled_from(["en", "fr", "zh", "vi", "und"]),
)
def test_offsets_are_exact_and_entities_in_order(pieces: list[str], language: str) -> None:
    text = "".join(pieces)
    (found,) = recognise([(text, language)], FALLBACK)

    assert found.flag == ""
    for entity in found.entities:
        assert text[entity.start : entity.end] == entity.text
        assert entity.text == entity.text.strip()
        assert len(entity.text.splitlines()) == 1
        assert entity.label in ENTITY_LABELS
    for one, following in pairwise(found.entities):
        assert one.end <= following.start


@given(st.text(alphabet="ab. !\n日。\U0001f600", max_size=400), st.integers(2, 50))
def test_chunks_are_short_and_put_together_the_text(text: str, limit: int) -> None:
    pieces = list(chunks(text, limit))

    assert "".join(piece for _, piece in pieces) == text
    assert all(text.startswith(piece, offset) for offset, piece in pieces)
    assert all(len(piece) <= limit for _, piece in pieces)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One two six. Three four", ["One two six. ", "Three four"]),
        ("One two three four five", ["One two three ", "four five"]),
        ("一二三四五六七八九。一二三四五六七", ["一二三四五六七八九。", "一二三四五六七"]),
        ("a" * 20, ["a" * 16, "aaaa"]),
        ("", [""]),
    ],
    ids=["sentence", "blank", "ideographic stop", "endless word", "empty"],
)
def test_chunks_end_at_the_best_place(text: str, pieces: list[str]) -> None:
    assert [piece for _, piece in chunks(text, 16)] == pieces


def test_names_of_a_long_text_are_found_from_its_start_to_its_end() -> None:
    sentence = "Yesterday Angela Merkel spoke in London about the weather. "
    text = sentence * (5 * CHUNK_CHARACTERS // len(sentence))
    (found,) = recognise([(text, "en")], FALLBACK)

    for name in ("Angela Merkel", "London"):
        starts = {entity.start for entity in found.entities if entity.text == name}
        expected = {i for i in range(len(text)) if text.startswith(name, i)}
        assert len(starts & expected) > 0.9 * len(expected)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["(", "a", ".", "-", "a-", " ", "中", "\U0001f600", "\n"])
def test_an_endless_token_takes_no_endless_time(piece: str) -> None:
    (found,) = recognise([(piece * 100_000, "en")], FALLBACK)

    assert found.flag == ""


def test_each_text_gets_its_own_names_whatever_the_languages() -> None:
    texts = [
        ("Angela Merkel lives in Berlin.", "en"),
        ("", "en"),
        ("Angela Merkel wohnt in Hamburg.", "de"),
        ("He met Barack Obama.", "en"),
    ] * BATCH_CHUNKS
    found = recognise(texts, FALLBACK)

    assert len(found) == len(texts)
    assert found[:4] * BATCH_CHUNKS == found
    assert ["Berlin" in {e.text for e in r.entities} for r in found[:4]] == [True] + [False] * 3
    assert ["Hamburg" in {e.text for e in r.entities} for r in found[:4]] == [
        False, False, True, False,
    ]  # fmt: skip
    assert found[1].entities == ()


def test_a_vocabulary_does_not_grow_with_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.entity_models.NEW_WORDS", 1_000)
    model = FALLBACK.get("en")
    assert model
    sizes = []
    for lot in range(10):
        recognise([(f"Mr Qx{lot}x{i}v met Zk{lot}x{i}w.", "en") for i in range(100)], FALLBACK)
        sizes.append(len(model.nlp.vocab.strings))
    assert max(sizes) - min(sizes) < 1_500
    assert any(later < earlier for earlier, later in pairwise(sizes))


def test_threads_share_a_model() -> None:
    text = "Angela Merkel met Barack Obama in London. " * 50
    (alone,) = recognise([(text, "en")], FALLBACK)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: recognise([(text, "en")], FALLBACK), range(8)))

    assert found == [[alone]] * 8


def test_labels_of_other_schemes_become_ours(tmp_path: Path) -> None:
    save_model(tmp_path / "mine", "en", "mine")
    models = EntityModels(EntityConfig({"en": str(tmp_path / "mine")}))
    (found,) = recognise([("On Monday Lisa met Martians in Springfield.", "en")], models)

    assert found.model == "en_mine 1.2.3"
    assert found.entities == (
        Entity("Lisa", "PER", 10, 14),
        Entity("Martians", "MISC", 19, 27),
        Entity("Springfield", "LOC", 31, 42),
    )


FOUR = "PER=PER ORG=ORG LOC=LOC MISC=MISC"
ONTONOTES = (
    "PERSON=PER ORG=ORG GPE=LOC LOC=LOC FAC=LOC NORP=MISC EVENT=MISC LANGUAGE=MISC LAW=MISC "
    "PRODUCT=MISC WORK_OF_ART=MISC CARDINAL DATE MONEY ORDINAL PERCENT QUANTITY TIME"
)
SCHEMES = {
    "ca da de es fr it pt uk xx": FOUR,
    "ru": "PER=PER ORG=ORG LOC=LOC",
    "hr sl": f"{FOUR} DERIV_PER=MISC",
    "en fi mk nl zh": ONTONOTES,
    "ja": f"{ONTONOTES} MOVEMENT=MISC PET_NAME=MISC PHONE TITLE_AFFIX",
    "el": "PERSON=PER ORG=ORG GPE=LOC LOC=LOC EVENT=MISC PRODUCT=MISC",
    "lt": "PERSON=PER ORG=ORG GPE=LOC LOC=LOC PRODUCT=MISC TIME",
    "ko": "PS=PER OG=ORG LC=LOC DT QT TI",
    "nb": f"{FOUR} GPE_LOC=LOC GPE_ORG=LOC DRV=MISC EVT=MISC PROD=MISC",
    "pl": "persName=PER orgName=ORG geogName=LOC placeName=LOC date time",
    "ro": "PERSON=PER ORGANIZATION=ORG GPE=LOC LOC=LOC FACILITY=LOC NAT_REL_POL=MISC EVENT=MISC "
    "LANGUAGE=MISC PRODUCT=MISC WORK_OF_ART=MISC DATETIME MONEY NUMERIC_VALUE ORDINAL PERIOD "
    "QUANTITY",
    "sv": "PRS=PER ORG=ORG LOC=LOC EVN=MISC OBJ=MISC WRK=MISC MSR TME",
}
"""The labels of spaCy's published models (3.8) by language, and what each becomes, if anything."""


@pytest.mark.parametrize("languages", SCHEMES)
def test_every_label_of_a_published_model_becomes_one_of_ours_or_nothing(languages: str) -> None:
    for pair in SCHEMES[languages].split():
        label, _, ours = pair.partition("=")
        assert LABELS.get(label, "") == ours, label


def test_the_map_holds_the_labels_of_published_models_and_no_others() -> None:
    known = {pair.partition("=")[0] for scheme in SCHEMES.values() for pair in scheme.split()}
    assert set(LABELS) <= known
    assert set(LABELS.values()) == set(ENTITY_LABELS)


@pytest.mark.parametrize("label", ["B-PER", "PERSON-fictional", "person", "SKILL", ""])
def test_an_unknown_label_is_left_out(label: str) -> None:
    assert label not in LABELS


def test_annotate_keeps_the_document_and_names_the_model() -> None:
    document = Document(
        id="1", source="a", text="Barack Obama", language="en", metadata={"k": "v"}, quality=("q",)
    )
    (annotated,) = annotate([document], FALLBACK)

    assert [entity.text for entity in annotated.entities] == ["Barack Obama"]
    assert annotated.metadata == {"k": "v", "entity_model": FALLBACK.model_name("en")}
    assert annotated.quality == ("q",)
    assert document.metadata == {"k": "v"}


def test_titles_are_read_with_offsets_of_their_own() -> None:
    document = Document(
        id="1",
        source="a",
        title="Angela Merkel in London",
        text="Barack Obama met the chancellor in Berlin.",
        language="en",
    )
    (annotated,) = annotate([document], FALLBACK)

    assert Entity("Angela Merkel", "PER", 0, 13) in annotated.title_entities
    assert all(document.title[e.start : e.end] == e.text for e in annotated.title_entities)
    assert all(document.text[e.start : e.end] == e.text for e in annotated.entities)
    assert "Barack Obama" in {e.text for e in annotated.entities}


def test_title_and_text_name_the_same(tmp_path: Path) -> None:
    save_model(tmp_path / "mine", "en", "mine")
    models = EntityModels(EntityConfig({"en": str(tmp_path / "mine")}))
    model = models.get("en")
    assert model
    model.nlp.add_pipe("calls_the_first_word_an_organisation")
    document = Document(
        id="1", source="a", title="Lisa wins", text="So Lisa met Lisa.", language="en"
    )
    (annotated,) = annotate([document], models)

    assert annotated.title_entities == (Entity("Lisa", "PER", 0, 4),)
    assert [entity.label for entity in annotated.entities if entity.text == "Lisa"] == ["PER"] * 2


@Language.component("calls_the_first_word_an_organisation")
def _calls_the_first_word_an_organisation(doc: Doc) -> Doc:
    doc.set_ents([Span(doc, 0, 1, "ORG"), *(entity for entity in doc.ents if entity.start)])
    return doc


def test_each_title_and_text_is_read_once_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[str]] = []
    pipe = Model.pipe

    def watched(self: Model, texts: Sequence[str], batch_size: int) -> Iterator[Doc]:
        read.append(list(texts))
        return pipe(self, texts, batch_size)

    monkeypatch.setattr(Model, "pipe", watched)
    documents = [
        Document(id=str(n), source="a", title=title, text=f"Paris {n}", language="en")
        for n, title in enumerate(["He met Barack Obama.", "He met Barack Obama.", "", " 12 "])
    ]
    found = annotate(documents, FALLBACK)

    assert read == [["He met Barack Obama.", "Paris 0", "Paris 1", "Paris 2", "Paris 3"]]
    assert found[0].title_entities == found[1].title_entities != ()
    assert found[2].title_entities == found[3].title_entities == ()
    assert {document.quality for document in found} == {()}


def test_a_language_without_a_model_is_flagged_once() -> None:
    models = EntityModels(EntityConfig({"de": ""}))
    document = Document(id="1", source="a", text="Barack Obama", language="de")
    (annotated,) = annotate(annotate([document], models), models)

    assert annotated.quality == (NO_ENTITY_MODEL,)
    assert annotated.entities == annotated.title_entities == ()
    assert "entity_model" not in annotated.metadata


@Language.component("fails_on_boom")
def _fails_on_boom(doc: Doc) -> Doc:
    if "BOOM" in doc.text:
        raise RuntimeError("boom")
    return doc


def test_a_document_that_the_model_fails_on_is_kept_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    models = EntityModels(EntityConfig(use_installed=False))
    model = models.get("en")
    assert model
    model.nlp.add_pipe("fails_on_boom")
    documents = [
        Document(id=name, source=f"file:///{name}", title=title, text=text, language="en")
        for name, title, text in (
            ("a", "", "Barack Obama"),
            ("b", "Barack Obama", "BOOM"),
            ("t", "BOOM", "Barack Obama"),
            ("c", "Paris", "Angela Merkel"),
        )
    ]
    with caplog.at_level(logging.WARNING):
        first, failed, of_title, last = annotate(documents, models)

    assert [entity.text for entity in first.entities] == ["Barack Obama"]
    assert [entity.text for entity in last.entities] == ["Angela Merkel"]
    for document in (failed, of_title):
        assert document.quality == (ENTITIES_FAILED,)
        assert document.entities == document.title_entities == ()
        assert document.source in caplog.text
    assert "file:///a" not in caplog.text


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    assert prepare(tmp_path / "cache.db")
    with closing(Cache(tmp_path / "cache.db")) as cache:
        yield cache


def seeds() -> list[Document]:
    return [
        Document(id=path.name, source=path.name, title="Macron", text=text, language=language)
        for path in sorted(SEEDS.glob("*.txt"))
        for language in ("en", "fr", "ja")
        for text in (path.read_text("utf-8"), path.read_text("utf-8").upper(), "")
    ]


def test_what_is_recalled_is_what_is_found(cache: Cache) -> None:
    documents = seeds()
    found = annotate(documents, FALLBACK)

    assert recall_or_annotate(documents, FALLBACK, cache) == found
    assert (cache.hits, cache.misses) == (0, 14)  # no model reads Japanese; empty texts are alike
    assert recall_or_annotate(documents[::-1], FALLBACK, cache) == found[::-1]
    assert (cache.hits, cache.misses) == (14, 14)


def test_what_is_recalled_loads_no_model(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [document for document in seeds() if document.language != "ja"]
    found = recall_or_annotate(known, FALLBACK, cache)
    monkeypatch.setattr("transforms.entity_models.load", pytest.fail)

    assert (
        recall_or_annotate(known, EntityModels(EntityConfig(use_installed=False)), cache) == found
    )


def test_a_new_document_beside_known_ones_is_annotated(cache: Cache) -> None:
    first, *others = seeds()
    recall_or_annotate(others, FALLBACK, cache)

    assert recall_or_annotate([*others, first], FALLBACK, cache) == annotate(
        [*others, first], FALLBACK
    )


def test_a_model_that_was_trained_anew_is_asked_again(tmp_path: Path, cache: Cache) -> None:
    document = Document(id="1", source="a", text="So Lisa met Homer.", language="en")
    found = []
    for folder, pattern in (("one", ""), ("two", "Homer")):
        save_model(tmp_path / folder, "en", "mine")
        if pattern:
            patterns = tmp_path / folder / "ner" / "patterns.jsonl"
            patterns.write_text(patterns.read_text() + '{"label":"PERSON","pattern":"Homer"}\n')
        models = EntityModels(EntityConfig({"en": str(tmp_path / folder)}))
        assert models.chosen("en")[0] == "en_mine 1.2.3"
        (annotated,) = recall_or_annotate([document], models, cache)
        found.append([entity.text for entity in annotated.entities])

    assert found == [["Lisa"], ["Lisa", "Homer"]]


def test_a_model_that_fails_is_asked_again(cache: Cache) -> None:
    models = EntityModels(EntityConfig(use_installed=False))
    model = models.get("en")
    assert model
    model.nlp.add_pipe("fails_on_boom")
    document = Document(id="1", source="a", title="BOOM", text="Barack Obama", language="en")
    (failed,) = recall_or_annotate([document], models, cache)
    model.nlp.remove_pipe("fails_on_boom")
    (annotated,) = recall_or_annotate([document], models, cache)

    assert failed.quality == (ENTITIES_FAILED,)
    assert [entity.text for entity in annotated.entities] == ["Barack Obama"]
    assert annotated.quality == ()


def test_a_damaged_value_is_computed_anew(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document(id="1", source="a", text="Barack Obama", language="en")
    (found,) = recall_or_annotate([document], FALLBACK, cache)
    get = cache.get
    monkeypatch.setattr(
        cache, "get", lambda keys: {key: value[1:] for key, value in get(keys).items()}
    )

    assert recall_or_annotate([document], FALLBACK, cache) == (found,)


def test_the_transform_annotates_every_document_of_a_batch() -> None:
    documents = (
        Document(id="1", source="a", text="Barack Obama", language="en"),
        Document(id="2", source="b", text="Hallo", language="de"),
    )
    config = EntityConfig({"de": ""}, use_installed=False)
    with beam.Pipeline("FnApiRunner") as pipeline:
        batches = pipeline | beam.Create([Batch("0", documents), Batch("1", ())])
        rows = batches | RecogniseEntities(config) | beam.Map(_rows)
        assert_that(
            rows,
            equal_to(
                [("0", [("1", ["Barack Obama"], ()), ("2", [], (NO_ENTITY_MODEL,))]), ("1", [])]
            ),
        )


def _rows(batch: Batch) -> tuple[str, list[tuple[str, list[str], tuple[str, ...]]]]:
    return batch.part, [(d.id, [e.text for e in d.entities], d.quality) for d in batch.documents]
