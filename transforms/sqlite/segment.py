"""Words for scripts that write without blanks.

FTS5's ``unicode61`` tokenizer cuts at blanks and punctuation, so a Chinese sentence would be one
word. Here every character of such a script becomes a word of its own; a query is cut in the same
way and looked up as a phrase, which finds exactly the texts that hold it.
"""

from __future__ import annotations

import re

# Thai and Lao, Hangul jamo and Myanmar, Khmer, kana and Han with their iteration marks, Hangul
# (spaced, but with particles glued to the words), half-width kana, Han outside the first plane.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)

_CHARACTER = re.compile(f"([{UNSPACED}])")


def is_unspaced(text: str) -> bool:
    """Whether the text holds a character of a script without blanks."""
    return not text.isascii() and _CHARACTER.search(text) is not None


def segment(text: str) -> str:
    """The text with blanks around every character of a script without blanks.

    >>> segment("iPhone手机")
    'iPhone 手 机'
    """
    return " ".join(_CHARACTER.sub(r" \1 ", text).split()) if is_unspaced(text) else text


def segments(*texts: str) -> str:
    """The chunks of the texts that need segmenting, segmented; all else is left out.

    A chunk runs from blank to blank, so that it keeps Latin words glued to such a script.

    >>> segments("see 東京タワー today")
    '東 京 タ ワ ー'
    """
    chunks = [
        chunk for text in texts if is_unspaced(text) for chunk in text.split() if is_unspaced(chunk)
    ]
    return segment(" ".join(chunks))
