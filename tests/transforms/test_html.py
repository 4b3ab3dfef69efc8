from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.html import MAX_EXTRACTION, read_html

PARAGRAPHS = [
    "The council met on Monday to talk about the harbour, which has not been dredged for years.",
    "Two members spoke for a new pier; three others wanted the old one mended first, as it had "
    "served the fishermen well for a century &amp; more.",
    "Nobody could say what either would cost, so the matter was put off until the spring, when "
    "the engineers are expected to have measured the ground.",
]
PAGE = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="iso-8859-1"><title>Harbour talks fail | Gazette</title>
<meta property="article:published_time" content="2024-05-03T10:00:00+02:00">
<meta name="author" content="Jane Doe"><style>p {{ color: red }}</style></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<article><h1>Harbour talks fail</h1>
{"".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)}
<ul><li>A new pier in the north of the bay</li><li>The old pier, mended</li></ul>
<table><tr><th>Plan</th><th>Cost</th></tr><tr><td>New pier</td><td>unknown</td></tr></table>
<script>track("Besuch");</script></article>
<footer><p>© Gazette. <a href="/terms">Terms of use</a></p></footer></body></html>"""


@pytest.mark.parametrize("mode", ["main", "fast"])
def test_the_main_text_is_found_and_nothing_around_it(mode: str) -> None:
    page = read_html(PAGE, mode)  # type: ignore[arg-type]
    assert "dredged for years.\n\nTwo members" in page.text
    assert "a century & more." in page.text
    assert "- A new pier in the north of the bay\n- The old pier, mended" in page.text
    assert "Plan | Cost\nNew pier | unknown" in page.text
    for noise in ("Home", "Sport", "Terms of use", "track", "color"):
        assert noise not in page.text
    assert not page.fallback


def test_metadata_come_with_the_text() -> None:
    page = read_html(PAGE)
    assert page.title == "Harbour talks fail"
    assert page.published_at == datetime(2024, 5, 3, 8, tzinfo=UTC)
    assert page.metadata == {"author": "Jane Doe", "lang": "en"}


def test_mode_all_takes_everything_a_reader_sees() -> None:
    page = read_html(PAGE, "all")
    assert page.text.startswith("- Home\n- Sport\n\nHarbour talks fail\n\nThe council")
    assert "Terms of use" in page.text
    assert "track" not in page.text
    assert not page.fallback


def test_a_declared_encoding_is_not_believed_of_text() -> None:
    source = (
        "<?xml version='1.0' encoding='iso-8859-1'?><html><body><p>Été à l’œuvre</p></body></html>"
    )
    assert "Été à l’œuvre" in read_html(source).text


@pytest.mark.parametrize(
    "source",
    [
        "<p>short",
        "plain words",
        "<table><td>cell",
        "<div><form><p>words in a form</p></form></div>",
        "<nav>words</nav>",
        "</p></html><b>words",
        "<html/><body>words</body>",
        "<div>" * 300 + "words",
        "<div>" * 3000 + "words",
        "<title>only a title</title><body>words",
    ],
)
def test_no_page_with_text_is_lost(source: str) -> None:
    assert any(word in read_html(source).text for word in ("words", "short", "cell"))


@pytest.mark.parametrize(
    "source", ["", " ", "<!-- c -->", "<script>x</script>", "<?php", "<p><br>"]
)
def test_a_page_without_text_is_empty(source: str) -> None:
    assert read_html(source).text == ""


def test_what_the_parser_gives_up_on_loses_its_tags_alone() -> None:
    page = read_html(f"<p>first &amp; best</p><style>p{{}}</style>{'<div>' * 3000}words<!-- c")
    assert page.text == "first & best\nwords"
    assert page.fallback


def test_a_huge_page_is_taken_whole() -> None:
    page = read_html(f"<nav>menu</nav>{'<p>many words</p>' * (MAX_EXTRACTION // 16)}")
    assert page.fallback
    assert page.text.startswith("menu\n\nmany words\n\nmany words")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(PAGE.split("\n")),
            st.sampled_from(
                ["<table>", "</div", "<p", "<!--", "<![CDATA[", "&#0;", "&#xd800;", "<a b='"]
            ),
            st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
        ),
        max_size=12,
    )
)
def test_broken_html_never_raises(pieces: list[str]) -> None:
    read_html("".join(pieces)).text.encode()
