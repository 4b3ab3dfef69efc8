"""The title of a document: told from its text, and not said again in it."""

from __future__ import annotations

import re

MAX_TITLE = 200
"""Characters of the longest line taken for a title."""
_CONTEXT = 4096
"""Characters after a title that are looked at to tell whether it stands over prose."""
_LEAST_PROSE = 20
"""Characters that the longest line under a title exceeds; less is no text with a title."""

# What opens a line that is no title: code, markup, quotations, list items, log lines, greetings.
_NOT_A_TITLE = re.compile(
    r"""\s | [-*+•–—·>|<{}\[\]()#/\\@$%&=~^;:,.!?_`] | "\w+"\s*:
    | \d+[.)]\s | \d{4}-\d\d-\d\d | \d{1,2}:\d\d
    | (?:import|from|def|class|package|function|var|let|const|int|void|use|using)\s.*[;:{(=]
    | (?:Dear|Hi|Hello|Hey|Cher|Chère|Chers|Liebe|Lieber|Hallo|Sehr\ geehrte|Estimad|Querid|Hola
       |Caro|Cara|Gentile|Prezad|Beste|Geachte|Madame|Monsieur|Дорог|Уважаем)\w*\b
    """,
    re.VERBOSE,
)
_ENDS_A_SENTENCE = tuple(".,;:…。、，；：।؛،۔")
_CLOSING = "\"'»”’)]」』 "
_COLUMNS = ("\t", "   ")
_DATE_LINE = re.compile(
    r"(?:\w+,? )?(?:the )?\d{1,2}(?:st|nd|rd|th|er|º|\.)? (?:de )?\w+\.?,? (?:de )?\d{4}$"
    r"|(?:\w+,? )?\w+ \d{1,2}, \d{4}$"
)
_UNDERLINE = re.compile(r"(?:=+|-+|~+)\n")
_SENTENCE_END = re.compile(r"[.!?…][\"'»”’)\]]*(?:\s|$)|[。！？؟۔।॥።]")


def take_title(text: str, title: str = "") -> tuple[str, str]:
    """Find the title of a trimmed plain text and take it, and its repetitions, off the text.

    A given ``title`` is not replaced; it is only taken off where the text's first lines or its
    last line repeat it. Otherwise the first line is the title if it stands alone over prose: at
    most 200 characters, a blank line after it, no mark of a sentence's end (unless the line is
    repeated), none of the looks of code, lists, columns, logs, letters or dates.

    A title is never taken where nothing would be left: a text of one line stays whole and
    untitled, and one that is nothing but its title keeps it.

    Returns:
        The title on one line with single blanks, ``""`` if there is none; and the text.
    """
    if not title:
        first, _, rest = text.partition("\n")
        if not _is_title(first, rest):
            return "", text
        title = " ".join(first.split())
    return title, _without(title, text)


def _is_title(line: str, rest: str) -> bool:
    if not line or len(line) > MAX_TITLE or not rest:
        return False
    underline = _UNDERLINE.match(rest)
    below = rest[underline.end() :] if underline else rest
    if not underline and not rest.startswith("\n"):
        return False
    if any(gap in line for gap in _COLUMNS) or not any(map(str.isalpha, line)):
        return False
    if _NOT_A_TITLE.match(line) or (line[-1].isdigit() and _DATE_LINE.match(line)):
        return False
    body = below.lstrip("\n")[:_CONTEXT]
    repeated = _says(body.partition("\n")[0], _key(line))
    if line.rstrip(_CLOSING).endswith(_ENDS_A_SENTENCE) and not repeated:
        return False
    # Prose below: sentences, or a line much longer than the title. A list of words has neither.
    longest = max(map(len, body.split("\n")))
    return longest > max(len(line), _LEAST_PROSE) and (
        longest > 2 * len(line) or _SENTENCE_END.search(body) is not None
    )


def _without(title: str, text: str) -> str:
    key = _key(title)
    body = text
    while body:
        first, _, rest = body.partition("\n")
        if not _says(first, key):
            break
        if underline := _UNDERLINE.match(rest):
            rest = rest[underline.end() :]
        body = rest.lstrip("\n")
    end = "\n" if body.endswith("\n") else ""
    stripped = body.rstrip("\n")
    while stripped:
        before, newline, last = stripped.rpartition("\n")
        if not _says(last, key):
            break
        stripped = before.rstrip("\n") if newline else ""
        body = stripped + end
    return body if stripped.strip() else text


def _says(line: str, key: str) -> bool:
    # A line of very different length is not worth folding.
    return len(line) <= 2 * len(key) and _key(line) == key


def _key(line: str) -> str:
    return " ".join(line.split()).casefold()
