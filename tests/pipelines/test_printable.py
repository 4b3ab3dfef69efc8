from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pipelines.printable import one_line, safe_json


def test_what_a_terminal_obeys_becomes_a_blank() -> None:
    assert one_line("\x1b[31mred\x07\n\u202egnp.exe\x9b2J\t x") == "[31mred gnp.exe 2J x"


def test_what_cannot_be_encoded_becomes_a_question_mark() -> None:
    assert one_line("caf\udce9") == "caf?"


def test_json_says_the_same_without_control_characters() -> None:
    value = {"a\x9b": "\x00\x1b\x7f\u202e", "é": ["東", 1.5, None]}
    text = safe_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert text.isprintable()


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_shown(text: str) -> None:
    shown = one_line(text)
    shown.encode()
    assert shown.isprintable() or not any(
        ord(letter) < 0xA0 for letter in shown if not letter.isprintable()
    )
