"""Real spaCy model packages, in a directory of the test's own: installed, or as a wheel."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import spacy
from spacy.training import Example

from transforms.model_packages import installed

PATTERNS = [
    {"label": "GPE", "pattern": "Springfield"},
    {"label": "PERSON", "pattern": "Lisa"},
    {"label": "NORP", "pattern": "Martians"},
    {"label": "DATE", "pattern": "Monday"},
]


def save_model(
    path: Path, language: str, name: str, licence: str = "MIT", version: str = "1.2.3"
) -> None:
    """Save a pipeline whose ``ner`` knows the names above, beside components of no use for it."""
    nlp = spacy.blank(language)
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("sentencizer")
    names = nlp.add_pipe("entity_ruler", name="ner")
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Lisa"), {})])
    names.add_patterns(PATTERNS)
    nlp.meta.update(name=name, version=version, license=licence)
    nlp.to_disk(path)


def install(
    site: Path, language: str, name: str, licence: str = "MIT", version: str = "1.2.3"
) -> str:
    """Lay out a model as pip would install it under ``site``; return the package's name."""
    package = f"{language}_{name}"
    data = site / package / f"{package}-{version}"
    data.mkdir(parents=True)
    save_model(data, language, name, licence, version)
    (site / package / "__init__.py").write_text(
        "from pathlib import Path\n"
        "from spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n"
        "    return load_model_from_init_py(__file__, **overrides)\n"
    )
    meta = json.loads((data / "meta.json").read_text())
    (site / package / "meta.json").write_text(json.dumps(meta))
    info = site / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[spacy_models]\n{package} = {package}\n")
    return package


def build_wheel(folder: Path, language: str, name: str, version: str) -> Path:
    """Make a wheel of such a package in ``folder``."""
    package = install(folder / "unpacked", language, name, version=version)
    info = f"{package}-{version}.dist-info"
    wheel = folder / f"{package}-{version}-py3-none-any.whl"
    files = [path for path in (folder / "unpacked").rglob("*") if path.is_file()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in files:
            archive.write(path, path.relative_to(folder / "unpacked"))
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        names = [*archive.namelist(), f"{info}/RECORD"]
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    return wheel


@contextmanager
def empty_site(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of packages of the test's own, importable and forgotten afterwards."""
    folder.mkdir()
    patch.syspath_prepend(str(folder))
    installed.cache_clear()
    yield folder
    installed.cache_clear()
    for name in [name for name in sys.modules if (folder / name).exists()]:
        del sys.modules[name]
