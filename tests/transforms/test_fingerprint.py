"""Fingerprints against plain Python: words, shingles, MinHash, bands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fingerprint import (
    BANDS,
    ROWS,
    band_hashes,
    content_hash,
    estimate,
    fingerprints,
    fold_table,
    jaccard,
    normalised,
    shingles,
    signature,
)
from transforms.minhash_kernel import ALONE, EXPANDS, IGNORED, SEPARATOR

HAN, KANA, THAI = "天地玄黄宇宙洪荒", "ひらがなカタ", "กขคงจฉชซ"
ALPHABET = "abcdefgXYZ éÉàßöñ αβΣς жЖщ אב عرب 한글 09 .,;'’“”-–()!\n\t\u00a0" + HAN + KANA + THAI
ALONE_LETTERS = HAN + KANA + THAI

texts = st.text(ALPHABET, max_size=120) | st.lists(
    st.sampled_from(["the", "cat", "sat", "Été", "на", "天", "ท", "42"]), max_size=40
).map(" ".join)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile before hypothesis looks at the clock."""
    jaccard(shingles("a"), shingles("b"))
    band_hashes(signature(shingles("a")))
    fingerprints(["a"])


def plain_tokens(text: str) -> list[str]:
    """Words as a regular expression finds them; letters of scripts without blanks singly."""
    return re.findall(rf"[{ALONE_LETTERS}]|[^\W_{ALONE_LETTERS}]+", text.casefold())


def plain_shingles(text: str) -> set[tuple[str, ...]]:
    tokens = plain_tokens(text)
    if len(tokens) < 5:
        return {tuple(tokens)} if tokens else set()
    return {tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)}


@given(texts)
def test_shingles_are_the_distinct_runs_of_five_tokens(text: str) -> None:
    found = shingles(text)
    assert len(found) == len(plain_shingles(text))
    assert found.dtype == np.uint64
    assert np.all(found[1:] > found[:-1])


@given(texts, texts)
def test_jaccard_of_hashes_is_jaccard_of_word_shingles(one: str, other: str) -> None:
    a, b = plain_shingles(one), plain_shingles(other)
    expected = len(a & b) / len(a | b) if a | b else 0.0
    assert jaccard(shingles(one), shingles(other)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("One two three, four five six.", "one  TWO three\nfour: five\tsix!"),
        ("l'océan et l’été à Paris", "L’OCÉAN (et) l'été – À Paris…"),
        ("ΟΔΟΣ των ΣΟΦΩΝ", "οδος των σοφων"),
        ("Straße", "STRASSE"),
        ("ﬁnal oﬀer", "final offer"),
        ("Ｆｕｌｌ width", "full width"),
        ("soft\u00adhyphen and emoji ❤\ufe0f", "softhyphen and emoji"),
        ("zero\u200bwidth\u200bspace", "zero width space"),
    ],
)
def test_case_blanks_punctuation_and_compatibility_forms_do_not_count(one: str, other: str) -> None:
    assert len(shingles(one))
    assert np.array_equal(shingles(one), shingles(other))


@pytest.mark.parametrize(
    ("one", "other"), [("côté", "cote"), ("re sign", "resign"), ("x 12", "x 1 2"), ("हिन्दी", "हनद")]
)
def test_accents_marks_and_word_ends_count(one: str, other: str) -> None:
    assert not np.array_equal(shingles(one), shingles(other))


def test_marks_do_not_end_a_word() -> None:
    assert len(shingles("हिन्दी में लिखा हुआ पाठ")) == 1
    assert len(shingles("हिन्दी में लिखा हुआ पाठ यहाँ")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "北京是中华人民共和国的首都",
        "吾輩は猫である名前はまだ無い",
        "ภาษาไทยเขียนติดกัน",
        "ພາສາລາວຂຽນຕິດກັນ",
        "ភាសាខ្មែរសរសេរជាប់គ្នា",
        "မြန်မာစာကိုဆက်ရေးသည်",
    ],
)
def test_scripts_without_blanks_make_shingles_of_five_characters(text: str) -> None:
    assert len(shingles(text)) == len({text[i : i + 5] for i in range(len(text) - 4)})


def test_a_latin_word_among_han_is_one_token() -> None:
    assert len(shingles("天地 Wikipedia 玄黄")) == 1


@pytest.mark.parametrize("text", ["", " \n", "?!… — ***", "\u00ad\u200d"])
def test_a_text_without_words_has_no_shingles_and_no_bands(text: str) -> None:
    keys, filled = fingerprints([text, "word"])
    assert len(shingles(text)) == 0
    assert filled.tolist() == [False, True]
    assert keys.shape == (2, BANDS)


@given(st.lists(texts, max_size=8))
def test_a_batch_is_fingerprinted_as_each_text_is(batch: list[str]) -> None:
    keys, filled = fingerprints(batch)
    for text, row, any_ in zip(batch, keys, filled, strict=True):
        found = shingles(text)
        assert any_ == (len(found) > 0)
        if any_:
            assert np.array_equal(row, band_hashes(signature(found)))


def test_a_batch_of_several_blocks_is_fingerprinted_as_each_text_is() -> None:
    batch = [f"text {number} " * 20_000 for number in range(4)] + ["é" * 300_000, "", "last one"]
    keys, _ = fingerprints(batch)
    assert np.array_equal(keys[2], band_hashes(signature(shingles(batch[2]))))
    assert np.array_equal(keys[-1], band_hashes(signature(shingles("last one"))))


