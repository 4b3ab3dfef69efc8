"""Which spaCy model finds the names in which language, and how it is loaded.

For each language the first of these that there is: the model configured for it, an installed spaCy
model of the language, the fallback that ships with docsluice unless it cannot read the script.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transforms.document import UNDETERMINED
from transforms.resources import resource

if TYPE_CHECKING:
    from spacy.language import Language  # imported where it is used: a run may need no entities
    from spacy.tokens import Doc

FALLBACK = "models/fallback"
NEW_WORDS = 50_000
"""Strings that a vocabulary learns before it forgets them: some 20 MB, or 3 MB of text."""
UNKNOWN_TO_FALLBACK = frozenset({"ar", "el", "fa", "he", "hi", "ja", "ko", "th"})
"""Languages in scripts that the fallback has never seen: it finds nothing there."""

_ANY_LANGUAGE = "xx"
"""spaCy's name for its tokeniser that knows no particular language."""
_SPACY_LANGUAGES = {"no": ("nb", "nn"), UNDETERMINED: (_ANY_LANGUAGE,)}
"""Where spaCy's language codes are not ours."""
_SIZES = ("lg", "md", "sm")
_RESTRICTED = re.compile(
    r"\bA?GPL|(?<!Lesser )General Public Licen[cs]e|\bNC\b|non-?\s?commercial", re.IGNORECASE
)
_PARSING = (
    "tagger",
    "parser",
    "senter",
    "sentencizer",
    "morphologizer",
    "attribute_ruler",
    "lemmatizer",
    "trainable_lemmatizer",
    "textcat",
    "textcat_multilabel",
)
"""spaCy's usual names of the components that do nothing for entities."""


class ModelNotInstalled(ValueError):  # noqa: N818 - the condition, not a kind of error
    """A configured model is not there; the message holds the command that installs it."""


