from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.markdown import read_markdown


def test_yaml_front_matter_gives_title_date_author_and_metadata() -> None:
    page = read_markdown(
        "---\ntitle: 'Harbour  talks'\ndate: 2024-05-03T12:00:00+02:00\nauthors:\n  - Jane Doe\n"
        "  - {name: John Roe}\ntags: [sea, town]\ndraft: false\nnested: {a: 1}\n---\n\n"
        "# Other\n\nText.\n"
    )
    assert page.title == "Harbour talks"
    assert page.published_at == datetime(2024, 5, 3, 10, tzinfo=UTC)
    assert page.metadata["author"] == "Jane Doe, John Roe"
    assert page.metadata["tags"] == "sea, town"
    assert page.metadata["draft"] == "false"
    assert "nested" not in page.metadata
    assert page.text == "\n# Other\n\nText.\n"
    assert not page.bad_front_matter


def test_toml_front_matter_is_read() -> None:
    page = read_markdown('+++\ntitle = "Harbour"\ndate = 2024-05-03\n[extra]\nx = 1\n+++\nText.\n')
    assert (page.title, page.text) == ("Harbour", "Text.\n")
    assert page.published_at == datetime(2024, 5, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "source",
    [
        "---\ntitle: [unclosed\n---\nText.\n",
        "---\ntitle: a: b: c\n---\nText.\n",
        "---\ndate: 2024-13-45\n---\nText.\n",
        "---\n? [a, b]\n: {c: d}\n---\nText.\n".replace("?", "key: x\n? {a: 1}\n:"),
        '+++\ntitle = "unclosed\n+++\nText.\n',
    ],
)
def test_bad_front_matter_stays_and_is_reported(source: str) -> None:
    page = read_markdown(source)
    assert page.bad_front_matter
    assert page.text == source


@pytest.mark.parametrize(
    "source",
    [
        "---\n\nJust two rules.\n\n---\n\nText.\n",
        "---\ntitle: never closed\n",
        "---",
        "text\n---\na: b\n---\n",
    ],
)
def test_rules_are_no_front_matter(source: str) -> None:
    page = read_markdown(source)
    assert page.text == source
    assert not page.bad_front_matter


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        ("# A **bold** `code` [link](http://x.y) #\n\nText.\n", "A bold code link", "\nText.\n"),
        ("\nHarbour talks\n===\nText.\n", "Harbour talks", "Text.\n"),
        ("![a](a.png)\n# Harbour\nText.\n", "Harbour", "![a](a.png)\n# Harbour\nText.\n"),
        ("## Part\n\n# Harbour\n", "", "## Part\n\n# Harbour\n"),
        ("```\n# comment\n```\n", "", "```\n# comment\n```\n"),
        ("~~~~\n```\n# a\n~~~~\n# Harbour\nb\n", "Harbour", "~~~~\n```\n# a\n~~~~\n# Harbour\nb\n"),
        ("- item\n---\nText\n", "", "- item\n---\nText\n"),
        ("#hashtag\n\nText.\n", "", "#hashtag\n\nText.\n"),
        ("# Harbour\n", "Harbour", "# Harbour\n"),
        ("# snake_case_name 2\\*3\n\nText.\n", "snake_case_name 2*3", "\nText.\n"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_first_heading_is_the_title_if_it_is_of_level_1(
    source: str, title: str, text: str
) -> None:
    page = read_markdown(source)
    assert (page.title, page.text) == (title, text)


def test_a_known_title_goes_first_and_an_equal_heading_goes() -> None:
    assert read_markdown("# Harbour\n\nText.\n", "harbour").text == "\nText.\n"
    kept = read_markdown("# Harbour\n\nText.\n", "Another")
    assert (kept.title, kept.text) == ("Another", "# Harbour\n\nText.\n")


def test_fenced_code_is_untouched() -> None:
    code = "```python\nx = 1  \n\n\n\n# not a heading\n```\n"
    assert read_markdown(f"# T\n{code}").text == code


@given(st.text(alphabet="-+=#:\n a[]{}\"'`&*!|>", max_size=60))
def test_nothing_raises_and_nothing_but_the_head_is_lost(source: str) -> None:
    for head in ("", "---\nk: 1\n", "+++\nk = 1\n"):
        page = read_markdown(head + source)
        assert page.text in head + source
        assert (head + source).endswith(page.text)


def test_hostile_yaml_is_left_alone() -> None:
    deep = "---\na: " + "[" * 5000 + "\n---\nText"
    assert read_markdown(deep).bad_front_matter
    bomb = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\nText"
    assert read_markdown(bomb).metadata == {"a": "x, x"}
