from hypothesis import given
from hypothesis import strategies as st
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from transforms.html_text import render


def tree(body: str) -> HtmlElement:
    parser = HTMLParser(encoding="utf-8", remove_comments=True)
    return document_fromstring(f"<html><body>{body}</body></html>".encode(), parser=parser)


def text(body: str) -> str:
    return render(tree(body))


def test_paragraphs_are_parted_by_a_blank_line_and_blanks_collapse() -> None:
    assert text("<h1> A\n b </h1><p>c <b>d</b>e\n<i> f</i></p> g<br>h") == "A b\n\nc de f\n\ng\nh"


def test_lists_are_lines() -> None:
    body = "<p>a</p><ul><li>b</li><li><p>c</p><ol><li>d</li></ol></li></ul><p>e</p>"
    assert text(body) == "a\n\n- b\n- c\n  - d\n\ne"


def test_tables_are_rows_of_cells() -> None:
    body = "<table><tr><th>a<th>b<tr><td>c<br>d</td><td>e</td></tr></table>f"
    assert text(body) == "a | b\nc d | e\n\nf"


def test_a_layout_table_is_no_row() -> None:
    body = "<table><tr><td><p>a</p><p>b</p></td><td><p>c</p></td></tr></table>"
    assert text(body) == "a\n\nb\n\nc"


def test_preformatted_text_is_kept_with_its_markup_gone() -> None:
    body = "a<pre>def <b>f</b>():\n    return  1\n</pre>b"
    assert text(body) == "a\n\ndef f():\n    return  1\n\nb"


def test_what_a_reader_does_not_read_is_left_out_but_not_what_follows_it() -> None:
    body = "a<script>x()</script>b<style>p{}</style><!-- c --><noscript>d</noscript><svg>e</svg>f"
    assert text(body) == "abf"


def test_entities_and_no_break_spaces_are_characters() -> None:
    assert text("<p>caf&eacute;&nbsp;&lt;b&gt; &#8364;</p>") == "café\xa0<b> €"


def test_extracted_trees_are_rendered_alike() -> None:
    body = document_fromstring("<main/>")
    for name, content in (("head", "a"), ("quote", "b")):
        element = body.makeelement(name)
        element.text = content
        body.append(element)
    assert render(body) == "a\n\nb"


def test_depth_does_not_matter() -> None:
    deepest = root = document_fromstring("<div/>")
    for _ in range(10_000):
        deepest.append(deepest.makeelement("div"))
        deepest = deepest[0]
    deepest.text = "deep"
    assert render(root) == "deep"


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<ul>",
                "<li>",
                "<table>",
                "<tr>",
                "<td>",
                "<pre>",
                "</pre>",
                "<br>",
                "a",
            ]
        )
    )
)
def test_words_keep_their_order_whatever_the_tags(pieces: list[str]) -> None:
    root = tree("".join(pieces))
    words = [word for word in render(root).split() if word not in ("-", "|")]
    assert "".join(words) == "".join("".join(root.itertext()).split())