@dataclass(frozen=True, slots=True)
class EntityConfig:
    """Which models to use.

    ``models`` maps a language (ISO 639-1, or ``und``) to the name of a spaCy package or the path of
    a model, or to an empty string: no entities in that language. ``use_installed`` lets docsluice
    take installed models that are not named there.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    use_installed: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """What finds the names in one language: ``name`` is a package, or the path of a model."""

    origin: Literal["configured", "installed", "fallback"]
    name: str


class Model:
    """A loaded model; ``name`` and version are what ``metadata["entity_model"]`` says."""

    def __init__(self, name: str, nlp: Language) -> None:
        self.name = name
        self.nlp = nlp
        self._own_words = len(nlp.vocab.strings)
        self._zone = ExitStack()

    def pipe(self, texts: Sequence[str], batch_size: int) -> Iterator[Doc]:
        """Yield the texts with their entities; from the next call on these are void.

        The vocabulary would grow with the corpus, so it forgets what it learnt: not after each
        call, as it would have to look at the commonest words anew each time, but now and then.
        """
        if len(self.nlp.vocab.strings) - self._own_words > NEW_WORDS:
            self._zone.close()
        if not self.nlp.vocab.in_memory_zone:
            self._zone.enter_context(self.nlp.memory_zone())
        yield from self.nlp.pipe(texts, batch_size=batch_size)


def check_models(config: EntityConfig) -> None:
    """Raise ``ModelNotInstalled`` if a configured model is not there. Loads none."""
    for language, name in sorted(config.models.items()):
        if not name or _is_installed(name) or (Path(name) / "meta.json").is_file():
            continue
        what = f"the entity model {name!r}, configured for {language!r},"
        if len(Path(name).parts) > 1:
            raise ModelNotInstalled(f"{what} is no folder with a spaCy model")
        raise ModelNotInstalled(f"{what} is not installed: python -m spacy download {name}")


def choose(language: str, config: EntityConfig) -> Choice | None:
    """Choose the model for ``language``; None where there is none that knows it, or none is wanted.

    Of several installed ones the largest is taken (lg, md, sm, then others by name): never one
    under the GPL or for non-commercial use only, unless it is configured.
    """
    if (name := config.models.get(language)) is not None:
        return Choice("configured", name) if name else None
    if config.use_installed and (name := _installed().get(language)):
        return Choice("installed", name)
    if language in UNKNOWN_TO_FALLBACK:
        return None
    try:
        return Choice("fallback", str(resource(FALLBACK)))
    except FileNotFoundError:
        return None


class EntityModels:
    """The models of one process: each is loaded when its language is first met, and once.

    ``lock`` is to be held while a model works: spaCy's vocabulary is not made for threads.
    """

    def __init__(self, config: EntityConfig | None = None) -> None:
        self._config = config or EntityConfig()
        self._loaded: dict[str, Model | None] = {}
        self._fallback: Language | None = None
        self.lock = threading.RLock()

    def get(self, language: str) -> Model | None:
        """Return the model for ``language``, or None where there is none.

        Raises ``ModelNotInstalled`` for a configured one that is not there.
        """
        with self.lock:
            if language not in self._loaded:
                self._loaded[language] = self._load(language)
            return self._loaded[language]

    def model_name(self, language: str) -> str:
        """Return name and version of the model for ``language``, or an empty string."""
        model = self.get(language)
        return model.name if model else ""

    def _load(self, language: str) -> Model | None:
        choice = choose(language, self._config)
        if choice is None:
            return None
        if choice.origin == "fallback":
            return self._load_fallback(language, choice.name)
        check_models(self._config)
        import spacy

        nlp = spacy.load(choice.name, exclude=_PARSING)
        for name in ("tok2vec", "transformer"):
            # Shared layers that only the components left out have listened to.
            if name in nlp.pipe_names and not getattr(
                nlp.get_pipe(name), "listening_components", True
            ):
                nlp.remove_pipe(name)
        return Model(_title(nlp), nlp)

    def _load_fallback(self, language: str, path: str) -> Model:
        if self._fallback is None:
            import spacy

            self._fallback = spacy.load(path)
        name = f"{self._fallback.meta['name']} {self._fallback.meta['version']}"
        return Model(name, in_language(language, self._fallback))


def entity_models(config: EntityConfig) -> EntityModels:
    """Return the models that all of this process share; forked processes inherit them."""
    return _entity_models(tuple(sorted(config.models.items())), config.use_installed)


@cache
def _entity_models(models: tuple[tuple[str, str], ...], use_installed: bool) -> EntityModels:
    return EntityModels(EntityConfig(dict(models), use_installed))


def tokeniser(language: str) -> Language:
    """Make an empty pipeline that cuts words as ``language`` does.

    A language that spaCy does not know, or whose tokeniser needs a package that is not installed
    (Japanese, Korean, Thai, Vietnamese), is cut at blanks and punctuation. Chinese is cut into
    characters.
    """
    import spacy

    try:
        return spacy.blank(_SPACY_LANGUAGES.get(language, (language,))[0])
    except ImportError:
        return spacy.blank(_ANY_LANGUAGE)


def in_language(language: str, fallback: Language) -> Language:
    """Make a pipeline that cuts words as ``language`` does and finds names as ``fallback`` does.

    All such pipelines share the one component, and so its weights.
    """
    nlp = tokeniser(language)
    nlp.add_pipe("ner", source=fallback)
    return nlp


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _title(nlp: Language) -> str:
    return f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}"


@dataclass(frozen=True, slots=True)
class _Package:
    name: str
    language: str
    licence: str
    finds_names: bool

    @property
    def rank(self) -> tuple[int, str]:
        size = self.name.rpartition("_")[2]
        return (_SIZES.index(size) if size in _SIZES else len(_SIZES), self.name)


@cache
def _installed() -> dict[str, str]:
    """Find the best installed model of each language, by reading their metadata alone."""
    names = {point.name for point in entry_points(group="spacy_models")}
    best: dict[str, str] = {}
    for package in sorted((p for name in names for p in _packages(name)), key=lambda p: p.rank):
        if package.finds_names and not _RESTRICTED.search(package.licence):
            best.setdefault(package.language, package.name)
    for ours, theirs in _SPACY_LANGUAGES.items():
        if name := next((best[code] for code in theirs if code in best), ""):
            best[ours] = name
    return best


def _packages(name: str) -> Iterator[_Package]:
    """Read a model package's metadata without importing it."""
    spec = find_spec(name)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (path := Path(folder) / "meta.json").is_file():
            meta = json.loads(path.read_text("utf-8"))
            yield _Package(
                name, meta["lang"], meta.get("license", ""), "ner" in meta.get("pipeline", ())
            )
