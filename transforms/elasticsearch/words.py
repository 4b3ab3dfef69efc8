"""Words of documents and of queries, folded the same way on both sides.

The server's standard tokenizer (Unicode Annex 29) keeps ``l'océan``, ``U.S.A`` and ``a_b`` whole
and takes a run of Thai or Hangul for one word; not every server can fold accents.
The words that it indexes otherwise than a query sees them therefore go, cut and folded here, into
the field ``search.words`` of the document, and the names into ``search.PER`` and the like.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain
from typing import TYPE_CHECKING, Any

from transforms.document import ENTITY_LABELS
from transforms.sqlite.segment import UNSPACED, segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A character of a script without blanks, or an accented Latin or Greek letter.
_LETTER = (
    f"{UNSPACED}À-ÖØ-öø-ɏ\u1e00-\u1eff\u0386-\u0390\u03aa-\u03b0\u03ca-\u03ce\u1f00-\u1fff"
    "\u0300-\u036f"
)
_SIGN = "'’.:·‧,;"
# Such a letter, or a sign between two letters or digits that does not part words for the server.
# It begins with one set of characters, for which Python looks fast.
_SPECIAL = re.compile(
    f"[{_LETTER}{_SIGN}_](?:(?<=[{_LETTER}])"
    f"|(?<=[^\\W_][{_SIGN}])(?=[^\\W_])|(?<=[^\\W_]_)_*(?=[^\\W_]))"
)
_BLANK = re.compile(r"\s")
_ACCENTS = re.compile("[\u0300-\u036f]+")


class _Separators(dict[int, str]):
    """For ``str.translate``: what is no part of a word becomes a blank."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        is_word = category[0] in "LN" or category in ("Co", "Mn", "Mc")
        self[code] = character if is_word else " "
        return self[code]


_SEPARATORS = _Separators()


def fold(text: str) -> str:
    """The text in lower case, its letters without accents, composed (NFC).

    >>> fold("L’Océan")
    'l’ocean'
    """
    lowered = unicodedata.normalize("NFC", text).lower()
    if lowered.isascii():
        return lowered
    decomposed = unicodedata.normalize("NFD", lowered)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def words(text: str) -> str:
    """The folded words of a text with single blanks between; of some scripts the characters.

    >>> words("L’Océan, iPhone手机")
    'l ocean iphone 手 机'
    """
    return " ".join(segment(fold(text)).translate(_SEPARATORS).split())


def special_words(*texts: str) -> str:
    """The words of those chunks, from blank to blank, that the server would index otherwise.

    >>> special_words("The cat at l'océan")
    'l ocean'
    """
    return words(" ".join(chunk for text in texts for chunk in _special_chunks(text)))


def _special_chunks(text: str) -> Iterator[str]:
    end = 0
    while found := _SPECIAL.search(text, end):
        start = found.start()
        while start > end and not text[start - 1].isspace():
            start -= 1
        blank = _BLANK.search(text, found.end())
        end = blank.start() if blank else len(text)
        yield text[start:end]


def search_fields(row: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """The object ``search`` of a document, a row of ``transforms.document.SCHEMA``.

    ``words`` are its ``special_words``; under each label are its names. Empty ones are left out.
    """
    found: dict[str, str | list[str]] = {}
    if special := special_words(row["title"], row["text"]):
        found["words"] = special
    names: dict[str, dict[str, None]] = {}
    for entity in chain(row.get("title_entities") or (), row.get("entities") or ()):
        if entity["label"] in ENTITY_LABELS and (folded := words(entity["text"])):
            names.setdefault(entity["label"], {})[folded] = None
    return found | {label: list(of_label) for label, of_label in names.items()}
