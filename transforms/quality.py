"""Quality flags: what a reader should know of a text before trusting it.

Flags inform. They reject a document only where the ``min_quality`` setting says so. The rules
are small relatives of those that corpora for language models were filtered with, each with a
threshold of its own here:

- Rae et al. 2021, *Scaling Language Models: Methods, Analysis & Insights from Training Gopher*,
  arXiv:2112.11446, appendix A: repeated lines, symbols, bullets, word length.
- Raffel et al. 2020, *Exploring the Limits of Transfer Learning* (C4), JMLR 21: notices of
  cookies and scripts, filler text, sentences that end.
- Penedo et al. 2024, *The FineWeb Datasets*, arXiv:2406.17557: lines that end in punctuation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transforms.measures import Measures

MIN_WORDS = 20
"""Fewer words are no article; language and near duplicates cannot be told well either."""
MAX_REPEATED_LINES = 0.3
"""Share of lines, and of characters in them, that an earlier line holds too (Gopher: 0.3, 0.2)."""
MAX_REPEATED_CHARACTERS = 0.2
MIN_LINES = 5
"""Shares of lines mean nothing below that."""
MIN_DISTINCT_WORDS = 0.15
"""Distinct words in a window of 200; prose has 0.5 to 0.7, song texts 0.3."""
WORD_WINDOW = 200
MAX_SYMBOLS = 0.4
"""Share of characters; prose has 0.03 to 0.08, source code 0.2 to 0.3."""
MAX_DIGITS = 0.4
"""Share of characters; annual accounts in prose have 0.1, tables of figures 0.7."""
MAX_LINKS = 0.5
"""Share of characters in addresses; a page of references has 0.3."""
MAX_CAPITALS = 0.7
"""Share of letters; prose has 0.02 to 0.06, a text full of abbreviations 0.3."""
MIN_LETTERS = 40
"""Letters needed before their case says anything."""
MAX_TOKEN_LENGTH = 15
"""Mean characters between blanks; Gopher allows 10 for English, Finnish and Tamil prose have 9."""
MAX_REPLACED = 0.001
"""Share of characters that are U+FFFD: one is an accident, or what the text is about."""
MAX_CONTROLS = 0.01
"""Control characters removed, as a share of what is left."""
MAX_NOTICE_WORDS = 150
"""A longer text that speaks of cookies is an article about them."""
MIN_LIST_LINES = 10
MAX_BULLETS = 0.9
"""Share of lines that begin with a bullet (Gopher: 0.9)."""
MIN_ENDED_LINES = 0.12
"""Share of lines that end in punctuation (FineWeb: 0.12)."""
MAX_LIST_LINE = 40
"""Mean characters of a line; prose broken into lines has 65 or more."""
MIN_CUT_LINE = 60
"""Characters of a last line that is prose, not a signature or a caption."""
MIN_SENTENCES = 3
"""Sentences before the end that show that this writer ends them with punctuation."""

_TERMINAL = ".!?…。！？．｡؟۔।॥։።:;,"
_SENTENCE_END = re.compile(r"[.!?…][\"'»”’)\]]*\s|[。！？؟۔।॥።]")
_CLOSING = " \n\t\xa0\"'»”’)]*_」』"
_CUT_MARK = re.compile(
    r"(?:\[\s*\+\s*\d+ (?:chars|characters)\s*\]"
    r"|[\[(]\s*(?:…|\.{3})\s*[\])]"
    r"|(?:…|\.{3})"
    r"|\b(?:read more|continue reading|read the full story|lire la suite|(?:jetzt )?weiterlesen"
    r"|mehr lesen|leer más|seguir leyendo|continua a leggere|leggi tutto|lees meer|leia mais"
    r"|читать далее|czytaj dalej|続きを読む|阅读全文)\W{0,5})$",
    re.IGNORECASE,
)
_CUT_MARK_ROOM = 80
_NOTICE = re.compile(
    r"(?:enable|activate|requires?|activer|aktivieren|habilit\w+|attiva\w*) (?:\w+ )?javascript"
    r"|javascript (?:is|seems to be|est|ist|está|è) (?:\w+ )?(?:disabled|required|désactivé"
    r"|deaktiviert|desactivado|disabilitato)"
    r"|(?:accept|use|uses|using) (?:\w+ )?cookies|cookie (?:policy|settings|consent)"
    r"|(?:utilise|accepter) (?:\w+ )?(?:\w+ )?cookies|verwende\w* cookies|utiliza\w* cookies"
    r"|utilizza\w* (?:i )?cookie"
    r"|checking your browser|verify (?:that )?you are (?:a )?human|captcha"
    r"|access denied|403 forbidden|404 not found|page not found|page introuvable"
    r"|seite nicht gefunden|página no encontrada|pagina non trovata",
    re.IGNORECASE,
)
_BULLETS = ("- ", "* ", "• ", "+ ", "– ", "· ", "● ", "▪ ", "‣ ", "◦ ")


def _repeated_lines(m: Measures) -> bool:
    if len(m.lines) < MIN_LINES:
        return False
    distinct = set(m.lines)
    if len(m.lines) - len(distinct) <= MAX_REPEATED_LINES * len(m.lines):
        return False
    total = sum(map(len, m.lines))
    return total - sum(map(len, distinct)) > MAX_REPEATED_CHARACTERS * total


def _repeated_words(m: Measures) -> bool:
    middle = max(0, (len(m.tokens) - WORD_WINDOW) // 2)
    window = m.tokens[middle : middle + WORD_WINDOW]
    return len(window) >= WORD_WINDOW // 3 and len(set(window)) < MIN_DISTINCT_WORDS * len(window)


def _mostly_links(m: Measures) -> bool:
    if "://" not in m.text and "www." not in m.text:
        return False
    links = sum(len(token) for token in m.tokens if "://" in token or token.startswith("www."))
    return links > MAX_LINKS * m.characters


def _all_caps(m: Measures) -> bool:
    letters = m.characters - m.digits - m.symbols
    if letters < MIN_LETTERS or m.unspaced:
        return False
    return m.upper > MAX_CAPITALS * letters or m.text.isupper()


def _list_like(m: Measures) -> bool:
    count = len(m.lines)
    if count < MIN_LIST_LINES:
        return False
    bullets = sum(line.lstrip().startswith(_BULLETS) for line in m.lines)
    if bullets > MAX_BULLETS * count:
        return True
    if sum(map(len, m.lines)) > MAX_LIST_LINE * count or m.unspaced * 2 > m.characters:
        return False
    return sum(line[-1] in _TERMINAL for line in m.lines) < MIN_ENDED_LINES * count


def _truncated(m: Measures) -> bool:
    tail = m.text[-_CUT_MARK_ROOM:].rstrip()
    if tail.endswith(".") and not tail.endswith("..."):
        return False
    if _CUT_MARK.search(tail):
        return True
    last_line = m.lines[-1] if m.lines else ""
    last = tail.rstrip(_CLOSING)[-1:]
    if len(last_line) < MIN_CUT_LINE or not (last.isalnum() or last == ","):
        return False
    ends = _SENTENCE_END.finditer(m.text)
    return sum(1 for _ in zip(range(MIN_SENTENCES), ends, strict=False)) == MIN_SENTENCES


_RULES: dict[str, Callable[[Measures], bool]] = {
    "all_caps": _all_caps,
    "boilerplate": lambda m: (
        "orem ipsum dolor" in m.text
        or (m.words < MAX_NOTICE_WORDS and _NOTICE.search(m.text) is not None)
    ),
    "list_like": _list_like,
    "long_tokens": lambda m: (
        m.characters > MAX_TOKEN_LENGTH * len(m.tokens) and m.unspaced * 2 < m.characters
    ),
    "mostly_digits": lambda m: m.digits > MAX_DIGITS * m.characters,
    "mostly_links": _mostly_links,
    "mostly_symbols": lambda m: m.symbols > MAX_SYMBOLS * m.characters,
    "repeated_lines": _repeated_lines,
    "repeated_words": _repeated_words,
    "replacement_characters": lambda m: m.text.count("\ufffd") > MAX_REPLACED * len(m.text),
    "too_short": lambda m: m.words < MIN_WORDS,
    "truncated": _truncated,
}

# Known from the cleaning itself, not from the text that comes out of it.
_FROM_CLEANING = ("bad_front_matter", "control_characters", "html_fallback", "mojibake")

FLAGS: tuple[str, ...] = tuple(sorted((*_RULES, *_FROM_CLEANING)))
"""Every flag that the cleaning stage may set."""

_FAIR = (
    "control_characters",
    "long_tokens",
    "mojibake",
    "mostly_symbols",
    "replacement_characters",
)
LEVELS: dict[str, tuple[str, ...]] = {
    "any": (),
    "fair": _FAIR,
    "good": tuple(
        sorted(
            (
                *_FAIR,
                "boilerplate",
                "mostly_digits",
                "mostly_links",
                "repeated_lines",
                "repeated_words",
                "too_short",
            )
        )
    ),
}
"""Flags that reject at each level: nothing; what is not text; also what is not worth reading."""


def quality_flags(m: Measures) -> list[str]:
    """Flags of a text that its measures show, in alphabetical order."""
    return [name for name, holds in _RULES.items() if holds(m)]


def too_many_controls(removed: int, left: int) -> bool:
    """Whether so many control characters were removed that the text may be no text."""
    return removed > MAX_CONTROLS * left


def rejecting_flags(min_quality: str | Sequence[str]) -> tuple[str, ...]:
    """Flags that reject under a ``min_quality`` setting: the name of a level, or flags.

    Raises:
        ValueError: a name is neither a level nor a flag; the message lists those there are.
    """
    if isinstance(min_quality, str) and min_quality in LEVELS:
        return LEVELS[min_quality]
    names = (min_quality,) if isinstance(min_quality, str) else tuple(min_quality)
    if unknown := [name for name in names if name not in FLAGS]:
        raise ValueError(
            f"min_quality: no level or flag {', '.join(unknown)}; "
            f"levels are {', '.join(LEVELS)}; flags are {', '.join(FLAGS)}"
        )
    return tuple(sorted(set(names)))
