"""py3langid's classifier as a compiled pass: its model, its scores, many times its pace.

Naive Bayes over byte n-grams: an automaton walks over the bytes and tells at each which n-gram
ends there; a class's score is the sum over the n-grams of log(1 + count) times its weight. The
library walks in Python, which takes more time than all else that a run without entities does;
and its sums come from the BLAS at hand, where these are the same on every processor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from py3langid import langid

from transforms.minhash_kernel import compiled


@dataclass(frozen=True, slots=True)
class Classifier:
    """The model for some languages; ``labels`` names the entries of a posterior."""

    labels: tuple[str, ...]
    next_row: NDArray[np.uint32]
    row_of: NDArray[np.uint16]
    feature_of: NDArray[np.int32]
    weights: NDArray[np.float32]
    priors: NDArray[np.float32]

    @classmethod
    def load(cls, languages: Sequence[str]) -> Classifier:
        """Load the model that comes with py3langid, for these of its languages."""
        identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
        identifier.set_languages(list(languages))
        return cls(
            tuple(identifier.nb_classes),
            np.asarray(identifier.tk_nextmove).astype(np.uint32),
            np.asarray(identifier.tk_row).astype(np.uint16),
            np.asarray(identifier.tk_output).astype(np.int32),
            np.ascontiguousarray(identifier.nb_ptc, np.float32),
            np.ascontiguousarray(identifier.nb_pc, np.float32),
        )

    def posterior(self, text: str) -> dict[str, float]:
        """Probability of each language; equal for all where the text tells nothing.

        As in the library, the scores are tempered by the square root of the text's bytes, so
        that a short text is no more sure than it should be.
        """
        text = text.lower() if text.isupper() else text
        data = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        out = np.empty(len(self.priors), np.float32)
        _posterior(
            np.frombuffer(data, np.uint8),
            self.next_row,
            self.row_of,
            self.feature_of,
            self.weights,
            self.priors,
            out,
        )
        return dict(zip(self.labels, out.tolist(), strict=True))


@compiled
def _posterior(
    data: NDArray[np.uint8],
    next_row: NDArray[np.uint32],
    row_of: NDArray[np.uint16],
    feature_of: NDArray[np.int32],
    weights: NDArray[np.float32],
    priors: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fill ``out``."""
    counts = np.zeros(len(weights), np.int32)  # of each call: threads work at once
    met = np.empty(len(data), np.int32)
    number = 0
    state = np.uint32(0)
    for byte in data:
        state = next_row[(np.int64(row_of[state]) << 8) + byte]
        feature = feature_of[state]
        if feature >= 0:
            if counts[feature] == 0:
                met[number] = feature
                number += 1
            counts[feature] += 1
    if number == 0:
        out[:] = np.float32(1) / len(out)
        return
    out[:] = priors
    for feature in met[:number]:
        weight = np.float32(np.log1p(counts[feature]))
        for place in range(len(out)):
            out[place] += weight * weights[feature, place]
    tempering = np.float32(1 / np.sqrt(len(data)))
    highest = out.max()
    for place in range(len(out)):
        out[place] = np.exp((out[place] - highest) * tempering)
    out /= out.sum()
