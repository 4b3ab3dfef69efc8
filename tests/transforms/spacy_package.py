"""Real spaCy model packages, installed in a directory of the test's own."""

from __future__ import annotations

import json
from pathlib import Path

import spacy
from spacy.training import Example

PATTERNS = [
    {"label": "GPE", "pattern": "Springfield"},
    {"label": "PERSON", "pattern": "Lisa"},
    {"label": "NORP", "pattern": "Martians"},
    {"label": "DATE", "pattern": "Monday"},
]


def save_model(path: Path, language: str, name: str, licence: str = "MIT") -> None:
    """Save a pipeline whose ``ner`` knows the names above, beside components of no use for it."""
    nlp = spacy.blank(language)
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("sentencizer")
    names = nlp.add_pipe("entity_ruler", name="ner")
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Lisa"), {})])
    names.add_patterns(PATTERNS)
    nlp.meta.update(name=name, version="1.2.3", license=licence)
    nlp.to_disk(path)


def install(site: Path, language: str, name: str, licence: str = "MIT") -> str:
    """Lay out a model as pip would install it under ``site``; return the package's name."""
    package = f"{language}_{name}"
    data = site / package / f"{package}-1.2.3"
    data.mkdir(parents=True)
    save_model(data, language, name, licence)
    (site / package / "__init__.py").write_text(
        "from pathlib import Path\n"
        "from spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n"
        "    return load_model_from_init_py(__file__, **overrides)\n"
    )
    meta = json.loads((data / "meta.json").read_text())
    (site / package / "meta.json").write_text(json.dumps(meta))
    info = site / f"{package}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(f"[spacy_models]\n{package} = {package}\n")
    return package
