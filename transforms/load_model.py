"""How a spaCy model is loaded: no more of it than finds names, and made quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from transforms.word_forms import known_form

if TYPE_CHECKING:
    # imported where they are used: a run may need no entities
    from spacy.language import Language
    from spacy.vectors import Vectors

WORDS = "words.txt"
"""The words that have vectors, one a line: a third of the size of spaCy's ``key2row``, packed."""
ROWS = "rows.npy"
"""The row of each."""

_PARSING = (
    "tagger",
    "parser",
    "senter",
    "sentencizer",
    "morphologizer",
    "attribute_ruler",
    "lemmatizer",
    "trainable_lemmatizer",
    "textcat",
    "textcat_multilabel",
)
"""spaCy's usual names of the components that do nothing for entities."""


def load(model: str) -> Language:
    """Load what finds names of a model, given as package or as the path of a folder."""
    import spacy

    nlp = spacy.load(model, exclude=_PARSING)
    for name in ("tok2vec", "transformer"):
        # Shared layers that only the components left out have listened to.
        if name in nlp.pipe_names and not getattr(nlp.get_pipe(name), "listening_components", True):
            nlp.remove_pipe(name)
    if attribute := nlp.meta.get("vectors_by"):
        if (folder := Path(model) / "vocab").joinpath(WORDS).exists():
            nlp.vocab.vectors.key2row = read_rows(folder)
        nlp.vocab.vectors = looked_up_by(attribute, nlp.vocab.vectors)
    _multiply_with_numpy(nlp)
    return nlp


def read_rows(folder: Path) -> dict[int, int]:
    """Read the rows of words, by their hashes, from the files ``WORDS`` and ``ROWS``."""
    import numpy as np
    from spacy.strings import get_string_id

    rows = np.load(folder / ROWS).tolist()
    numbers = list(range(max(rows, default=0) + 1))  # one object for all words of a row
    with folder.joinpath(WORDS).open(encoding="utf-8", newline="\n") as lines:
        hashes = (get_string_id(line.rstrip("\n")) for line in lines)
        return {key: numbers[row] for key, row in zip(hashes, rows, strict=True)}


def looked_up_by(attribute: str, vectors: Vectors) -> Vectors:
    """The same vectors, found by another attribute of a word, such as ``LOWER``.

    A model says in its ``meta.json`` which one (``vectors_by``): the file in which spaCy keeps the
    vectors does not tell. By ``NORM`` a word is found without its ending too: see ``give_vectors``.
    """
    from spacy.vectors import Vectors as Table

    found = Table(data=vectors.data, name=vectors.name, attr=attribute)
    found.key2row = vectors.key2row
    return found


def give_vectors(nlp: Language, vectors: Vectors) -> None:
    """Have a pipeline look words up in ``vectors``, which several may share.

    Where that is by ``NORM``, the norm of each word becomes its form in the table.
    """
    from spacy.attrs import NORM, intify_attr
    from spacy.strings import get_string_id

    nlp.vocab.vectors = vectors
    if intify_attr(vectors.attr) != NORM:
        return
    language, rows = nlp.lang, vectors.key2row

    def norm(word: str) -> str:
        return known_form(word, language, lambda form: get_string_id(form) in rows)

    nlp.vocab.lex_attr_getters = {**nlp.vocab.lex_attr_getters, NORM: norm}
    for lexeme in nlp.vocab:
        lexeme.norm_ = norm(lexeme.orth_)


def _multiply_with_numpy(nlp: Language) -> None:
    """Have numpy multiply matrices: three times as quick as BLIS, which spaCy uses by itself.

    Only where numpy's OpenBLAS works in one thread, as the ``docsluice`` command has it: on small
    matrices more threads are slower than BLIS. Layers of other libraries, or on a GPU, are left
    as they are.
    """
    threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    if threads != "1":
        return
    from thinc.api import Model as Layer
    from thinc.api import NumpyOps

    ops = NumpyOps(use_blis=False)
    for _, component in nlp.pipeline:
        root = getattr(component, "model", None)
        for layer in root.walk() if isinstance(root, Layer) else ():
            if type(layer.ops) is NumpyOps and not layer.shims:
                layer.ops = ops
