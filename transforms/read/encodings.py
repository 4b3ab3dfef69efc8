"""Bytes to text: which encoding a text is in, told from the bytes themselves.

Evidence, strongest first: byte order mark; ISO-2022-JP escapes; UTF-16 without a mark; strict
UTF-8, also with a few broken bytes; the encoding an HTML or XML document declares, under the
WHATWG Encoding Standard's reading of the name; how well the text consists of common characters
under each candidate (``repertoires``); charset-normalizer for rarer encodings; Windows-1252.

charset-normalizer is not asked first because among single-byte encodings that can all decode
a text it picks by mess and coherence measures that confuse Windows-1252 with 1250 and 1257 in
short Italian, Swedish, Polish or Turkish texts.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from charset_normalizer import from_bytes

from transforms.read.repertoires import ORDINARY, REPERTOIRES, Repertoire

SAMPLE_BYTES = 64 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The names of the WHATWG Encoding Standard mean the superset that is really in use.
_WHATWG = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_PUBLIC_NAMES = {
    "cp932": "shift_jis",
    "cp949": "euc-kr",
    "cp874": "windows-874",
    "big5hkscs": "big5",
    "mac-roman": "macintosh",
    "euc_jp": "euc-jp",
    "iso2022_jp": "iso-2022-jp",
}
_RARE = (
    "iso8859_3", "iso8859_4", "iso8859_6", "iso8859_8", "iso8859_10", "iso8859_13", "cp437",
    "cp737", "cp775", "cp852", "cp855", "cp862", "cp864", "mac_cyrillic", "mac_latin2",
    "mac_greek", "mac_turkish", "johab", "hz", "iso2022_kr", "ptcp154", "kz1048",
)  # fmt: skip
_DECLARATION = re.compile(
    rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)""",
    re.IGNORECASE,
)
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]|\x1b\([BJ]")
_ASCII = re.compile(r"[\x00-\x7f]+")
# A symbol inside a word is a letter of another encoding.
_SYMBOL_IN_WORD = r"(?<=[^\W\d_])(?:[^\w\s\x00-\x7f’‘–—…·\xad]|[¹²³¼½¾ªº])(?=[^\W\d_])"
# So is a capital after a small letter, and a nasal vowel that is not as Portuguese has them
# (ão, ãe, õe, irmãs): it is Romanian ă or Hungarian ő.
_MISPLACED_LATIN = re.compile(
    _SYMBOL_IN_WORD
    + r"|(?<=[a-zß-öø-ÿ])[À-ÖØ-ÞĂĄĆČĎĐĘĚŁĽŃŇŐŘŚŠŞŤŢŮŰŹŽŻĞİŒŸĀĒĪŌŪ]"
    + r"|[ãõ](?=[bcdfghjklmnpqrtvwxz])"
)
_MISPLACED_OTHER = re.compile(
    _SYMBOL_IN_WORD + r"|(?<=[A-Za-z])[^\W\x00-\x7f]|[^\W\x00-\x7f](?=[A-Za-z])"
)
_BROKEN_WEIGHT = 4
_NOT_ASCII = re.compile(rb"[\x00-\x7f]{0,3}(?:[\x80-\xff]+[\x00-\x7f]{0,3})+")
_TELLING_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how it was decoded.

    ``encoding`` is a name for people, such as ``windows-1252``; ``replaced`` says that some
    bytes had no meaning in it and became U+FFFD.
    """

    text: str
    encoding: str
    replaced: bool


def decode(data: bytes, encoding: str | None = None, *, markup: bool = False) -> Decoded:
    """Text of ``data``; never fails.

    ``encoding`` is taken as given, ``markup`` looks for the declaration of an HTML or XML
    document.
    """
    codec = encoding or detect_encoding(_sample(data), markup=markup)
    try:
        return Decoded(data.decode(codec), public_name(codec), replaced=False)
    except UnicodeDecodeError:
        return Decoded(data.decode(codec, "replace"), public_name(codec), replaced=True)


def public_name(codec: str) -> str:
    """The name to show for a Python codec: ``cp1252`` is ``windows-1252``."""
    name = codecs.lookup(codec).name
    if name in _PUBLIC_NAMES:
        return _PUBLIC_NAMES[name]
    if re.fullmatch(r"cp125\d", name):
        return f"windows-{name[2:]}"
    return re.sub(r"^iso8859", "iso-8859", name).removesuffix("-sig")


def detect_encoding(sample: bytes, *, markup: bool = False) -> str:
    """The Python codec that ``sample``, the beginning of a text, is in; see the module."""
    for mark, marked in _BOMS:
        if sample.startswith(mark):
            return marked
    if sample.isascii() and b"\x00" not in sample:
        return "iso2022_jp" if _ISO_2022_JP.search(sample) else "utf-8"
    if b"\x00" in sample and (codec := utf16_without_mark(sample)):
        return codec
    if _mostly_utf8(sample):
        return "utf-8"
    if markup and (codec := declared_encoding(sample)):
        return codec
    if codec := utf16_without_mark(sample):
        return codec
    sample = _telling_parts(sample)
    best, fit = max(((r.codec, _fit(sample, r)) for r in REPERTOIRES), key=lambda pair: pair[1])
    if fit > 0:
        return best
    rare = from_bytes(sample, cp_isolation=list(_RARE)).best()
    return rare.encoding if rare else "cp1252"


def declared_encoding(sample: bytes) -> str | None:
    """The codec an HTML or XML document declares, if it is one that can be so."""
    found = _DECLARATION.search(sample[:4096])
    if found is None:
        return None
    try:
        codec = codecs.lookup((found[1] or found[2]).decode("ascii", "replace")).name
    except LookupError:
        return None
    codec = _WHATWG.get(codec, codec)
    # An ASCII-readable declaration rules UTF-16 out; UTF-8 was tried and refused before.
    if codec.startswith(("utf", "idna", "punycode", "raw", "unicode")):
        return None
    broken = decode_start(sample, codec).count("\ufffd")
    return codec if broken * 100 <= len(sample) else None


def _sample(data: bytes) -> bytes:
    """Beginning and middle: a preamble in ASCII must not hide what the body is in."""
    if len(data) <= 2 * SAMPLE_BYTES:
        return data
    if data.startswith(tuple(bom for bom, _ in _BOMS)) or b"\x00" in data[:SAMPLE_BYTES]:
        return data[:SAMPLE_BYTES]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        middle = data[max(error.start - 512, 0) :][:SAMPLE_BYTES]
        # Only whole lines: a cut inside a character would count against its encoding.
        return data[:SAMPLE_BYTES].rpartition(b"\n")[0] + b"\n" + middle.partition(b"\n")[2]
    return data[:SAMPLE_BYTES]


def decode_start(sample: bytes, codec: str) -> str:
    """Text of the beginning of something, which may end inside a character."""
    return codecs.getincrementaldecoder(codec)("replace").decode(sample)


def _mostly_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        text = _ASCII.sub("", decode_start(sample, "utf-8"))
        return text.count("\ufffd") * _BROKEN_WEIGHT < len(text)
    return True


def _telling_parts(sample: bytes) -> bytes:
    """Of a large sample, where it is not ASCII, with bytes around that may be of a character."""
    if len(sample) <= _TELLING_BYTES:
        return sample
    return b" ".join(_NOT_ASCII.findall(sample))[:_TELLING_BYTES]


def utf16_without_mark(sample: bytes) -> str | None:
    """The byte order if the sample is text in UTF-16: most code units are ordinary characters."""
    for codec in ("utf-16-le", "utf-16-be"):
        counts = Counter(decode_start(sample, codec))
        ordinary = sum(n for character, n in counts.items() if character in ORDINARY)
        if ordinary > 0.6 * counts.total():
            return codec
    return None


def _fit(sample: bytes, repertoire: Repertoire) -> float:
    """Share of the non-ASCII characters that are common ones, less what cannot be.

    What chance gives is taken off, as in Cohen's kappa: 1 at best, about 0 for random bytes.
    """
    text = decode_start(sample, repertoire.codec)
    counts = Counter(_ASCII.sub("", text))
    total = counts.total()
    if not total:
        return 0.0
    broken = sum(n for c, n in counts.items() if c == "\ufffd" or "\x80" <= c <= "\x9f")
    misplaced = _MISPLACED_LATIN if repertoire.latin else _MISPLACED_OTHER
    wrong = _BROKEN_WEIGHT * broken
    if repertoire.positions == 128:
        wrong += sum(1 for _ in misplaced.finditer(text))
    fits = []
    for characters in repertoire.characters:
        common = sum(n for character, n in counts.items() if character in characters)
        chance = min(len(characters) / repertoire.positions, 0.9)
        fits.append(((common - wrong) / total - chance) / (1 - chance))
    return max(fits)
