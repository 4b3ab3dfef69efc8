"""What is a name in the piece of text that a model calls one, and where it begins and ends.

Models, and the corpora behind them, differ in what they take into a name: the article, the quotes,
a possessive ending. Here all of it goes, so that one name has one form in the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from transforms.document import Entity

MAX_CHARACTERS = 100
"""A longer piece is no name but a sentence. Of 40,000 names in corpora of 17 languages one is."""

ARTICLES = {
    "ca": "el la els les un una en na",
    "da": "den det de en et",
    "de": "der die das den dem des ein eine einen einem einer eines",
    "el": "ο η το οι τα του της των τον την τους τις τη",
    "en": "the a an",
    "es": "el la lo los las un una unos unas",
    "fr": "le la les un une",
    "hu": "a az egy",
    "it": "il lo la i gli le un uno una",
    "nl": "de het een",
    "no": "den det de en ei et",
    "pt": "o a os as um uma uns umas",
    "ro": "un o lui",
    "sv": "den det de en ett",
}
"""Articles by language (ISO 639-1) that stand before a name and, in lower case, are no part of it:
the Hague, but The Hague; der Spiegel, but Der Spiegel."""

ELISIONS = {
    "ca": "l d n",
    "fr": "l d",
    "it": "l d un all dall dell nell sull",
    "pt": "d",
}
"""Articles and prepositions that lose a vowel before a name and are glued to it: l'Angleterre."""

TITLES = {
    "de": "Herr Herrn Frau Präsident Präsidentin Bundeskanzler Bundeskanzlerin",
    "en": "Mr Mrs Ms Miss Professor President Senator Sen Rep Governor Gov General Judge "
    "Minister Secretary First\\sLady",
    "es": "Sr Sra Srta Señor Señora Presidente Presidenta",
    "fr": "M MM Mme Mlle Mgr Me Monsieur Madame Mademoiselle Président Présidente",
    "it": "Sig Sig\\.ra Signor Signora Dott Presidente Commissario Commissaria Onorevole Ministro",
    "nl": "heer mevrouw mr",
    "pt": "Sr Sra Dra Senhor Senhora Presidente Presidenta",
}
"""Forms of address and offices, by language, that stand before the name of a person and are no part
of it, with a full stop or without; regular expressions. Titles that are half a name (Lady Gaga,
Pope John, Prince) stay."""

COURTESY = {
    "de": "Herr Herrn Frau",
    "en": "Mr Mrs Ms Miss",
    "es": "Sr Sra Srta",
    "fr": r"MM?(?=\.) Mme Mlle Monsieur Madame Mademoiselle",
    "it": "Sig Signor Signora",
    "nl": "heer mevrouw",
    "pt": "Sr Sra",
}
"""Forms of address, by language, after which only a person can follow, whatever a model says."""

_LONGEST_COURTESY = 15
"""Characters of the longest form of address, with the blank after it."""
_TITLES_EVERYWHERE = "Dr Prof"
_QUOTES = "\"'`´“”„‟‘’‚‛«»‹›"
_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff"
)
"""Control characters, those that only steer the direction of writing, and noncharacters."""
_OPENING = {")": "(", "]": "[", "}": "{"}
_MARKS = re.escape(_QUOTES + "([{)]},;:…|·•*_~=<>/\\–—-") + r"\s" + _UNSEEN
# Dutch names may begin with an apostrophe: 's-Hertogenbosch, 't Hooft.
_BEFORE = rf"(?!['’](?:s-|t )\w)[{_MARKS}¡¿]"
_AFTER = re.escape(_QUOTES + "([{,;:…|·•*_~=<>/\\–—-?") + r"\s" + _UNSEEN
_END = re.compile(rf"(?:[{_AFTER}]|\.{{2,}})+\Z")
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")


def names_in(text: str, start: int, end: int, label: str, language: str = "") -> Iterator[Entity]:
    """Yield what is a name in ``text[start:end]``: one per line, without what only surrounds it.

    Taken off are blanks, quotes, brackets and punctuation; at the beginning the articles of
    ``language`` (ISO 639-1) in lower case and the titles of a person; at the end a possessive
    ``'s``. A piece without a letter is none, nor is one of more than ``MAX_CHARACTERS`` or of
    titles alone. ``label`` is one of ours; who is addressed as a person is one.
    """
    if _is_addressed(text, start, end, language):
        label = "PER"
    for line in _LINE.finditer(text, start, end):
        begin, name = _bare(line[0], label, language)
        is_name = len(name) <= MAX_CHARACTERS and any(map(str.isalpha, name))
        if is_name and not _titles_alone(language).fullmatch(name):
            begin += line.start()
            yield Entity(name, label, begin, begin + len(name))


def apart(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return the entities by their place in the text; of two that overlap the longer stays.

    Of two of one length it is the first, and at one place that of the first label in the alphabet.
    """
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda e: (e.start, -e.end, e.label)):
        if not kept or kept[-1].end <= entity.start:
            kept.append(entity)
        elif entity.end - entity.start > kept[-1].end - kept[-1].start:
            kept[-1] = entity
    return tuple(kept)


def _bare(piece: str, label: str, language: str) -> tuple[int, str]:
    """Where the name begins in ``piece``, and the name."""
    begin = 0
    while lead := _lead(language, label == "PER").match(piece, begin):
        begin = lead.end()
    name = piece[begin:]
    while (shorter := _without_end(name, label)) != name:
        name = shorter
    return begin, name


def _is_addressed(text: str, start: int, end: int, language: str) -> bool:
    """Whether a form of address goes before a piece, or begins it."""
    if language not in COURTESY:
        return False
    before, within = _courtesy(language)
    return bool(
        before.search(text[max(start - _LONGEST_COURTESY, 0) : start])
        or within.match(text, start, end)
    )


@cache
def _courtesy(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = "|".join(COURTESY[language].split())
    return re.compile(rf"\b(?:{words})\.?\s+\Z"), re.compile(rf"(?:{words})\.?\s+\w")


def _without_end(name: str, label: str) -> str:
    name = _END.sub("", name)
    if name[-1:] in _OPENING and name.count(name[-1]) > name.count(_OPENING[name[-1]]):
        return name[:-1]
    # McDonald's and Moody's are names; the possessive of other firms is cut off by tokenisers.
    if name.endswith(("'s", "’s")) and (label in ("PER", "LOC") or name[:-2].isupper()):
        return name[:-2]
    return name


@cache
def _lead(language: str, of_person: bool) -> re.Pattern[str]:
    """What goes before a name. A person keeps a d': d'Artagnan."""
    articles = ARTICLES.get(language, "").split()
    elisions = set(ELISIONS.get(language, "").split()) - ({"d"} if of_person else set())
    choices = [f"(?:{_BEFORE})+"]
    if articles:
        choices.append(rf"(?:{'|'.join(articles)})\s+")
    if elisions:
        choices.append(rf"(?:{'|'.join(sorted(elisions))})['’]\s?")
    if of_person:
        choices.append(rf"(?:{_titles(language)})\b\.?\s+(?=\w)")
    return re.compile("|".join(choices))


@cache
def _titles_alone(language: str) -> re.Pattern[str]:
    title = rf"(?:{_titles(language)})\.?"
    return re.compile(rf"{title}(?:\s+{title})*")


def _titles(language: str) -> str:
    return "|".join(f"{TITLES.get(language, '')} {_TITLES_EVERYWHERE}".split())
