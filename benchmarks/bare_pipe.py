"""Names in the texts of a store by spaCy alone: what ``benchmarks.end_to_end`` compares with.

``python -m benchmarks.bare_pipe STORE PROCESSES``. The texts are those that docsluice published, in
the languages that it found, with the same model and tokenisers. They are dealt out so that each
process has about as many characters of each language; models are loaded once, before the processes
fork. Prints the number of names.
"""

from __future__ import annotations

import multiprocessing
import sys
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from transforms.entity_models import EntityModels

BATCH = 32

Text = tuple[str, int, str]
"""Language, number of characters, text."""


def main(store: str, processes: int) -> None:
    texts = published(Path(store))
    models = EntityModels()
    for language in {language for language, _, _ in texts}:
        models.get(language)
    fork = multiprocessing.get_context("fork")
    counts = fork.SimpleQueue()
    workers = [
        fork.Process(
            target=lambda share: counts.put(names(share, models)), args=(texts[i::processes],)
        )
        for i in range(processes)
    ]
    for worker in workers:
        worker.start()
    print(sum(counts.get() for _ in workers))


def published(store: Path) -> list[Text]:
    """Return the texts of a store by language and length: every nth of them is a fair sample."""
    texts: list[Text] = []
    for path in store.glob("documents/*/*.parquet"):
        table = pq.ParquetFile(path).read(columns=["language", "text"])
        texts += [(r["language"], len(r["text"]), r["text"]) for r in table.to_pylist()]
    return sorted(texts)


def names(texts: list[Text], models: EntityModels) -> int:
    """Count the names in texts, which are in the order of their languages."""
    count = 0
    for language, group in groupby(texts, key=lambda text: text[0]):
        if model := models.get(language):
            docs = model.nlp.pipe((text for _, _, text in group), batch_size=BATCH)
            count += sum(len(doc.ents) for doc in docs)
    return count


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
