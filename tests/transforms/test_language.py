import pickle
from contextlib import closing
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from transforms.cache import Cache, prepare
from transforms.cached_step import COUNTERS
from transforms.document import Batch, Document
from transforms.language import (
    LANGUAGES,
    MIN_CONFIDENCE,
    MIXED_LANGUAGE,
    WINDOW_CHARACTERS,
    WINDOWS,
    DetectLanguage,
    detect,
    detect_or_recall,
    label,
    windows,
)

SENTENCES = {
    "ar": "أعلنت الحكومة اليوم عن خطة جديدة لتطوير المدارس في جميع المدن.",
    "cs": "Vláda dnes oznámila nový plán na rozvoj škol ve všech městech země.",
    "da": "Regeringen har i dag fremlagt en ny plan for skolerne i alle landets byer.",
    "de": "Die Regierung hat heute einen neuen Plan für die Schulen in allen Städten vorgestellt.",
    "el": "Η κυβέρνηση ανακοίνωσε σήμερα ένα νέο σχέδιο για τα σχολεία της χώρας.",
    "en": "The government announced today a new plan for the schools in every city.",
    "es": "El gobierno anunció hoy un nuevo plan para las escuelas de todas las ciudades.",
    "fi": "Hallitus julkisti tänään uuden suunnitelman kaikkien kaupunkien kouluille.",
    "fr": "Le gouvernement a annoncé aujourd'hui un nouveau plan pour les écoles du pays.",
    "hu": "A kormány ma új tervet jelentett be az ország összes iskolája számára.",
    "it": "Il governo ha annunciato oggi un nuovo piano per le scuole di tutte le città.",
    "ja": "政府は今日、全国の学校のための新しい計画を発表しました。",
    "ko": "정부는 오늘 모든 도시의 학교를 위한 새로운 계획을 발표했다.",
    "nl": "De regering heeft vandaag een nieuw plan voor de scholen in alle steden aangekondigd.",
    "pl": "Rząd ogłosił dzisiaj nowy plan dotyczący szkół we wszystkich miastach kraju.",
    "pt": "O governo anunciou hoje um novo plano para as escolas de todas as cidades.",
    "ro": "Guvernul a anunțat astăzi un nou plan pentru școlile din toate orașele țării.",
    "ru": "Правительство сегодня объявило о новом плане развития школ во всех городах.",
    "sv": "Regeringen presenterade i dag en ny plan för skolorna i alla landets städer.",
    "tr": "Hükümet bugün bütün şehirlerdeki okullar için yeni bir plan açıkladı.",
    "uk": "Уряд сьогодні оголосив новий план розвитку шкіл у всіх містах країни.",
    "vi": "Chính phủ hôm nay công bố một kế hoạch mới cho các trường học trên cả nước.",
    "zh": "政府今天宣布了一项针对全国所有城市学校的新计划。",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_in_its_language(language: str) -> None:
    found = detect(SENTENCES[language])

    assert found.language == language
    assert MIN_CONFIDENCE <= found.confidence <= 1
    assert not found.mixed


@pytest.mark.parametrize(
    "text",
    [
        "Regjeringen la i dag fram en ny plan for skolene, og hun sa at det ikke haster.",
        "Regjeringa la i dag fram ein ny plan for skulane, og ho sa at det ikkje hastar.",
    ],
    ids=["Bokmål", "Nynorsk"],
)
def test_both_written_norwegians_are_no(text: str) -> None:
    assert detect(text).language == "no"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "12 345,67 + 89 = 9 % 4711",
        "https://example.org/the/government/announced/a/plan mail@example.org",
        "x[i] = f(a, b); i += 1; } else { z.q(7, k); }",
        "ok",
        "საქართველო არის ქვეყანა ევროპაში, შავი ზღვის სანაპიროზე",
        "\0\ud800\udfff",
    ],
    ids=["empty", "blank", "digits", "addresses", "code", "tiny", "unknown script", "surrogates"],
)
def test_too_little_to_tell_is_und(text: str) -> None:
    found = detect(text)

    assert found.language == "und"
    assert found.confidence < MIN_CONFIDENCE


def test_confidence_grows_with_the_evidence() -> None:
    few, more = detect("the new plan"), detect(SENTENCES["en"])

    assert few.confidence < more.confidence


def test_addresses_do_not_count() -> None:
    link = " https://example.org/the/government/announced/today"

    assert detect(SENTENCES["fi"] + link * 2).language == "fi"


