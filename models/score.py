"""Score the fallback entity models: ``python models/score.py --data DIR``.

Prints, for each test set, precision, recall and F of exact spans over PER, ORG and LOC together,
of the names as docsluice gives them: each sentence of running text as a document of its own, cut
by its tokenisers, the names trimmed. What these get wrong counts as wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from corpus import TEST, Span, Text, read
from spacy.language import Language

from transforms.entities import recognise
from transforms.entity_models import EntityConfig, EntityModels
from transforms.model_packages import our_code


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
    args = parser.parse_args()
    models = EntityModels(EntityConfig(use_installed=False))
    print("| test set | model | sentences | names | precision | recall | F |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in TEST:
        texts = list(read(args.data, name))
        language = our_code(texts[0].language)
        recognised = recognise([(text.text, language) for text in texts], models)
        found = [{(e.start, e.end, e.label) for e in one.entities} for one in recognised]
        right, predicted, annotated = counts(texts, found)
        print(
            f"| {name} | {recognised[0].model.split()[0].removeprefix('docsluice_')} "
            f"| {len(texts):,} | {annotated:,} "
            f"| {right / max(predicted, 1):.3f} | {right / max(annotated, 1):.3f} "
            f"| **{f_score(texts, found):.3f}** |",
            flush=True,
        )


if __name__ == "__main__":
    main()
