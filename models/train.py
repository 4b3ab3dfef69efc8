"""Train a fallback entity model: ``train.py GROUP --data … --translated … --vectors … --out …``.

There is one model for each group of languages: a transition-based parser (spaCy's ``ner``) over
word vectors, hashed features of words and a window CNN (Honnibal and Montani's ``Tok2Vec``). The
weights kept are Adam's running averages at the step that did best on the selection sets. On one
machine the same seed and number of steps give the same model; ``--minutes`` stops by the clock.
"""

from __future__ import annotations

import argparse
import shutil
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import spacy
from corpus import GROUPS, HELD_OUT, LABELS, SELECTION, Sentence, read
from network import network
from numpy.typing import NDArray
from sampler import learnt_from, sampler
from score import f_score, spans_found
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from spacy.vectors import Vectors
from thinc.api import Adam, NumpyOps, set_current_ops
from vectors import BY
from vectors import read as read_vectors

from transforms.entity_models import tokeniser
from transforms.load_model import ROWS, WORDS, give_vectors, looked_up_by

VERSION = "0.4.0"
WORDS_PER_STEP = 1000
STEPS = {"english": 4_000, "germanic": 6_000, "romance": 7_000, "east": 7_500}
DROPOUT = {"english": 0.25, "germanic": 0.25, "romance": 0.25, "east": 0.25}
LEARN_RATE = 0.001
BITS = 12
"""Significant bits of a weight."""
EVALUATE_EVERY = 1500
SELECTION_SENTENCES = 400
"""Of each selection set."""


def train(
    group: str,
    texts: Iterator[Sentence],
    data: Path,
    vectors: Path,
    out: Path,
    steps: int,
    seconds: float,
    seed: int,
    init: Path | None = None,
) -> None:
    """Train for ``steps`` steps or ``seconds``, whichever ends first; keep the best in ``out``.

    With ``init``, a model goes on learning: a warm restart, at the full rate (Loshchilov and
    Hutter, "SGDR", ICLR 2017).
    """
    fix_random_seed(seed)
    table = looked_up_by(BY[group], read_vectors(vectors / group))
    pipeline = cache(lambda language: _with(table, tokeniser(language)))
    selection = [list(read(data, name))[:SELECTION_SENTENCES] for name in SELECTION[group]]
    held_out = [name for name in GROUPS[group] if name in HELD_OUT]
    selection += [list(read(data, name))[learnt_from(name) :] for name in held_out]
    nlp = _with(table, spacy.load(init)) if init else _new(group, table)
    earlier = nlp.meta["description"].rpartition("; ")[2] if init else ""
    ner = nlp.get_pipe("ner")
    optimizer = Adam(LEARN_RATE, L2=0.01, grad_clip=1.0, use_averages=True)
    start = time.monotonic()
    best, loss, seen = -1.0, 0.0, 0
    for step in range(1, steps + 1):
        elapsed = time.monotonic() - start
        done = max(step / steps, elapsed / seconds)
        optimizer.learn_rate = LEARN_RATE * min(step / 250, 1.0) * max(1.0 - done, 0.05)
        examples, words = [], 0
        while words < WORDS_PER_STEP:
            text = next(texts)
            words += len(text.words)
            examples.append(_example(text, pipeline(text.language)))
        losses = ner.update(examples, drop=DROPOUT[group], sgd=optimizer)
        loss += losses["ner"]
        seen += words
        last = step == steps or elapsed > seconds
        if step % EVALUATE_EVERY == 0 or last:
            with ner.model.use_params(optimizer.averages):
                scores = [f_score(part, spans_found(part, ner, pipeline)) for part in selection]
                mean = sum(scores) / len(scores)
                if mean > best:
                    best = mean
                    learnt = f"step {step}, seed {seed}"
                    if earlier:
                        learnt = f"{earlier}, then {learnt}"
                    _save(nlp, group, out, vectors / group, learnt)
            print(
                f"step {step} {elapsed / 60:.1f} min {seen:,} words loss {loss / seen:.4f} "
                f"F {mean:.4f} [{' '.join(f'{s:.3f}' for s in scores)}]",
                flush=True,
            )
            loss, seen = 0.0, 0
        if last:
            break


def _with(table: Vectors, nlp: Language) -> Language:
    give_vectors(nlp, table)
    return nlp


def _new(group: str, table: Vectors) -> Language:
    nlp = _with(table, spacy.blank("xx"))
    ner = nlp.add_pipe("ner", config={"model": network(BY[group])})
    for label in LABELS:
        ner.add_label(label)
    nlp.initialize()
    return nlp


def _example(text: Sentence, nlp: Language) -> Example:
    words, spaces = list(text.words), list(text.spaces)
    iob = ["" if t == "-" else t.replace("U-", "B-").replace("L-", "I-") for t in text.tags]
    return Example(Doc(nlp.vocab, words, spaces), Doc(nlp.vocab, words, spaces, ents=iob))


def _save(nlp: Language, group: str, out: Path, vectors: Path, learnt: str) -> None:
    nlp.meta.update(
        name=f"docsluice_{group}",
        version=VERSION,
        description=f"Names of people, organisations and places; {learnt}",
        author="The docsluice authors",
        license="CC BY-SA 4.0",
        spacy_version=">=3.8.0,<3.9.0",
        vectors_by=BY[group],
    )
    nlp.to_disk(out)
    saved = spacy.load(out)
    for layer in saved.get_pipe("ner").model.walk():
        for name in layer.param_names:
            if layer.has_param(name):
                layer.set_param(name, rounded(layer.get_param(name), BITS))
    saved.to_disk(out)
    (out / "vocab" / "key2row").unlink()
    for name in (WORDS, ROWS):
        shutil.copy(vectors / name, out / "vocab" / name)


def rounded(weights: NDArray[np.float32], significant: int) -> NDArray[np.float32]:
    """Weights with few significant bits, which pack into less space."""
    dropped = np.uint32(24 - significant)
    bits = np.ascontiguousarray(weights).view(np.uint32)
    half = np.uint32(1) << (dropped - np.uint32(1))
    return ((bits + half) >> dropped << dropped).view(np.float32)


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    return name, float(share)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--translated", type=Path, required=True, help="what translate.py made")
    parser.add_argument("--vectors", type=Path, required=True, help="what vectors.py made")
    parser.add_argument(
        "--sources", type=Path, help="folder of the packages: begin sentences with frequent words"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--steps", type=int, help=f"instead of {STEPS}")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop by the clock")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="a model that shall learn on")
    parser.add_argument(
        "--share",
        type=_share,
        action="append",
        default=[],
        help="SET=SHARE, instead of corpus.py's",
    )
    args = parser.parse_args()
    warnings.filterwarnings("ignore", r"\[W030\]")  # names that our tokens cannot express
    set_current_ops(NumpyOps(use_blis=False))  # twice as quick, on one thread
    sets = GROUPS[args.group] | dict(args.share)
    texts = iter(sampler(sets, args.data, args.translated, args.sources, args.seed))
    seconds = args.minutes * 60
    train(
        args.group,
        texts,
        args.data,
        args.vectors,
        args.out,
        args.steps or STEPS[args.group],
        seconds,
        args.seed,
        args.init,
    )


if __name__ == "__main__":
    main()