@pytest.mark.parametrize("pair", [("en", "fr"), ("de", "ru"), ("ja", "en")])
def test_halves_in_two_languages_are_mixed(pair: tuple[str, str]) -> None:
    one, other = (SENTENCES[language] + " " for language in pair)
    found = detect(one * (900 // len(one)) + other * (900 // len(other)))

    assert found.mixed
    assert found.language in pair


def test_a_quotation_in_another_language_is_not_mixed() -> None:
    text = (SENTENCES["de"] + " ") * 12

    assert not detect(text + SENTENCES["fr"] + " " + text).mixed


def test_long_text_is_judged_by_windows_over_all_of_it() -> None:
    text = (SENTENCES["en"] + " ") * 3 + (SENTENCES["es"] + " ") * 2_000

    assert detect(text).language == "es"


@given(st.text(max_size=2_000))
def test_any_text_gets_an_answer_in_range(text: str) -> None:
    found = detect(text)

    assert found.language in (*LANGUAGES, "und")
    assert 0 <= found.confidence <= 1
    assert found == detect(text)


@given(st.text(alphabet=st.sampled_from("ab \n日\U0001f600"), max_size=5_000))
def test_windows_are_few_short_pieces_of_the_text_in_order(text: str) -> None:
    found = list(windows(text))

    assert 1 <= len(found) <= WINDOWS
    if len(found) == 1:
        assert found == [text]
        assert len(text) < 2 * WINDOW_CHARACTERS
        return
    position = 0
    for window in found:
        assert len(window) <= WINDOW_CHARACTERS
        position = text.index(window, position)


def test_windows_start_at_words() -> None:
    text = "abcdefgh " * 500

    assert all(window.startswith("abcdefgh ") for window in windows(text))


def test_label_keeps_the_document_and_flags_the_mixed_once() -> None:
    text = (SENTENCES["en"] + " ") * 12 + (SENTENCES["fr"] + " ") * 12
    document = Document(id="1", source="a.txt", text=text, title="T", quality=("short",))

    labelled = label(label(document))

    assert labelled.quality == ("short", MIXED_LANGUAGE)
    assert (labelled.id, labelled.text, labelled.title) == ("1", text, "T")


def test_detect_language_labels_every_document_of_a_batch() -> None:
    documents = tuple(Document(id=k, source=k, text=v) for k, v in SENTENCES.items())
    with beam.Pipeline("FnApiRunner") as pipeline:
        batches = pipeline | beam.Create([Batch("0", documents), Batch("1", ())])
        languages = batches | DetectLanguage() | beam.Map(_languages)
        assert_that(languages, equal_to([("0", list(SENTENCES)), ("1", [])]))


def test_the_transform_is_small_to_ship() -> None:
    assert len(pickle.dumps(DetectLanguage())) < 1_000


TEXTS = [
    *SENTENCES.values(),
    "",
    "12 34",
    (SENTENCES["en"] + " ") * 12 + (SENTENCES["fr"] + " ") * 12,
]


def test_what_is_recalled_is_what_is_detected(tmp_path: Path) -> None:
    assert prepare(tmp_path / "cache.db")
    with closing(Cache(tmp_path / "cache.db")) as cache:
        found = list(map(detect, TEXTS))

        assert detect_or_recall(TEXTS, cache) == found
        assert (cache.hits, cache.misses) == (0, len(TEXTS))
        assert detect_or_recall(TEXTS[::-1], cache) == found[::-1]
        assert (cache.hits, cache.misses) == (len(TEXTS), len(TEXTS))


@pytest.mark.parametrize("value", [b"", b"[]", b'{"language":"en"}', b"7"])
def test_a_damaged_value_is_detected_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    assert prepare(tmp_path / "cache.db")
    with closing(Cache(tmp_path / "cache.db")) as cache:
        monkeypatch.setattr(cache, "get", lambda keys: dict.fromkeys(keys, value))

        assert detect_or_recall(TEXTS, cache) == list(map(detect, TEXTS))


def test_the_second_pipeline_finds_in_the_cache_what_the_first_detected(tmp_path: Path) -> None:
    assert prepare(tmp_path / "cache.db")
    documents = tuple(Document(id=k, source=k, text=v) for k, v in SENTENCES.items())
    counted = []
    for _ in range(2):
        pipeline = beam.Pipeline("FnApiRunner")
        batches = pipeline | beam.Create([Batch("0", documents), Batch("1", ())])
        languages = batches | DetectLanguage(str(tmp_path / "cache.db")) | beam.Map(_languages)
        assert_that(languages, equal_to([("0", list(SENTENCES)), ("1", [])]))
        result = pipeline.run()
        result.wait_until_finish()
        of_cache = MetricsFilter().with_namespace(COUNTERS)
        counters = result.metrics().query(of_cache)["counters"]
        counted.append({counter.key.metric.name: counter.result for counter in counters})

    number = len(SENTENCES)
    assert counted == [
        {"language_hits": 0, "language_misses": number},
        {"language_hits": number, "language_misses": 0},
    ]


def _languages(batch: Batch) -> tuple[str, list[str]]:
    return batch.part, [document.language for document in batch.documents]
