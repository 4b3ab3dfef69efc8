from corpus import Text
from score import counts, f_score

TEXTS = (
    Text("Bob saw Paris", ((0, 3, "PER"), (8, 13, "LOC")), "en", "made_up"),
    Text("Nobody", (), "en", "made_up"),
)


def test_only_exact_spans_with_the_right_label_count() -> None:
    found = [{(0, 3, "PER"), (8, 13, "PER")}, {(0, 6, "PER")}]

    assert counts(TEXTS, found) == (1, 3, 2)
    assert f_score(TEXTS, found) == 2 * 1 / (3 + 2)


def test_the_bounds_of_f() -> None:
    right = [set(text.spans) for text in TEXTS]

    assert f_score(TEXTS, right) == 1
    assert f_score(TEXTS, [set(), set()]) == 0
    assert f_score(TEXTS[1:], [set()]) == 0
