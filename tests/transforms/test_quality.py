import importlib

import pytest

from transforms.measures import measure
from transforms.quality import FLAGS, LEVELS, quality_flags, rejecting_flags, too_many_controls

PROSE = (
    "The council met on Monday to talk about the harbour, which has not been dredged for years. "
    "Two members spoke for a new pier; three others wanted the old one mended first. "
    "Nobody could say what either would cost, so the matter was put off until the spring.\n"
)
CUT = "The mayor then rose to say that the harbour had always been the heart of the to"
CODE = (
    "def total(items):\n    result = 0\n    for item in items:\n        if item.price:\n"
    "            result += item.price * item.count\n        else:\n            result += 1\n"
    "    return result\n\n\ndef mean(items):\n    return total(items) / len(items)\n"
)
LANGUAGES = [
    "ar",
    "de",
    "el",
    "en",
    "es",
    "fa",
    "fi",
    "fr",
    "he",
    "hi",
    "it",
    "ja",
    "ko",
    "nl",
    "pl",
]
LANGUAGES += ["pt", "ru", "sv", "ta", "tr", "uk", "vi", "zh"]


def flags(text: str) -> list[str]:
    return quality_flags(measure(text))


@pytest.mark.parametrize(
    ("flag", "bad", "near_miss"),
    [
        ("too_short", "Nineteen words are too few. " * 3, "Twenty words are enough to go on. " * 3),
        (
            "too_short",
            "港湾の会議が開かれた。",
            "月曜日に港湾の会議が開かれ、浚渫の話をした。誰も費用を言えず春まで延期された。",
        ),
        (
            "repeated_lines",
            PROSE + "Share this page now\n" * 30,
            PROSE + "Share this page now\n" * 2,
        ),
        ("repeated_lines", "Buy it here today.\n" * 6, CODE),
        (
            "repeated_words",
            "cheap flights hotels deals " * 60,
            " ".join(f"word{n % 40}" for n in range(240)),
        ),
        ("mostly_symbols", "=-=-=-= *** ### |||| ++++ " * 9, CODE),
        (
            "mostly_symbols",
            "→ ★ ♪ ✓ ▲ ◆ abc " * 9,
            "“‘Nested’ quotes,” she said — “are ‘fine’…” " * 5,
        ),
        (
            "mostly_digits",
            "2019 344.12 2020 351.90 rate 7\n" * 9,
            "In 2019 it was 344 metres deep, in 2020 351.\n" * 5,
        ),
        (
            "mostly_links",
            "https://example.org/a/long/path/to/a/page see\n" * 9,
            PROSE + "https://example.org/harbour\n",
        ),
        ("all_caps", PROSE.upper(), PROSE + "NATO, UNESCO and the USA said OK."),
        (
            "all_caps",
            "СОВЕТ СОБРАЛСЯ В ПОНЕДЕЛЬНИК, ЧТОБЫ ОБСУДИТЬ ПОРТ И ПИРС",
            "Совет собрался в понедельник, чтобы обсудить порт и пирс",
        ),
        ("truncated", PROSE + "The mayor said [+2345 chars]", PROSE),
        ("truncated", PROSE + "The mayor said […]", PROSE + "The mayor said [sic]."),
        (
            "truncated",
            PROSE + "The mayor thought about it for…",
            PROSE + "She thought… and then she left.",
        ),
        ("truncated", PROSE + "Lire la suite", PROSE + "She told him to read more."),
        ("truncated", PROSE + CUT, PROSE + "Jane Doe, harbour correspondent"),
        (
            "list_like",
            "\n".join(f"Item {n}" for n in range(12)),
            "\n".join(f"Line {n} of a poem,\nand its end." for n in range(12)),
        ),
        (
            "list_like",
            "\n".join(f"- point {n} is made." for n in range(12)),
            "\n".join(f"- point {n} is made." for n in range(8)) + "\nIt is so.\n" * 4,
        ),
        (
            "long_tokens",
            "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB " * 20,
            "Donaudampfschifffahrtsgesellschaft und der Rest " * 9,
        ),
        (
            "replacement_characters",
            PROSE.replace("ou", "\ufffd"),
            PROSE * 5 + "The sign \ufffd is U+FFFD.",
        ),
        (
            "boilerplate",
            "Please enable JavaScript to view this page.",
            PROSE * 4 + "Please enable JavaScript to view this page.",
        ),
        (
            "boilerplate",
            "Nous utilisons des cookies. Accepter les cookies ?",
            "Nous avons mangé des biscuits.",
        ),
        ("boilerplate", "404 Not Found", "404 people were not found."),
        ("boilerplate", "Lorem ipsum dolor sit amet " * 50, "He taught the Latin of Cicero."),
    ],
)
def test_each_flag_has_its_texts_and_not_their_neighbours(
    flag: str, bad: str, near_miss: str
) -> None:
    assert flag in flags(bad)
    assert flag not in flags(near_miss)


def test_prose_code_and_poems_have_no_flags() -> None:
    assert flags(PROSE) == []
    assert flags(CODE) == []


@pytest.mark.parametrize(
    "language",
    LANGUAGES,
)
def test_real_sentences_of_many_languages_have_no_flags(language: str) -> None:
    module = importlib.import_module(f"spacy.lang.{language}.examples")
    assert flags("\n\n".join(module.sentences) + ".") == []


def test_a_thai_text_without_blanks_and_stops_has_no_flags() -> None:
    thai = "สภาเมืองประชุมเมื่อวันจันทร์เพื่อหารือเรื่องท่าเรือซึ่งไม่ได้ขุดลอกมาหลายปีแล้ว"
    assert flags(f"{thai}\n{thai} สมาชิกสองคนต้องการสะพานใหม่") == []


def test_flags_come_in_alphabetical_order() -> None:
    found = flags("==== BUY ====\n" * 8)
    assert found == sorted(found)
    assert len(found) > 1


def test_controls_are_too_many_beyond_one_percent() -> None:
    assert too_many_controls(2, 100)
    assert not too_many_controls(1, 100)


def test_levels_reject_more_and_more() -> None:
    assert rejecting_flags("any") == ()
    assert set(rejecting_flags("fair")) < set(rejecting_flags("good")) < set(FLAGS)
    assert {flag for level in LEVELS.values() for flag in level} <= set(FLAGS)


def test_flags_can_be_named_one_by_one() -> None:
    assert rejecting_flags(("too_short", "all_caps")) == ("all_caps", "too_short")
    assert rejecting_flags("too_short") == ("too_short",)


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no level or flag splendid; levels are any, fair, good"):
        rejecting_flags("splendid")
