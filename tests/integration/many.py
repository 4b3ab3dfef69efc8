"""5,000 small documents in many files, with duplicates and broken records, quickly made."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.integration.texts import english

DOCUMENTS = 5_000
FAILED = 20
_FILES = 25
_ALONE = 500
_EXACT_EVERY = 20
_NEAR_EVERY = 17


def write_many(root: Path, documents: int = DOCUMENTS) -> Path:
    """Write the folder: files of records, and small files of one document each.

    Every 20th document is an exact duplicate of an earlier one, every 17th a near one. At the end
    of the first files, ``FAILED`` lines in all are no records.
    """
    chance = random.Random(5)
    words = sorted({word for text in english(60) for word in text.body.split() if word.isalpha()})
    texts: list[str] = []
    for number in range(documents):
        if texts and number % _EXACT_EVERY == 0:
            texts.append(chance.choice(texts))
        elif texts and number % _NEAR_EVERY == 0:
            text = chance.choice(texts).split()
            texts.append(" ".join([*text[:-1], "changed"]))
        else:
            texts.append(" ".join(chance.choices(words, k=chance.randint(80, 200))))
    chance.shuffle(texts)
    alone, rest = texts[:_ALONE], texts[_ALONE:]
    (root / "alone").mkdir(parents=True)
    for number, text in enumerate(alone):
        (root / "alone" / f"{number:04d}.txt").write_text(text)
    for number in range(_FILES):
        lines = [json.dumps({"id": str(n), "text": t}) for n, t in enumerate(rest[number::_FILES])]
        lines += ["{broken"] * (number < FAILED)
        (root / f"records-{number:02d}.jsonl").write_text("\n".join(lines) + "\n")
    return root
