"""The names in a text: people, organisations, places and others, with exact offsets."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import apache_beam as beam

from transforms.agreement import agree
from transforms.cache import Cache
from transforms.cached_step import CachedStep
from transforms.document import Batch, Document, Entity
from transforms.entity_cache import decode, encode, entity_key
from transforms.entity_models import EntityConfig, EntityModels, Model, entity_models
from transforms.gathered import Gathered
from transforms.names import apart, names_in
from transforms.run import Run

NO_ENTITY_MODEL = "no_entity_model"
"""Quality flag of a document in a language that no model knows."""
ENTITIES_FAILED = "entities_failed"
"""Quality flag of a document on which its model failed; it has no entities."""

LABELS = {
    **dict.fromkeys(("PER", "PERSON", "PRS", "PS", "persName"), "PER"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "OG", "orgName"), "ORG"),
    **dict.fromkeys(("LOC", "GPE", "FAC", "FACILITY", "GPE_LOC", "GPE_ORG", "LC"), "LOC"),
    **dict.fromkeys(("geogName", "placeName"), "LOC"),
    **dict.fromkeys(("MISC", "NORP", "NAT_REL_POL", "MOVEMENT", "LANGUAGE", "LAW"), "MISC"),
    **dict.fromkeys(("DRV", "DERIV_PER", "EVENT", "EVN", "EVT"), "MISC"),
    **dict.fromkeys(("PRODUCT", "PROD", "OBJ", "PET_NAME", "WORK_OF_ART", "WRK"), "MISC"),
}
"""The labels of spaCy's published models (``meta.json`` of version 3.8), as ours.

All others are left out, on purpose: dates, amounts, numbers and forms of address are no names, and
what a label of someone's own means cannot be guessed.
"""

CHUNK_CHARACTERS = 2_000
"""A longer text goes to the model in pieces: quicker than as one, and memory stays bounded."""
BATCH_CHUNKS = 32
LOT_CHUNKS = 256
"""Pieces after which a model may forget the words that it learnt."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*\s+|[。！？]|\n+")
_BLANK = re.compile(r"\s+")
# spaCy's tokeniser takes the square of the length of a run of punctuation, and of an endless word
# with some in it; its strings are UTF-8, which has no surrogates. None of these holds a name.
# (The class ends before Thai, where the scripts without blanks begin.)
_UNREADABLE = re.compile(r"[^\w\s]{40,}|[!-~\u00a1-\u0dff]{1000,}|[\0\ud800-\udfff]")

_logger = logging.getLogger(__name__)

