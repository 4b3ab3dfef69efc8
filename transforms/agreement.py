"""The mentions of one document agree: what a model saw in one place helps in the others.

A model judges each mention by the few words around it, and so contradicts itself within a text,
where a name nearly always means one thing ("one sense per discourse": Gale, Church and Yarowsky,
1992; for names Krishnan and Manning, 2006). The model card has what each rule is worth.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from transforms.document import Entity
from transforms.names import MAX_CHARACTERS

Passage = tuple[str, Sequence[Entity]]
"""A text and its entities, sorted by offset and apart."""

MAJORITY = 2 / 3
"""Share of the mentions that decides on the rest."""

_WORD = re.compile(r"\w+")
_BETWEEN = " \t\n\r\xa0\"'“”„«»‘’(–—-"
"""What may stand between the end of a sentence and the first word of the next."""
_BEFORE_SENTENCE = 8
"""Characters that are looked at to tell whether a sentence begins."""
_GLUED_BEFORE = frozenset("-./@#")
_GLUED_AFTER = re.compile(r"[\w/-]|\.\w")
_NEXT_WORD = re.compile(r"[ -](\w)")

_Found = list[list[Entity]]
_Votes = Mapping[str, Counter[str]]


def agree(passages: Sequence[Passage]) -> list[tuple[Entity, ...]]:
    """Return the entities of each passage (title, text) of one document, in agreement.

    - A word is no name if it also stands in the text in lower case and has a capital where a
      sentence begins, and there alone.
    - A name that ends the longer name of a person is that person's: Macron, if there is an Emmanuel
      Macron, unless more of its mentions are of another label.
    - A name of two labels, one of them PER, takes the label of two thirds of its mentions. LOC and
      ORG are left alone: a place does share its name with its government, its team or its paper.
    - A name found twice or more, always with one label, is added where it was missed: as a whole
      word, in the same letters, beside no other capitalised word. Not if more than a third of its
      mentions would be such additions, nor if it also stands in the text in lower case.

    It takes time in proportion to the length of the texts.
    """
    found = _without_common_words(passages)
    found = _relabelled(found, _person_by_last_name(found))
    found = _relabelled(found, _label_of_most(found))
    return _completed([text for text, _ in passages], found)


def _without_common_words(passages: Sequence[Passage]) -> _Found:
    begins: Counter[str] = Counter()
    other: set[str] = set()
    for text, entities in passages:
        for entity in entities:
            word = entity.text
            is_word = word.isalpha() and word.istitle()
            if is_word and _begins_sentence(text, entity.start):
                begins[word] += 1
            else:
                other.add(word)
    common = _in_lower_case([text for text, _ in passages], begins) if begins else set()
    common -= other
    return [[e for e in entities if e.text not in common] for _, entities in passages]


def _begins_sentence(text: str, start: int) -> bool:
    window = text[max(start - _BEFORE_SENTENCE, 0) : start]
    before = window.rstrip(_BETWEEN)
    return not before or before[-1] in ".!?:…" or "\n" in window[len(before) :]


def _form(entity: Entity) -> str:
    return " ".join(entity.text.split())


def _votes(found: _Found, form: Callable[[Entity], str]) -> _Votes:
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entities in found:
        for entity in entities:
            votes[form(entity)][entity.label] += 1
    return votes


def _relabelled(found: _Found, label: Callable[[Entity], str]) -> _Found:
    return [
        [e if (new := label(e)) == e.label else replace(e, label=new) for e in entities]
        for entities in found
    ]


def _person_by_last_name(found: _Found) -> Callable[[Entity], str]:
    votes = _votes(found, _form)
    last_names: Counter[str] = Counter()
    for name, labels in votes.items():
        words = name.split()
        for first in range(1, len(words)):
            last_names[" ".join(words[first:])] += labels["PER"]

    def label(entity: Entity) -> str:
        name = _form(entity)
        for_person = votes[name]["PER"] + last_names[name]
        is_person = last_names[name] and for_person >= votes[name][entity.label]
        return "PER" if is_person else entity.label

    return label


def _label_of_most(found: _Found) -> Callable[[Entity], str]:
    votes = _votes(found, _form)

    def label(entity: Entity) -> str:
        labels = votes[_form(entity)]
        ((most, number),) = labels.most_common(1)
        is_clear = number >= max(2, MAJORITY * labels.total())
        return most if is_clear and "PER" in (most, entity.label) else entity.label

    return label


def _completed(texts: Sequence[str], found: _Found) -> list[tuple[Entity, ...]]:
    """Add the mentions that were missed."""
    labels: dict[str, str] = {}
    times: dict[str, int] = {}
    for name, votes in _votes(found, lambda entity: entity.text).items():
        is_word = len(name) > 1 and name[0].isalnum() and name[-1].isalnum()
        if is_word and len(votes) == 1 and votes.total() > 1 and any(map(str.isupper, name)):
            ((labels[name], times[name]),) = votes.items()
    if not labels:
        return [tuple(entities) for entities in found]
    missed = [list(_missed(*passage, labels)) for passage in zip(texts, found, strict=True)]
    additions = Counter(entity.text for entities in missed for entity in entities)
    common = _in_lower_case(texts, additions)
    taken = {
        name
        for name, number in additions.items()
        if name not in common and times[name] >= MAJORITY * (times[name] + number)
    }
    return [
        tuple(
            sorted(
                [*entities, *(entity for entity in more if entity.text in taken)],
                key=lambda entity: entity.start,
            )
        )
        for entities, more in zip(found, missed, strict=True)
    ]


def _missed(text: str, entities: Sequence[Entity], labels: Mapping[str, str]) -> Iterator[Entity]:
    """Where ``text`` has a name of ``labels``, standing alone, outside ``entities``."""
    first_words = {word[0] for name in labels if (word := _WORD.match(name))}
    following = iter(entities)
    entity = next(following, None)
    before = 0  # end of the word before
    is_before_capital = False
    done = 0  # end of what was yielded
    for word in _WORD.finditer(text):
        start = word.start()
        while entity and entity.end <= start:
            entity = next(following, None)
        is_free = start >= done and not (entity and entity.start <= start)
        if is_free and word[0] in first_words:
            is_alone = not (is_before_capital and text[before:start] in (" ", "-"))
            if is_alone and text[start - 1 : start] not in _GLUED_BEFORE:
                end = _end(text, start, labels)
                if end and not (entity and entity.start < end):
                    name = text[start:end]
                    yield Entity(name, labels[name], start, end)
                    done = end
        before, is_before_capital = word.end(), word[0][0].isupper()


def _end(text: str, start: int, labels: Mapping[str, str]) -> int:
    """Where the longest name of ``labels`` that begins at ``start`` ends; 0 if there is none."""
    ends = [word.end() for word in _WORD.finditer(text, start, start + MAX_CHARACTERS)]
    for end in reversed(ends):
        if text[start:end] in labels and not _GLUED_AFTER.match(text, end):
            beside = _NEXT_WORD.match(text, end)
            return 0 if beside and beside[1].isupper() else end
    return 0


def _in_lower_case(texts: Sequence[str], names: Counter[str]) -> set[str]:
    """Which of the names also stand in the texts as words in lower case."""
    lower = {name.lower(): name for name in names}
    return {lower[word[0]] for text in texts for word in _WORD.finditer(text) if word[0] in lower}
