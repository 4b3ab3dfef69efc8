from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.read.encodings import decode, detect_encoding, public_name
from transforms.read.formats import ReadOptions

TRADITIONAL = "這個問題在過去幾年裡一直沒有得到解決，許多人認為政府應該採取更多的行動來保護環境。"
LATVIAN = "Latvijas valsts prezidents šodien tikās ar vairāku uzņēmumu vadītājiem, lai runātu."
ENCODINGS = {
    "fr": ("latin-1", "windows-1252", "iso-8859-15"),
    "de": ("latin-1", "windows-1252"),
    "es": ("latin-1", "windows-1252"),
    "pt": ("latin-1", "windows-1252"),
    "it": ("latin-1", "windows-1252"),
    "sv": ("latin-1", "windows-1252"),
    "nb": ("latin-1", "windows-1252"),
    "fi": ("latin-1",),
    "pl": ("windows-1250", "iso-8859-2"),
    "cs": ("windows-1250", "iso-8859-2"),
    "hu": ("windows-1250", "iso-8859-2"),
    "sk": ("windows-1250", "iso-8859-2"),
    "hr": ("windows-1250",),
    "ru": ("koi8-r", "windows-1251", "cp866", "iso-8859-5"),
    "uk": ("windows-1251", "koi8-u"),
    "zh": ("gb18030", "gbk"),
    "ja": ("shift_jis", "euc-jp", "iso-2022-jp"),
    "ko": ("euc-kr", "cp949"),
    "el": ("windows-1253", "iso-8859-7"),
    "he": ("windows-1255",),
    "ar": ("windows-1256",),
}
PAIRS = [(language, encoding) for language, found in ENCODINGS.items() for encoding in found]


def paragraphs(language: str) -> list[str]:
    """Real sentences, together and in paragraphs of some 200 characters."""
    sentences = importlib.import_module(f"spacy.lang.{language}.examples").sentences
    short, paragraph = [], ""
    for sentence in sentences:
        paragraph += sentence + " "
        if len(paragraph) >= 200:
            short.append(paragraph)
            paragraph = ""
    return [" ".join(sentences), *short]


@pytest.mark.parametrize(("language", "encoding"), PAIRS)
def test_real_paragraphs_in_their_encodings(language, encoding):
    for paragraph in paragraphs(language):
        data = paragraph.encode(encoding, "ignore")
        decoded = decode(data)
        assert decoded.text == data.decode(encoding)
        assert not decoded.replaced


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["en", "fr", "ru", "el", "ar", "zh", "ja", "ko"])
def test_unicode_encodings_with_and_without_mark(language, encoding):
    for paragraph in paragraphs(language):
        assert decode(paragraph.encode(encoding)).text == paragraph


def test_big5_and_baltic():
    assert decode(TRADITIONAL.encode("big5")).text == TRADITIONAL
    assert decode(LATVIAN.encode("cp1257")).text == LATVIAN


def test_encodings_are_named_as_people_name_them():
    assert public_name("cp1252") == "windows-1252"
    assert public_name("iso8859_15") == "iso-8859-15"
    assert public_name("cp932") == "shift_jis"
    assert public_name("utf-8-sig") == "utf-8"
    assert public_name("koi8_r") == "koi8-r"


def test_a_long_ascii_preamble_does_not_hide_the_encoding():
    text = "plain words\n" * 20_000 + "\n".join(paragraphs("fr") * 30)
    decoded = decode(text.encode("cp1252"))
    assert decoded.encoding == "windows-1252"
    assert decoded.text == text


def test_utf8_with_a_few_broken_bytes_stays_utf8():
    text = paragraphs("fr")[0]
    decoded = decode(text.encode() + b" \xff\xfe broken \x80")
    assert decoded.encoding == "utf-8"
    assert decoded.text.startswith(text)
    assert decoded.replaced


def test_markup_declares_its_encoding():
    greek = "Καλημέρα".encode("iso-8859-7")
    for declaration in (
        b'<meta charset="iso-8859-7">',
        b'<META http-equiv=Content-Type content="text/html; charset=iso-8859-7">',
        b'<?xml version="1.0" encoding="iso-8859-7"?>',
    ):
        assert decode(declaration + greek, markup=True).text.endswith("Καλημέρα")
    # The Encoding Standard: latin-1 on the web means windows-1252.
    assert decode(b"<meta charset=latin1>\x93x\x94", markup=True).text.endswith("“x”")
    # A wrong or unknown declaration is no reason to fail.
    for label in (b"utf-8", b"utf-16", b"x-unknown"):
        page = b"<meta charset=" + label + b">caf\xe9 cr\xe8me"
        assert decode(page, markup=True).text.endswith("café crème")


def test_an_encoding_that_is_given_is_used(read_file):
    options = ReadOptions(encoding="cp437")
    (row,) = read_file("x.txt", "naïve café".encode("cp437"), options)
    assert row.text == "naïve café"
    assert row.metadata == {"encoding": "cp437"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "windows-1252", "utf-8-sig"])
@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.jsonl", "x.json"])
def test_every_reader_decodes(read_file, name, encoding):
    text = paragraphs("fr")[1].strip()
    shape = {
        "x.txt": text,
        "x.csv": f'text,n\n"{text}",1\n',
        "x.jsonl": f'{{"text": "{text}"}}\n',
        "x.json": f'[{{"text": "{text}"}}]',
    }[name]
    (row,) = read_file(name, shape.encode(encoding))
    assert row.text == text
    assert row.metadata.get("encoding", "utf-8") == public_name(encoding).removesuffix("-sig")


@given(st.binary(max_size=400))
def test_any_bytes_become_a_text(data):
    decoded = decode(data)
    assert decoded.text.encode("utf-8", "surrogatepass") is not None


@given(st.text(max_size=300))
def test_utf8_is_never_taken_for_anything_else(text):
    data = text.encode("utf-8", "ignore")
    if data.isascii() or data.startswith((b"\xef\xbb\xbf",)) or b"\x00" in data:
        return
    assert detect_encoding(data) == "utf-8"
