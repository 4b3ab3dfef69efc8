"""Characters and blanks: from whatever a decoder gave to clean Unicode text.

What is right already comes out byte for byte the same: each repair is behind a test that costs
microseconds, and none touches quotes, ligatures or wide forms that are meant.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from ftfy import TextFixerConfig, fix_text
from ftfy.badness import badness, is_bad
from ftfy.chardata import UTF8_CLUES

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANKS = " \t\xa0\u3000"
"""Blanks that mean nothing at the end of a line; others, such as U+2028, are line ends."""

_ASCII_CONTROLS = bytes({*range(32), 127} - {9, 10})

# The other characters that ``normalise`` may have to change, as UTF-8: C1 controls and the soft
# hyphen; zero-width blank, line and paragraph separator; byte order mark and non-characters.
_SUSPECTS = tuple(
    map(
        re.compile,
        (
            rb"\xc2[\x80-\x9f\xad]",
            rb"\xe2\x80[\x8b\xa8\xa9]",
            rb"\xef(?:\xbb\xbf|\xbf[\xb9-\xbc\xbe\xbf])",
        ),
    )
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_OVERSTRIKE = re.compile(r"[^\n]\x08")
# NEL ends a line unless the character before makes it a byte of mis-decoded UTF-8 (Ã + 85 = Å).
_NEXT_LINE = re.compile("(?<![\xc2-\xf4\x80-\xbf])\x85")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_C1 = re.compile("[\x80-\x9f]")
_LINE_ENDS = str.maketrans(dict.fromkeys("\r\v\f\x1c\x1d\x1e\u2028\u2029", "\n"))

# Zero-width blanks part words in Thai, Lao, Burmese and Khmer and are noise everywhere else.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_IDLE_ZERO_WIDTH = re.compile(f"(?<![{_UNSPACED}])\u200b|\u200b(?![{_UNSPACED}])")

# Joiners (ZWJ, ZWNJ), direction marks and variation selectors stay: Persian, Indic scripts,
# Arabic and emoji are wrong without them.
_DROPPED = dict.fromkeys(
    {*range(32), *range(127, 160), 0xAD, 0xFEFF, *range(0xFFF9, 0xFFFD), 0xFFFE, 0xFFFF} - {9, 10}
)

# A byte that opens a UTF-8 sequence, then one that continues it, each read as a character of
# some one-byte encoding: ftfy's table, and the commonest that it lacks of MacRoman and CP437.
# A plain blank in the place of byte A0 is looked for apart, after the leads of "à" and of the
# no-break space.
# Of the small Greek and Cyrillic leads only E2 counts, that of typographic punctuation: the others
# would make every Greek and Russian text a suspect.
_LEAD = "{utf8_first_of_2}{utf8_first_of_3}{utf8_first_of_4}".format(**UTF8_CLUES)
_LEAD = re.sub("[а-пα-ο]", "", _LEAD) + "вβ√‚┬├Γ"
_CONTINUATION = UTF8_CLUES["utf8_continuation"].replace(" ", "") + "⌐ÄÇ"
_MOJIBAKE = re.compile(f"[{_LEAD}][{_CONTINUATION}]")
_REPAIR = TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    fix_line_breaks=False,
    normalization="NFC",
)
_REPAIR_ROUNDS = 8
_OVERSTRIKES = 3
"""Most backspaces after one character: nroff strikes bold thrice at most."""
_LEAST_BADNESS = 3
_BADNESS_RATE = 0.002


class Normalised(NamedTuple):
    """Clean characters; control characters that were taken out; whether mojibake is left."""

    text: str
    controls: int = 0
    mojibake: bool = False


def normalise(text: str) -> Normalised:
    """Repair mojibake, control characters, line ends and surrogates; compose to NFC.

    Mojibake is found line by line by ftfy's badness heuristic and repaired by ftfy (Robyn Speer,
    Apache-2.0); one bad line never changes the others. Idempotent; the result encodes as UTF-8.
    """
    controls = 0
    suspect = False
    for _ in range(_REPAIR_ROUNDS):
        before = text
        if _has_controls(text):
            text, dropped = _repair_controls(text)
            controls += dropped
        if not text.isascii():
            if suspect := _may_be_mojibake(text):
                text = _repair_lines(text, _is_mojibake)
            if not unicodedata.is_normalized("NFC", text):
                text = unicodedata.normalize("NFC", text)
        # What one repair uncovers, another may have to mend: go on until nothing changes.
        if text == before:
            break
    # A stray ligature or box character is a false alarm of the heuristic; a crowd is not.
    bad = sum(map(badness, filter(_may_be_mojibake, text.split("\n")))) if suspect else 0
    return Normalised(text, controls, bad >= max(_LEAST_BADNESS, _BADNESS_RATE * len(text)))


def trim(text: str) -> str:
    """Bring blanks to their normal form: what a reader does not see goes.

    No blanks at line ends, no blank lines at either end of the text, at most two blank lines in
    a row. Blanks inside lines, indentation and one newline at the very end are kept.
    """
    text = "\n".join([line.rstrip(_BLANKS) for line in text.split("\n")])
    if "\n\n\n\n" in text:
        text = re.sub("\n{4,}", "\n\n\n", text)
    return trim_ends(text)


def trim_ends(text: str) -> str:
    """Take blank lines off both ends of a text; one newline at the end stays."""
    if text.startswith(("\n", *_BLANKS)):
        start = len(text) - len(text.lstrip("\n" + _BLANKS))
        text = text[text.rfind("\n", 0, start) + 1 :]
    if text.endswith("\n"):
        body = text.rstrip("\n" + _BLANKS)
        text = body + "\n" if body else ""
    return text


def one_line(text: str) -> str:
    """Normalise a short text such as a title, and put it on one line with single blanks."""
    return " ".join(normalise(text).text.split())


def _has_controls(text: str) -> bool:
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return True
    if len(data.translate(None, _ASCII_CONTROLS)) != len(data):
        return True
    return len(data) != len(text) and any(suspect.search(data) for suspect in _SUSPECTS)


def _repair_controls(text: str) -> tuple[str, int]:
    """Mend what control characters meant, drop the rest; the text and how many were dropped."""
    if _SURROGATE.search(text):
        # A pair of surrogates is one character, a lone one is a character that was lost.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\x1b" in text:
        text = _TERMINAL_ESCAPE.sub("", text)
    for _ in range(_OVERSTRIKES):
        text = _OVERSTRIKE.sub("", text)
    text = text.replace("\r\n", "\n").translate(_LINE_ENDS)
    c1 = set(_C1.findall(text))
    if c1 == {"\x85"}:
        text = _NEXT_LINE.sub("\n", text)
    if c1:
        # Windows-1252 read as Latin-1, or bytes of mojibake: ftfy tells which.
        text = _repair_lines(text, lambda line: _C1.search(line) is not None)
    if _may_be_mojibake(text):
        # Before a soft hyphen is dropped that is a byte of it.
        text = _repair_lines(text, _is_mojibake)
    if "\u200b" in text:
        text = _IDLE_ZERO_WIDTH.sub("", text)
    dropped = len(text) - len(_CONTROL.sub("", text))
    return text.translate(_DROPPED), dropped


def _may_be_mojibake(text: str) -> bool:
    """Whether ftfy's heuristic, 50 times slower than this test, is worth asking."""
    return not text.isascii() and (
        "Ã " in text or "Â " in text or _MOJIBAKE.search(text) is not None
    )


def _is_mojibake(line: str) -> bool:
    return _may_be_mojibake(line) and is_bad(line)


def _repair_lines(text: str, is_suspect: Callable[[str], bool]) -> str:
    return "\n".join(
        [fix_text(line, _REPAIR) if is_suspect(line) else line for line in text.split("\n")]
    )
