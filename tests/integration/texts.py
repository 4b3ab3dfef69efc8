"""Real texts that every installation has, and how alike two of them are."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

LANGUAGES = (
    "cs", "de", "el", "es", "fr", "he", "hi", "id", "it", "ja", "ko", "nb", "pl", "pt", "ro", "ru",
    "sk", "sv", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""Languages that spaCy has example sentences for and that docsluice tells apart."""

_ELSEWHERE = {"test", "tests", "site-packages", "dist-packages", "idlelib", "__pycache__"}
_WORDS = range(120, 700)
_DISTINCT = 0.2


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its title, as cleaning is to leave them."""

    title: str
    body: str


def shingles(text: str) -> set[tuple[str, ...]]:
    """All runs of five words, in lower case."""
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(one: str, other: str) -> float:
    """True similarity of two texts."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def english(number: int) -> list[Text]:
    """The first texts of the standard library's documentation, no two of them much alike."""
    chosen: list[Text] = []
    known: list[set[tuple[str, ...]]] = []
    for text in _docstrings():
        found = shingles(text.body)
        if all(len(found & other) < _DISTINCT * len(found | other) for other in known):
            chosen.append(text)
            known.append(found)
            if len(chosen) == number:
                return chosen
    raise AssertionError(f"the standard library documents itself in {len(chosen)} texts only")


def foreign() -> dict[str, Text]:
    """spaCy's example sentences by language, as one paragraph without a title."""
    sentences = {code: import_module(f"spacy.lang.{code}.examples").sentences for code in LANGUAGES}
    return {code: Text("", " ".join(" ".join(all_).split())) for code, all_ in sentences.items()}


def _docstrings() -> Iterator[Text]:
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        module = path.relative_to(library).with_suffix("")
        if _ELSEWHERE.intersection(module.parts) or len(module.parts) > 2:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                body = _tidy(ast.get_docstring(node) or "")
                if len(body.split()) in _WORDS and body.isascii():
                    name = ".".join((*module.parts, *filter(None, [getattr(node, "name", "")])))
                    yield Text(f"About {name}", body)


def _tidy(text: str) -> str:
    """Blanks as cleaning leaves them, so that it has nothing to change."""
    lines = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    return re.sub("\n{3,}", "\n\n", lines)
