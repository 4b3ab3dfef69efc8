"""What a cache keeps of the entities of a document: where they are and their labels.

The rest follows from the document, which is at hand when its entries are looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson

from transforms.cache import key_of
from transforms.document import ENTITY_LABELS, Document, Entity
from transforms.identity import of_code, of_package

MODULES = (
    "transforms.entities",
    "transforms.names",
    "transforms.agreement",
    "transforms.load_model",
    "transforms.word_forms",
    "transforms.entity_models",
    "transforms.entity_cache",
    "transforms.document",
)
"""The code that makes entities of what a model says, and values of them."""


def entity_key(document: Document, model: str) -> bytes:
    """Key of all that the entities of a document depend on.

    ``model`` is the identity of the model of its language
    (``transforms.entity_models.EntityModels.chosen``).
    """
    passes = of_code(*MODULES)
    spacy = of_package("spacy")
    return key_of(
        "entities", passes, spacy, model, document.language, document.title, document.text
    )


def encode(document: Document) -> bytes:
    """The entities of a document as a JSON list of two lists, of the title and of the text.

    Three numbers stand for an entity: the characters between the end of the one before and its
    start, its length, and the place of its label among ``ENTITY_LABELS``.
    """
    found = (document.title_entities, document.entities)
    return orjson.dumps([list(_numbers(entities)) for entities in found])


def decode(value: bytes, document: Document, title: str) -> Document | None:
    """The document with the entities of a value, or None if the value is damaged.

    ``title`` is name and version of the model that found them.
    """
    try:
        of_title, of_text = orjson.loads(value)
        return replace(
            document,
            title_entities=tuple(_entities(document.title, of_title)),
            entities=tuple(_entities(document.text, of_text)),
            metadata={**document.metadata, "entity_model": title},
        )
    except (ValueError, TypeError, IndexError):
        return None


def _numbers(entities: Sequence[Entity]) -> Iterator[int]:
    end = 0
    for entity in entities:
        yield from (entity.start - end, len(entity.text), ENTITY_LABELS.index(entity.label))
        end = entity.end


def _entities(text: str, numbers: Sequence[int]) -> Iterator[Entity]:
    end = 0
    for gap, length, label in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
        start, end = end + gap, end + gap + length
        yield Entity(text[start:end], ENTITY_LABELS[label], start, end)