_Chunk = tuple[int, int, str]
"""Number of the text, offset in it, and the piece."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """The names in one text, sorted by offset; ``model`` found them, or ``flag`` says why not."""

    entities: tuple[Entity, ...] = ()
    model: str = ""
    flag: str = ""


def recognise(texts: Sequence[tuple[str, str]], models: EntityModels) -> list[Recognition]:
    """Find the names in texts, given as (text, language), each with the model of its language.

    A text on which a model fails gets the flag ``entities_failed``, and the others their names.
    """
    results = [Recognition(flag=NO_ENTITY_MODEL)] * len(texts)
    by_language: defaultdict[str, list[int]] = defaultdict(list)
    for number, (_, language) in enumerate(texts):
        by_language[language].append(number)
    for language, numbers in by_language.items():
        if model := models.get(language):
            with models.lock:
                found = _find([texts[number][0] for number in numbers], language, model)
            for number, result in zip(numbers, found, strict=True):
                results[number] = result
    return results


def chunks(text: str, limit: int = CHUNK_CHARACTERS) -> Iterator[tuple[int, str]]:
    """Cut ``text`` into pieces of at most ``limit`` characters; yield each with its offset.

    A piece ends at the last sentence end in its second half, else at the last blank there, else
    (one endless word) at the limit. The pieces put together are the text.
    """
    start = 0
    while len(text) - start > limit:
        end = start + limit
        for boundary in (_SENTENCE_END, _BLANK):
            cuts = [m.end() for m in boundary.finditer(text, start + limit // 2, end)]
            if cuts:
                end = cuts[-1]
                break
        yield start, text[start:end]
        start = end
    if start < len(text) or not start:
        yield start, text[start:]


def annotate(documents: Sequence[Document], models: EntityModels) -> tuple[Document, ...]:
    """Return the documents with the entities of title and text, in agreement with each other.

    The metadata names the model, or a flag says why there is none. A text or title that several
    documents share is read once.
    """
    passages = list(
        dict.fromkeys((part, d.language) for d in documents for part in (d.title, d.text))
    )
    found = dict(zip(passages, recognise(passages, models), strict=True))
    return tuple(
        _annotated(d, found[d.title, d.language], found[d.text, d.language]) for d in documents
    )


def recall_or_annotate(
    documents: Sequence[Document], models: EntityModels, cache: Cache
) -> tuple[Document, ...]:
    """Return the documents as ``annotate`` does, those that the cache knows without a model.

    What the others have is added to it, unless their model failed: it may not fail again.
    """
    chosen = [models.chosen(document.language) for document in documents]
    keys = [
        entity_key(document, model) if model else None
        for document, (_, model) in zip(documents, chosen, strict=True)
    ]
    values = cache.get(key for key in keys if key)
    results = [
        decode(values[key], document, title) if key in values else None
        for document, (title, _), key in zip(documents, chosen, keys, strict=True)
    ]
    missing = [place for place, result in enumerate(results) if result is None]
    annotated = annotate([documents[place] for place in missing], models)
    new: dict[bytes, bytes] = {}
    for place, document in zip(missing, annotated, strict=True):
        results[place] = document
        if (key := keys[place]) and ENTITIES_FAILED not in document.quality:
            new[key] = encode(document)
    cache.put(new)
    return tuple(result for result in results if result)


def _annotated(document: Document, of_title: Recognition, of_text: Recognition) -> Document:
    flag = of_text.flag or of_title.flag
    if flag:
        if flag == ENTITIES_FAILED:
            _logger.warning("%s: its entities could not be found", document.source)
        of_title, of_text = replace(of_title, entities=()), replace(of_text, entities=())
    title_entities, entities = agree(
        [(document.title, of_title.entities), (document.text, of_text.entities)]
    )
    quality, metadata = document.quality, document.metadata
    if flag and flag not in quality:
        quality = (*quality, flag)
    if of_text.model:
        metadata = {**metadata, "entity_model": of_text.model}
    return replace(
        document,
        entities=entities,
        title_entities=title_entities,
        quality=quality,
        metadata=metadata,
    )


def _find(texts: Sequence[str], language: str, model: Model) -> list[Recognition]:
    try:
        found = _entities(texts, language, model)
    except Exception:
        if len(texts) > 1:
            return [result for text in texts for result in _find([text], language, model)]
        _logger.warning("%s failed", model.name, exc_info=True)
        return [Recognition(model=model.name, flag=ENTITIES_FAILED)]
    return [Recognition(apart(entities), model.name) for entities in found]


def _entities(texts: Sequence[str], language: str, model: Model) -> list[list[Entity]]:
    found: list[list[Entity]] = [[] for _ in texts]
    pieces = _pieces(texts)
    while lot := list(islice(pieces, LOT_CHUNKS)):
        docs = model.pipe([piece for _, _, piece in lot], BATCH_CHUNKS)
        for (number, offset, _), doc in zip(lot, docs, strict=True):
            for span in doc.ents:
                if label := LABELS.get(span.label_):
                    start, end = offset + span.start_char, offset + span.end_char
                    found[number].extend(names_in(texts[number], start, end, label, language))
    return found


def _pieces(texts: Sequence[str]) -> Iterator[_Chunk]:
    """The chunks of all texts that can hold a name."""
    for number, text in enumerate(texts):
        for offset, piece in chunks(_UNREADABLE.sub(_blanks, text)):
            if any(map(str.isalpha, piece)):
                yield number, offset, piece


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


class RecogniseEntities(beam.PTransform):
    """Give every document of each ``Batch`` its entities; no document is dropped.

    Args:
        config: which models to use. Call ``check_models`` on it before the pipeline starts.
        cache: path of a file that ``transforms.cache.prepare`` made, to be asked before a model.
        failures: as of :class:`transforms.cached_step.CachedStep`.
        gather: documents that are read at once, where batches are smaller; 0: batch by batch.
    """

    def __init__(
        self,
        config: EntityConfig | None = None,
        cache: str | None = None,
        failures: Run | None = None,
        gather: int = 0,
    ) -> None:
        super().__init__()
        self._config = config or EntityConfig()
        self._cache = cache
        self._failures = failures
        self._gather = gather

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[Batch]:
        """Wire the step."""
        step = _RecogniseEntities(self._config, self._cache, self._failures)
        return batches | "Recognise" >> beam.ParDo(
            Gathered(step, self._gather) if self._gather else step
        )


class _RecogniseEntities(CachedStep):
    def __init__(self, config: EntityConfig, cache: str | None, failures: Run | None) -> None:
        super().__init__("entities", cache, failures)
        self._config = config

    def setup(self) -> None:
        super().setup()
        self._models = entity_models(self._config)

    def enrich(self, documents: tuple[Document, ...]) -> tuple[Document, ...]:
        if self.cache:
            return recall_or_annotate(documents, self._models, self.cache)
        return annotate(documents, self._models)
