"""How often a document names whom and what: the counts that an index keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from transforms.document import ENTITY_LABELS

Mentions = dict[str, dict[str, int]]
"""Label -> name -> number of its mentions; the most mentioned name first."""


def count_mentions(*found: Iterable[Mapping[str, Any]]) -> Mentions:
    """Count the names of a document over its lists of entities, title first, by label.

    The entities are those of ``transforms.document.SCHEMA``. Names that differ in their blanks
    alone are one. A label without a name is left out. Of names mentioned equally often the one that
    came first is first.

    >>> count_mentions([{"text": "Macron", "label": "PER"}], [{"text": "Macron", "label": "PER"}])
    {'PER': {'Macron': 2}}
    """
    counts: dict[str, Counter[str]] = {label: Counter() for label in ENTITY_LABELS}
    for entity in chain(*found):
        if entity["label"] in counts:
            counts[entity["label"]][" ".join(entity["text"].split())] += 1
    return {label: dict(names.most_common()) for label, names in counts.items() if names}
