from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

import transforms.clean
from transforms.clean import CleanOptions, clean
from transforms.clean_step import Clean
from transforms.document import MAX_PAYLOAD, Batch, Document, Rejected

SEEDS = Path(__file__).parents[2] / "seeds"
PROSE = (
    "The council met on Monday to talk about the harbour, which has not been dredged for years. "
    "Two members spoke for a new pier; three others wanted the old one mended first.\n\n"
    "Nobody could say what either would cost, so the matter was put off until the spring.\n"
)


def document(text: str, media_type: str = "text/plain", **fields: object) -> Document:
    return Document(id="1", source="file:///a", media_type=media_type, text=text, **fields)  # type: ignore[arg-type]


def cleaned(text: str, media_type: str = "text/plain", **fields: object) -> Document:
    result = clean(document(text, media_type, **fields))
    assert isinstance(result, Document)
    return result


def seed(number: str) -> tuple[str, Document]:
    (path,) = SEEDS.glob(f"{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    return text, cleaned(text)


def test_seed_000_loses_its_image_credit_and_its_title_line() -> None:
    raw, result = seed("000")
    assert result.title == "50 Nations Reach Cyber Crime Agreement – Trump & Putin Refuse To Sign"
    assert result.text.startswith("These days, Mr. Trump does not seem")
    assert result.text.rstrip().endswith("is as corrupt as they come.")
    assert result.text.strip() in raw
    assert result.quality == ()
    assert result.word_count == len(result.text.split())


def test_seed_001_says_its_title_once_and_not_in_the_text() -> None:
    raw, result = seed("001")
    assert raw.count(result.title) == 3
    assert result.title == "La Charte d'un Internet ouvert, libre et sûr est prévue pour lundi"
    assert result.title not in result.text
    assert result.text.startswith("Les plateformes de médias sociaux")
    assert result.text.rstrip().endswith("et de soutien aux victimes.")


def test_seed_002_has_its_title_with_plain_blanks() -> None:
    raw, result = seed("002")
    assert result.title == "French outrage over Trump comments on Paris attack"
    assert result.text.startswith("President Trump has offended the French")
    assert raw.rstrip().endswith(result.text.rstrip()[-200:])


@pytest.mark.parametrize(
    "text", [PROSE, PROSE.rstrip(), "One line.", "a\n\n\nb\n\tc  d\n", "中文。\n"]
)
def test_right_text_comes_out_byte_for_byte_the_same(text: str) -> None:
    assert cleaned(text).text == text


def test_html_is_read_with_title_date_and_metadata() -> None:
    page = (
        "<html lang=en><head><title>Harbour talks</title><meta name=date content=2024-05-03>"
        f"<meta name=author content='Jane&#0; Doe'></head><body><article>"
        f"<h1>Harbour talks</h1><p>{PROSE}</p><p>Photo: Agency</p></article></body></html>"
    )
    result = cleaned(page, "text/html")
    assert result.title == "Harbour talks"
    assert result.published_at == datetime(2024, 5, 3, tzinfo=UTC)
    assert result.metadata["author"].startswith("Jane")
    assert result.text == " ".join(PROSE.split())
    assert result.media_type == "text/html"


def test_markdown_stays_markdown_without_its_head() -> None:
    body = "Some *words*  \nand code:\n\n```\na\n\n\n\n\nb\n```\n"
    result = cleaned(f"---\nauthor: Jane Doe\n---\n# Harbour\n\n{body}", "text/markdown")
    assert (result.title, result.text) == ("Harbour", body)
    assert result.metadata == {"author": "Jane Doe"}
    assert "bad_front_matter" in cleaned("---\na: [\n---\nText.", "text/markdown").quality


def test_what_the_record_says_goes_first() -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    source = f"---\ntitle: Other\ndate: 2024-05-03\nauthor: A\nurl: b\n---\nMine\n\n{PROSE}"
    result = cleaned(
        source, "text/markdown", title="Mine\u00a0", published_at=moment, metadata={"author": "B"}
    )
    assert (result.title, result.published_at) == ("Mine", moment)
    assert result.text == PROSE
    assert result.metadata["author"] == "B"
    assert result.metadata["url"] == "b"


def test_flags_of_the_characters_are_told() -> None:
    assert "mojibake" in cleaned("中华人民共和国".encode("gb18030").decode("latin-1")).quality
    assert "control_characters" in cleaned("a\x00b\x01 c").quality
    assert "html_fallback" in cleaned("<div>" * 3000 + "x", "text/html").quality
    assert "early" in cleaned(PROSE, quality=("early",)).quality


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("", "text/plain"),
        (" \n\x00\t\ufeff", "text/plain"),
        ("<script>x</script>", "text/html"),
        ("---\ntitle: x\n---\n", "text/markdown"),
    ],
)
def test_nothing_left_is_rejected_at_every_level(text: str, media_type: str) -> None:
    result = clean(document(text, media_type, source_version="v"))
    assert isinstance(result, Rejected)
    assert (result.outcome, result.stage) == ("rejected", "clean")
    assert result.reason == "no text left after cleaning"
    assert result.source_version == "v"


