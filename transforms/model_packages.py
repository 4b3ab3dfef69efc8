"""Packages of spaCy models: the published ones, the installed ones, what their licences allow.

The catalogue is ``config/models.yaml``; of an installed package only the metadata is read.
Languages are docsluice's codes throughout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from transforms.document import UNDETERMINED
from transforms.resources import resource

CATALOGUE = "config/models.yaml"
FALLBACK = "models/fallback"
SIZES = ("sm", "md", "lg", "trf")
"""spaCy's sizes: small, medium and large, which run on any processor, and transformers."""

_OURS = {"nb": "no", "nn": "no", "xx": UNDETERMINED}
"""spaCy's language codes where they are not ours."""
_PREFERRED = ("lg", "md", "sm")
_RESTRICTED = re.compile(
    r"\bA?GPL|(?<!Lesser )General Public Licen[cs]e|\bNC\b|non-?\s?commercial", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Published:
    """A model that spaCy publishes; ``megabytes`` to download, None where that is not known."""

    name: str
    language: str
    size: str
    megabytes: int | None
    licence: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What there is to choose from besides what is installed.

    ``published`` has each language's models from small to large; ``fallback`` maps languages to
    folders of ``models/fallback``, ``other`` is the folder for those that are not there, and
    ``unserved`` are the languages that no fallback can read.
    """

    published: Mapping[str, tuple[Published, ...]]
    fallback: Mapping[str, str]
    other: str
    unserved: frozenset[str]

    def find(self, name: str) -> Published | None:
        """Return the published model of that name."""
        of_all = (model for models in self.published.values() for model in models)
        return next((model for model in of_all if model.name == name), None)

    def fallback_path(self, language: str) -> Path | None:
        """Return the model that ships for ``language``, or None where there is none."""
        if language in self.unserved:
            return None
        try:
            return resource(f"{FALLBACK}/{self.fallback.get(language, self.other)}")
        except FileNotFoundError:
            return None


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed package with a model; ``finds_names`` if it has a component for entities."""

    name: str
    language: str
    version: str
    licence: str
    finds_names: bool


@cache
def catalogue() -> Catalogue:
    """Read the catalogue."""
    content = yaml.safe_load(resource(CATALOGUE).read_text("utf-8"))
    return Catalogue(
        published={
            our_code(code): tuple(
                Published(
                    name=f"{models['name']}_{size}",
                    language=our_code(code),
                    size=size,
                    megabytes=megabytes,
                    licence=models.get("licence", "MIT"),
                )
                for size, megabytes in models["megabytes"].items()
            )
            for code, models in content["spacy"].items()
        },
        fallback={
            language: folder
            for folder, languages in content["fallback"].items()
            for language in languages
        },
        other=content["other"],
        unserved=frozenset(content["unserved"]),
    )


def our_code(language: str) -> str:
    """Return docsluice's code of a language that may be given by spaCy's."""
    return _OURS.get(language, language)


def is_restricted(licence: str) -> bool:
    """Whether a licence is the GPL, or forbids commercial use: not to be taken unasked."""
    return bool(_RESTRICTED.search(licence))


def is_installed(package: str) -> bool:
    """Whether there is an installed package of that name."""
    try:
        distribution(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


@cache
def installed() -> tuple[Installed, ...]:
    """Find the installed models, best first: lg, md, sm, then others by name."""
    names = {point.name for point in entry_points(group="spacy_models")}
    return tuple(sorted((model for name in names for model in _installed(name)), key=_rank))


def read_meta(model: str) -> Mapping[str, Any]:
    """Read what a model, given as package or folder, says of itself; nothing where it is not there.

    No model is loaded and no package imported.
    """
    folders = [model]
    if is_installed(model):
        spec = find_spec(model)
        folders = list((spec.submodule_search_locations if spec else None) or ())
    for folder in folders:
        try:
            meta: Mapping[str, Any] = json.loads((Path(folder) / "meta.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
        return meta
    return {}


def how_to_install(name: str) -> str:
    """Say of a model, given as package or folder, that it is not there, and what to do."""
    if Path(name).name != name:
        return "is no folder with a spaCy model"
    if model := catalogue().find(name):
        return f"is not installed: docsluice models install {model.language} --size {model.size}"
    return f"is not installed: python -m spacy download {name}"


def _installed(name: str) -> Iterator[Installed]:
    if meta := read_meta(name):
        yield Installed(
            name=name,
            language=our_code(meta.get("lang", "")),
            version=meta.get("version", ""),
            licence=meta.get("license", ""),
            finds_names="ner" in meta.get("pipeline", ()),
        )


def _rank(model: Installed) -> tuple[int, str]:
    size = model.name.rpartition("_")[2]
    return (_PREFERRED.index(size) if size in _PREFERRED else len(_PREFERRED), model.name)
