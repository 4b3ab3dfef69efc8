from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.elasticsearch.words import fold, search_fields, special_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’Océan", "l’ocean"),
        ("ÅNGSTRÖM", "angstrom"),
        ("Cafe\u0301", "cafe"),
        ("Ὀδυσσεύς", "οδυσσευς"),
        ("हिन्दी", "हिन्दी"),
        ("が대통령", "が대통령"),
    ],
)
def test_case_and_accents_are_folded_and_other_marks_kept(text: str, expected: str) -> None:
    assert fold(text) == expected


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFC", folded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’Océan, U.S.A. a_b", "l ocean u s a a b"),
        ("iPhone手机!", "iphone 手 机"),
        ("?! …", ""),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_words_are_letters_digits_and_marks(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The well-known cat, 12 times.", ""),
        ("au bord de l'ocean", "l ocean"),
        ("see example.com at 12:30", "example com 12 30"),
        ("le café noir", "cafe"),
        ("a__b, _c and d_ or e. f", "a b"),
        ("see 東京タワー today", "東 京 タ ワ ー"),
        ("Москва", ""),
    ],
)
def test_only_what_a_server_indexes_otherwise_is_special(text: str, expected: str) -> None:
    assert special_words(text) == expected


def test_names_are_folded_by_label_once_each() -> None:
    row: dict[str, Any] = {
        "title": "Élan",
        "text": "plain",
        "title_entities": [{"text": "Éric  Lee", "label": "PER"}],
        "entities": [
            {"text": "Eric Lee", "label": "PER"},
            {"text": "北京", "label": "LOC"},
            {"text": "?", "label": "ORG"},
            {"text": "x", "label": "UNKNOWN"},
        ],
    }
    assert search_fields(row) == {"words": "elan", "PER": ["eric lee"], "LOC": ["北 京"]}
    assert search_fields({"title": "", "text": "", "entities": None}) == {}