@pytest.mark.parametrize("text", ["a\ud800b", "\x00", "\U0010ffff", "x" * 100_000, "\ue000 pri"])
def test_odd_code_points_are_hashed_like_any_other(text: str) -> None:
    assert np.array_equal(fingerprints([text])[0], fingerprints([text])[0])
    assert len(content_hash(text)) == 32


@pytest.mark.parametrize("size", [3, 30, 1000])
@pytest.mark.parametrize("similarity", [1 / 3, 0.8])
def test_the_estimate_is_unbiased_and_as_exact_as_128_trials(size: int, similarity: float) -> None:
    rng = np.random.default_rng(size)
    shared = round(size * similarity)
    errors = []
    for _ in range(400):
        pool = rng.integers(0, 1 << 64, size, dtype=np.uint64)
        half = shared + (size - shared) // 2
        a, b = np.sort(pool[:half]), np.sort(np.concatenate((pool[:shared], pool[half:])))
        errors.append(estimate(signature(a), signature(b)) - shared / size)
    deviation = np.sqrt(shared / size * (1 - shared / size) / 128)
    assert abs(np.mean(errors)) < 4 * deviation / np.sqrt(400)
    assert np.std(errors) == pytest.approx(deviation, rel=0.15)


def test_pairs_at_the_threshold_share_a_band_as_often_as_the_table_says() -> None:
    rng = np.random.default_rng(8)
    met = {0.5: 0, 0.8: 0}
    for similarity in met:
        for _ in range(1000):
            pool = rng.integers(0, 1 << 64, 400, dtype=np.uint64)
            shared = int(400 * similarity)
            half = shared + (400 - shared) // 2
            ours = band_hashes(signature(pool[:half]))
            theirs = band_hashes(signature(np.concatenate((pool[:shared], pool[half:]))))
            met[similarity] += bool(np.any(ours == theirs))
    assert met[0.5] / 1000 == pytest.approx(0.282, abs=0.05)
    assert met[0.8] / 1000 > 0.99


def test_bands_that_need_more_minima_than_there_are_raise_value_error() -> None:
    with pytest.raises(ValueError, match="33 bands of 4 rows"):
        band_hashes(signature(shingles("text")), 33, 4)
    with pytest.raises(ValueError, match="33 bands of 4 rows"):
        fingerprints(["text"], 33, 4)
    assert BANDS * ROWS <= 128


def test_fingerprints_do_not_change_between_releases() -> None:
    """Fingerprints are kept from run to run: a change here needs a new version of their files."""
    text = "The quick brown fox jumps over the lazy dog. Portez ce vieux whisky. 天地玄黄宇宙"
    assert content_hash(text) == "f2a9849c8f1779d6117ba29281b028c6"
    assert fingerprints([text])[0][0, :3].tolist() == [2572936012, 3922057543, 881969396]


@given(texts)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text).decode()) == normalised(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_agrees_with_the_long_way(text: str) -> None:
    long_way = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    assert normalised(text).decode() == long_way


def test_content_is_the_same_whatever_case_blanks_and_forms() -> None:
    assert content_hash(" The\u00a0END\r\n") == content_hash("the end")
    assert content_hash("ﬁn") == content_hash("FIN")
    assert content_hash("the end.") != content_hash("the end")


def test_the_fold_table_agrees_with_unicodedata_on_every_code_point_python_knows() -> None:
    table, expansions = fold_table()
    for point in [*range(0x3400), *range(0x4DC0, 0x4E10), *range(0xA000, 0xAC10), 0x1F600, 0x20000]:
        character = chr(point)
        entry = table[point]
        if unicodedata.category(character)[0] not in "LMN":
            assert entry in (SEPARATOR, IGNORED), hex(point)
            continue
        folded = unicodedata.normalize("NFKC", character).casefold()
        if entry & EXPANDS:
            first = int(entry) & 0xFFFF
            letters = expansions[first + 1 : first + 1 + expansions[first]]
            assert set(map(chr, letters)) <= set(unicodedata.normalize("NFKC", folded)), hex(point)
        elif len(folded) == 1:
            assert int(entry) & ~int(ALONE) == ord(folded), hex(point)


def test_processes_that_start_together_on_an_empty_cache_all_succeed(tmp_path: Path) -> None:
    code = "from transforms.fingerprint import fingerprints as f; print(f(['a b c'])[0].sum())"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert set(printed) == {f"{fingerprints(['a b c'])[0].sum()}\n"}
    assert list(tmp_path.rglob("*.nbi"))


def test_a_process_that_can_cache_nowhere_still_compiles(tmp_path: Path) -> None:
    package = tmp_path / "transforms"
    package.mkdir()
    source = Path(__file__).parents[2] / "transforms"
    for name in ("__init__.py", "fingerprint.py", "minhash_kernel.py", "unspaced.py"):
        (package / name).write_bytes((source / name).read_bytes())
    (package / "__pycache__").write_text("in the way of the cache beside the source")
    blocked = tmp_path / "file"
    blocked.write_text("in the way of the user's cache")
    environment = os.environ | {"HOME": str(blocked), "XDG_CACHE_HOME": str(blocked)}
    environment.pop("NUMBA_CACHE_DIR", None)
    code = "from transforms.fingerprint import shingles; print(len(shingles('a b')))"
    ran = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr
