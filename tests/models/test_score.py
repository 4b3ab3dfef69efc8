import gzip
import json
from pathlib import Path

import pytest
import score
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


def test_the_table_scores_each_set_with_the_model_of_its_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score, "TEST", ("made_up.test",))
    tokens = ["Barack", "Obama", "met", "Angela", "Merkel", "in", "Berlin", "."]
    tags = ["B-PER", "I-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "O"]
    line = {"lang": "en", "dataset": "made_up", "tokens": tokens, "tags": tags}
    with gzip.open(tmp_path / "made_up.test.jsonl.gz", "wt") as out:
        out.write(json.dumps(line) + "\n")
    monkeypatch.setattr("sys.argv", ["score.py", "--data", str(tmp_path)])
    score.main()

    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith("| made_up.test | ")
    assert row.endswith("| 1 | 3 | 1.000 | 1.000 | **1.000** |")
