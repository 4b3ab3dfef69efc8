"""Score an entity model: ``python models/score.py --data DIR models/fallback``.

Prints, for each test set, precision, recall and F of exact spans over PER, ORG and LOC together.
The running text is cut by docsluice's tokenisers, so what they get wrong counts as wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import spacy
from corpus import TEST, Span, Text, read
from spacy.language import Language

from transforms.entity_models import in_language


def spans_found(
    texts: Sequence[Text], ner: Any, pipeline: Callable[[str], Language]
) -> list[set[Span]]:
    """Find the names in each text: sets of (start, end, label), characters.

    ``pipeline`` gives the tokeniser of a language, whose vocabulary must know the labels.
    """
    docs = (pipeline(text.language).make_doc(text.text) for text in texts)
    return [{(e.start_char, e.end_char, e.label_) for e in doc.ents} for doc in ner.pipe(docs)]


def counts(texts: Sequence[Text], found: Sequence[set[Span]]) -> tuple[int, int, int]:
    """Count names that are right, found, and annotated."""
    right = sum(len(f.intersection(t.spans)) for t, f in zip(texts, found, strict=True))
    return right, sum(map(len, found)), sum(len(t.spans) for t in texts)


def f_score(texts: Sequence[Text], found: Sequence[set[Span]]) -> float:
    """Harmonic mean of precision and recall of exact spans, all labels together."""
    right, predicted, annotated = counts(texts, found)
    return 2 * right / max(predicted + annotated, 1)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    nlp = spacy.load(args.model)
    ner = nlp.get_pipe("ner")
    pipeline = cache(partial(in_language, fallback=nlp))
    print("| test set | sentences | names | precision | recall | F |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in TEST:
        texts = list(read(args.data, name))
        found = spans_found(texts, ner, pipeline)
        right, predicted, annotated = counts(texts, found)
        print(
            f"| {name} | {len(texts):,} | {annotated:,} "
            f"| {right / max(predicted, 1):.3f} | {right / max(annotated, 1):.3f} "
            f"| **{f_score(texts, found):.3f}** |"
        )


if __name__ == "__main__":
    main()
