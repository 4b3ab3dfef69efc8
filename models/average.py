"""Average models of one shape and round their weights: ``average.py MODEL … --bits N --out DIR``.

Two states of one training, averaged, are often better than either (Izmailov et al., "Averaging
weights leads to wider optima and better generalization", UAI 2018). Of one model, it only rounds.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import spacy
from train import rounded

from transforms.load_model import ROWS, WORDS


def average(models: list[Path], bits: int, out: Path) -> None:
    """Write the mean of ``models``, with ``bits`` significant bits; all else is the last one's."""
    *others, last = (spacy.load(model) for model in models)
    layers = [list(nlp.get_pipe("ner").model.walk()) for nlp in (*others, last)]
    for same in zip(*layers, strict=True):
        for name in same[-1].param_names:
            if same[-1].has_param(name):
                mean = sum(layer.get_param(name) for layer in same) / len(same)
                same[-1].set_param(name, rounded(mean, bits))
    if others:
        last.meta["description"] += ", averaged"
    last.to_disk(out)
    (out / "vocab" / "key2row").unlink()
    for name in (WORDS, ROWS):
        if models[-1] != out:
            shutil.copy(models[-1] / "vocab" / name, out / "vocab" / name)


def main() -> None:
    """Read the command line and average."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", type=Path, nargs="+", help="folders of models")
    parser.add_argument("--bits", type=int, required=True, help="significant bits to keep")
    parser.add_argument("--out", type=Path, required=True, help="folder for the mean")
    args = parser.parse_args()
    average(args.models, args.bits, args.out)


if __name__ == "__main__":
    main()
