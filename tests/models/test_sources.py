import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sources
from sources import brown, chinese_words, dictionary, frequent


def lookups(**files: object) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for name, found in files.items():
            packed = gzip.compress(json.dumps(found).encode())
            wheel.writestr(f"spacy_lookups_data/data/{name}.json.gz", packed)
    return content.getvalue()


def put(folder: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / name).write_bytes(content)
    monkeypatch.setitem(sources.DIGESTS, name, hashlib.sha256(content).hexdigest())


def test_words_of_one_cluster_have_one_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = {"Köln": 80, "Bonn": 80, "und": 26, "unknown": 0}
    put(tmp_path, sources.LOOKUPS, lookups(de_lexeme_cluster=clusters), monkeypatch)

    block = brown(tmp_path, "de", 10)

    assert block.words == ["Köln", "Bonn", "und"]
    assert (block.vectors[0] == block.vectors[1]).all()
    assert (block.vectors[0] != block.vectors[2]).any()


def test_a_package_that_is_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / sources.LOOKUPS).write_bytes(lookups(de_lexeme_cluster={}))
    with pytest.raises(SystemExit, match="not the file"):
        brown(tmp_path, "de", 10)


def test_a_dictionary_has_forms_and_lemmas_but_no_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lemmas = {"merele": "măr", "Bucureștiului": "București", "de-a": "de"}
    put(tmp_path, sources.LOOKUPS, lookups(ro_lemma_lookup=lemmas), monkeypatch)

    assert dictionary(tmp_path, "ro") == ["de", "merele", "măr"]


def test_chinese_words_come_with_frequency_and_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        lines = "北京 34488 ns\n的 318825 uj\n".encode()
        file = tarfile.TarInfo("jieba-0.42.1/jieba/dict.txt")
        file.size = len(lines)
        archive.addfile(file, io.BytesIO(lines))
    put(tmp_path, sources.JIEBA, content.getvalue(), monkeypatch)

    assert chinese_words(tmp_path) == [("北京", 34488.0, "ns"), ("的", 318825.0, "uj")]


def test_frequent_words_come_in_their_order(word_lists: Callable[..., Path]) -> None:
    folder = word_lists(it=[["di"], [], ["che", "roma"], ["tuttavia"]])

    assert frequent(folder, "it", 3) == ["di", "che", "roma"]
