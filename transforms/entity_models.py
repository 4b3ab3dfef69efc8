"""Which spaCy model finds the names in which language.

For each language the first of these that there is: the model configured for it, an installed spaCy
model of the language, the fallback that ships with docsluice unless it cannot read the script.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from transforms.document import UNDETERMINED
from transforms.identity import of_folder
from transforms.load_model import give_vectors, load
from transforms.model_packages import (
    catalogue,
    how_to_install,
    installed,
    is_installed,
    is_restricted,
    read_meta,
)

if TYPE_CHECKING:
    from spacy.language import Language  # imported where it is used: a run may need no entities
    from spacy.tokens import Doc

NEW_WORDS = 50_000
"""Strings that a vocabulary learns before it forgets them: some 20 MB, or 3 MB of text."""

_ANY_LANGUAGE = "xx"
"""spaCy's name for its tokeniser that knows no particular language."""
_TOKENISERS = {"no": "nb", UNDETERMINED: _ANY_LANGUAGE}
"""spaCy's tokenisers where its language codes are not ours."""


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
        if name and not read_meta(name):
            what = f"the entity model {name!r}, configured for {language!r},"
            raise ModelNotInstalled(f"{what} {how_to_install(name)}")


def choose(language: str, config: EntityConfig) -> Choice | None:
    """Choose the model for ``language``; None where there is none that knows it, or none is wanted.

    Of several installed ones the largest is taken (lg, md, sm, then others by name): never one
    under the GPL or for non-commercial use only, unless it is configured.
    """
    if (name := config.models.get(language)) is not None:
        return Choice("configured", name) if name else None
    if config.use_installed:
        for model in installed():
            if (
                model.language == language
                and model.finds_names
                and not is_restricted(model.licence)
            ):
                return Choice("installed", model.name)
    path = catalogue().fallback_path(language)
    return Choice("fallback", str(path)) if path else None


def title(choice: Choice) -> str:
    """Return name and version of a model as ``metadata["entity_model"]`` says them. Loads none.

    The title of a model that is not there is an empty string.
    """
    if not (meta := read_meta(choice.name)):
        return ""
    language = "" if choice.origin == "fallback" else f"{meta['lang']}_"
    return f"{language}{meta['name']} {meta['version']}"


def identity(choice: Choice) -> str:
    """Return what tells a model from all others: its title and, of a folder, what is in it.

    The version of a package is trusted; a folder may be trained anew under the same version.
    """
    content = "" if is_installed(choice.name) else of_folder(choice.name)
    return f"{title(choice)} {content}"


def model_titles(config: EntityConfig) -> dict[str, str]:
    """Return name and version of the model of each language that has one. Loads none.

    The languages are those that a document can have. Raises ``ModelNotInstalled`` for a configured
    model that is not there.
    """
    from transforms.language import LANGUAGES

    check_models(config)
    choices = {language: choose(language, config) for language in (*LANGUAGES, UNDETERMINED)}
    return {language: title(choice) for language, choice in choices.items() if choice}


class EntityModels:
    """The models of one process: each is loaded when its language is first met, and once.

    ``lock`` is to be held while a model works: spaCy's vocabulary is not made for threads.
    """

    def __init__(self, config: EntityConfig | None = None) -> None:
        self._config = config or EntityConfig()
        self._loaded: dict[str, Model | None] = {}
        self._chosen: dict[str, tuple[str, str]] = {}
        self._fallbacks: dict[str, Language] = {}
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

    def chosen(self, language: str) -> tuple[str, str]:
        """Return title and identity of the model for ``language``, or two empty strings.

        Loads none. Raises ``ModelNotInstalled`` for a configured one that is not there.
        """
        if language not in self._chosen:
            check_models(self._config)
            choice = choose(language, self._config)
            self._chosen[language] = (title(choice), identity(choice)) if choice else ("", "")
        return self._chosen[language]

    def _load(self, language: str) -> Model | None:
        choice = choose(language, self._config)
        if choice is None:
            return None
        if choice.origin == "fallback":
            if choice.name not in self._fallbacks:
                self._fallbacks[choice.name] = load(choice.name)
            return Model(title(choice), in_language(language, self._fallbacks[choice.name]))
        check_models(self._config)
        return Model(title(choice), load(choice.name))


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
        return spacy.blank(_TOKENISERS.get(language, language))
    except ImportError:
        return spacy.blank(_ANY_LANGUAGE)


def in_language(language: str, fallback: Language) -> Language:
    """Make a pipeline that cuts words as ``language`` does and finds names as ``fallback`` does.

    All such pipelines share the one component, with its weights, and the word vectors.
    """
    nlp = tokeniser(language)
    give_vectors(nlp, fallback.vocab.vectors)
    nlp.add_pipe("ner", source=fallback)
    return nlp
