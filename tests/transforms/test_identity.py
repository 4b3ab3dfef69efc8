from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from transforms.identity import of_code, of_folder, of_package


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    source = tmp_path / "some_rules.py"
    source.write_text("LIMIT = 1\n")
    return source


def test_code_is_its_source(module: Path) -> None:
    before = of_code("some_rules", "transforms.names")
    module.write_text("LIMIT = 2\n")
    of_code.cache_clear()

    assert of_code("some_rules", "transforms.names") != before


def test_code_is_the_same_in_the_next_process(module: Path) -> None:
    before = of_code("some_rules")
    of_code.cache_clear()

    assert of_code("some_rules") == before != of_code("transforms.names")


def test_code_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"transforms\.nowhere"):
        of_code("transforms.nowhere")


def test_a_package_is_its_version() -> None:
    assert of_package("spacy") == f"spacy {version('spacy')}"
    with pytest.raises(PackageNotFoundError):
        of_package("no-such-package")


def test_a_folder_is_its_files_and_their_names(tmp_path: Path) -> None:
    def folder(**files: str) -> str:
        of_folder.cache_clear()
        for old in tmp_path.glob("*/*"):
            old.unlink()
        for name, content in files.items():
            (tmp_path / "inner").mkdir(exist_ok=True)
            (tmp_path / "inner" / name).write_text(content)
        return of_folder(str(tmp_path))

    all_different = [
        folder(a="1", b="2"),
        folder(a="2", b="1"),
        folder(a="12", b=""),
        folder(a="1", c="2"),
        folder(a="1"),
    ]
    assert len(set(all_different)) == 5
    assert folder(b="2", a="1") == all_different[0]
