import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.text import normalise, one_line, trim, trim_ends

# Characters that repairs fight over: mojibake, controls, blanks, marks, joiners, surrogates.
NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "aé \n\r\t\v\f\x00\x08\x1b[m\x85\x92\xa0\xadÃÂâ€™©√├⌐вЂ\u0301\u200b\u200d\u2028\ufeff"
            "\ufffe\ud83d\ude00\ud800กब中\ufffd"
        ),
        st.characters(),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("broken", "repaired"),
    [
        ("voilÃ\xa0 l'Ã©tÃ©", "voilà l'été"),
        ("sâ€™il vous plaÃ®t", "s’il vous plaît"),
        ("РџСЂРёРІРµС‚ РјРёСЂ", "Привет мир"),
        ("‚Äôtis √©t√©", "’tis été"),
        ("├⌐t├⌐", "été"),
        ("Ã\x85ngström", "Ångström"),
        ("РџСЂРёРІРµС‚, Р\xadС‚Рѕ РјРёСЂ", "Привет, Это мир"),
        ("It\x92s 5\x80", "It’s 5€"),
    ],
)
def test_mojibake_is_repaired(broken: str, repaired: str) -> None:
    assert normalise(broken).text == repaired


def test_only_the_bad_line_is_repaired() -> None:
    quoted = "The letters Ã© are written É in capitals."
    text = f"“Curly” ﬁne ＷＩＤＥ m² ½ №\n{quoted}\nDéjà vu"
    lines = normalise(text).text.split("\n")
    assert lines[0] == "“Curly” ﬁne ＷＩＤＥ m² ½ №"
    assert lines[1] == quoted.replace("Ã©", "é")
    assert lines[2] == "Déjà vu"


@pytest.mark.parametrize(
    "text",
    [
        "AMANHÃ É DIA",
        "Le fichier est créé, la clé générée, l’idée agréée.",
        "« Où ? » dit-elle : « là »…",
        "Ünïcödé “quotes” & &amp; ﬁ — № 5",
        "می‌خواهم",  # zero-width non-joiner
        "👩‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️",
        "ภาษา\u200bไทย",  # zero-width blank parts words
        "Œuvre, ŒUVRE, cœur\n\n\tcode  with   blanks\n",
        "\u202bعربي\u202c (LTR)",
        "Привет, мир! «Ёж» — №1",
        "Ελλάδα: «Ώρα» — ΆΈΉ",
    ],
)
def test_right_text_stays_as_it_is(text: str) -> None:
    assert normalise(text) == (text, 0, False)
    assert trim(text) == text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\r\nb\rc\vd\fe\u2028f\u2029g\x85h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("\ufeffstart\x00\x07 end\x7f", "start end"),
        ("co\xadop\u200berate", "cooperate"),
        ("\ud83d\ude00 \ud800!", "😀 \ufffd!"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("N\x08NA\x08AM\x08ME _\x08x", "NAME x"),
        ("e\u0301", "é"),
    ],
)
def test_controls_line_ends_and_surrogates_are_mended(raw: str, clean: str) -> None:
    assert normalise(raw).text == clean


def test_dropped_controls_are_counted_but_not_soft_hyphens() -> None:
    assert normalise("a\x00b\x01c\xadd").controls == 2


def test_mojibake_beyond_repair_is_reported() -> None:
    assert normalise("中华人民共和国".encode("gb18030").decode("latin-1")).mojibake
    assert not normalise("Une œuvre à l'été, déjà vue : « Ça va ? »").mojibake


@given(NASTY)
@example("Ã\x01©")
@example("\x85Ã\x85")
@example("e\x00\u0301")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & set("\r\x00\x1b\x85\xad\ufeff")
    once.encode()


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=80))
def test_ascii_is_never_touched(text: str) -> None:
    assert normalise(text).text == text


@pytest.mark.parametrize(
    ("loose", "tight"),
    [
        ("\n \n  indented\nrest", "  indented\nrest"),
        ("a \t\nb\xa0\nc\u3000", "a\nb\nc"),
        ("a\n\n\n\n\nb", "a\n\n\nb"),
        ("a\n\n\n", "a\n"),
        (" \n\t\n", ""),
    ],
)
def test_blanks_nobody_sees_go(loose: str, tight: str) -> None:
    assert trim(loose) == tight


@pytest.mark.parametrize("text", ["a", "a\n", "a\n\nb", "a\n\n\nb\n", "a   b\n    c\td", "a  b"])
def test_blanks_that_are_meant_stay(text: str) -> None:
    assert trim(text) == text


@given(st.text(alphabet="a \n\t\xa0", max_size=30))
def test_trimming_twice_is_trimming_once(text: str) -> None:
    assert trim(trim(text)) == trim(text)
    assert trim(text).split() == text.split()


def test_ends_are_trimmed_without_touching_the_inside() -> None:
    assert trim_ends("\n\n  a  \n\n\n\nb  \n\n") == "  a  \n\n\n\nb\n"


def test_a_title_is_put_on_one_line() -> None:
    assert one_line(" A\xa0title\r\n in  two\x00 lines ") == "A title in two lines"