def test_min_quality_rejects_and_says_why() -> None:
    short = document("https://example.org/a/long/path/to/a/page\n")
    assert isinstance(clean(short), Document)
    result = clean(short, CleanOptions(min_quality="good"))
    assert isinstance(result, Rejected)
    assert result.reason == "quality: long_tokens, mostly_links, too_short (min_quality: good)"
    listed = clean(short, CleanOptions(min_quality=("too_short", "all_caps")))
    assert isinstance(listed, Rejected)
    assert listed.reason == "quality: too_short (min_quality: too_short, all_caps)"
    assert isinstance(clean(document(PROSE), CleanOptions(min_quality="good")), Document)


def test_an_unknown_level_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no level or flag splendid"):
        CleanOptions(min_quality="splendid")


def test_an_exception_is_a_failed_document_with_its_payload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(_: str) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(transforms.clean, "measure", breaks)
    result = clean(document("é" * MAX_PAYLOAD))
    assert isinstance(result, Rejected)
    assert (result.outcome, result.error_type, result.reason) == (
        "failed",
        "KeyError",
        "KeyError: 'lost'",
    )
    assert result.payload == "é" * (MAX_PAYLOAD // 2)


TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            ["Title", "TITLE", "Photo: Agency", "", "A sentence.", "More words, and more here."]
        )
        | st.sampled_from(["voilÃ\xa0", "a\x00 ", "\u2028", "===", "  indented", "e\u0301\r"]),
        max_size=10,
    ).map("\n".join),
)


@settings(max_examples=300)
@given(TEXTS, st.sampled_from(["", "Title"]))
def test_cleaning_twice_is_cleaning_once(text: str, title: str) -> None:
    once = clean(document(text, title=title))
    if isinstance(once, Document):
        once.text.encode()
        # The flags of the first cleaning may tell of what it mended.
        twice = clean(replace(once, quality=()))
        assert isinstance(twice, Document)
        assert replace(twice, quality=once.quality) == once


@given(st.text(), st.sampled_from(["text/plain", "text/html", "text/markdown", ""]))
def test_no_text_fails(text: str, media_type: str) -> None:
    result = clean(document(text, media_type))
    assert isinstance(result, Document) or result.outcome == "rejected"


def test_a_long_single_line_is_cleaned() -> None:
    assert len(cleaned("word " * 1_000_000).text) == 4_999_999


def test_the_transform_keeps_batches_and_tells_rejects() -> None:
    good = document(PROSE)
    batches = [
        Batch("part-1", (good, document(""))),
        Batch("part-2", (document(""),)),
        Batch("part-3", (good,)),
    ]
    kept = clean(good)
    reject = clean(document(""))
    with beam.Pipeline(FnApiRunner()) as pipeline:
        outputs = pipeline | beam.Create(batches) | Clean()
        assert_that(
            outputs.kept,
            equal_to([Batch("part-1", (kept,)), Batch("part-2", ()), Batch("part-3", (kept,))]),
            label="kept",
        )
        assert_that(
            outputs.rejected,
            equal_to([("part-1", (reject,)), ("part-2", (reject,))]),
            label="rejected",
        )
    counted = {
        (counter.key.metric.namespace, counter.key.metric.name): counter.committed
        for counter in pipeline.result.metrics().query()["counters"]
    }
    assert counted["clean", "kept"] == 2
    assert counted["clean", "rejected"] == 2
