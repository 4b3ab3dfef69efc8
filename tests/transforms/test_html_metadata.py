from datetime import UTC, datetime

import pytest
from lxml.html import document_fromstring

from transforms.html_metadata import PageMetadata, page_metadata


def metadata(head: str, body: str = "<p>text") -> PageMetadata:
    return page_metadata(
        document_fromstring(f"<html lang=fr-CA><head>{head}</head><body>{body}</body></html>")
    )


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Harbour - The Gazette</title>", "<h1>Harbour</h1>", "Harbour"),
        ("<title>Harbour</title>", "<h1>The Gazette</h1>", "Harbour"),
        ("<meta property='og:title' content='Harbour'><title>x</title>", "", "Harbour"),
        (
            "<title>Harbour – talks | The Gazette</title>"
            "<meta property='og:site_name' content='The Gazette'>",
            "",
            "Harbour – talks",
        ),
        ("<title>os — Interfaces — Docs</title>", "<h1>os — Interfaces¶</h1>", "os — Interfaces"),
        ("", "<h1>Har<b>bour</b></h1><h1>Second</h1>", "Harbour"),
        (
            '<script type="application/ld+json">{"@graph": [{"headline": "Harbour"}]}</script>',
            "<h1>Gazette</h1>",
            "Harbour",
        ),
        ("", "", ""),
    ],
)
def test_the_title_is_the_declared_one_without_the_site(head: str, body: str, title: str) -> None:
    assert metadata(head, body).title == title


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<meta property='article:published_time' content='2024-05-03T10:00:00Z'>", ""),
        ("<meta name=DC.date.issued content='2024-05-03T12:00:00+02:00'>", ""),
        ("<meta itemprop=datePublished content='2024-05-03T10:00Z'>", ""),
        (
            '<script type="application/ld+json">[{"@type": "NewsArticle", "datePublished":'
            ' "2024-05-03T10:00:00Z"}]</script>',
            "",
        ),
        ("", "<time itemprop=datePublished datetime='2024-05-03T10:00Z'>Friday</time>"),
        ("", "<time datetime='2024-05-03T10:00Z'>Friday</time>"),
    ],
)
def test_declared_dates_are_found(head: str, body: str) -> None:
    assert metadata(head, body).published_at == datetime(2024, 5, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        "<p>It happened on 2024-05-03.</p>",
        "<a href='/2024/05/03/harbour.html'>Harbour</a><footer>© 2019</footer>",
        "<time datetime='2024-05-03'></time><time datetime='2023-01-01'></time>",
        "<img src='/2024-05-03.png'>",
    ],
)
def test_dates_are_never_guessed(body: str) -> None:
    assert (
        metadata("<link rel=canonical href='https://x.org/2024/05/03/a'>", body).published_at
        is None
    )


def test_other_fields_are_told() -> None:
    fields = metadata(
        "<meta name=author content='Jane Doe'><meta name=Description content=' What  it is '>"
        "<link rel=canonical href='https://example.org/a'>"
        "<meta property=og:site_name content=Gazette>"
    ).fields
    assert fields == {
        "author": "Jane Doe",
        "description": "What it is",
        "site_name": "Gazette",
        "url": "https://example.org/a",
        "lang": "fr-CA",
    }


def test_authors_of_json_ld_are_named_and_addresses_are_no_names() -> None:
    script = (
        '<script type="application/ld+json">{"headline": "x", "author": '
        '[{"name": "Jane Doe"}, "John Roe", [["y"]]]}</script>'
        "<meta property=article:author content='https://example.org/jane'>"
    )
    assert metadata(script).fields["author"] == "Jane Doe, John Roe"


@pytest.mark.parametrize("source", ["{", "[" * 100_000, "null", '{"@graph": {"@graph": 1}}', '"x"'])
def test_broken_json_ld_is_no_metadata(source: str) -> None:
    found = metadata(f'<script type="application/ld+json">{source}</script>')
    assert found == PageMetadata(fields={"lang": "fr-CA"})
