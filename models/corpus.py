"""The training and test sentences: read, put back into running text, tokenised as docsluice does.

The data is one gzip file of JSON Lines per data set and split: ``tokens``, IOB2 ``tags``,
``lang`` and, where known, ``ws`` (``1`` where a blank follows the token). A model meets text
that *our* tokenisers cut, so the corpus' own tokens serve only to rebuild the text.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.training import offsets_to_biluo_tags

LABELS = ("PER", "ORG", "LOC")
"""MISC is left out: more than half of the sets do not annotate it, and tag it O."""

TRAINING = (
    "btc_en.train",
    "conditional/kpwr_pl.train",
    "crossner_en.dev",
    "crossner_en.train",
    "europeana_de_lft.train",
    "europeana_de_sbb.train",
    "europeana_fr_bnf.train",
    "europeana_nl_kb.train",
    "germeval2014_de.test",
    "gum_en.train",
    "lener_br.train",
    "nerkor_hu.train",
    "norne_nb.train",
    "norne_nn.train",
    "ronec_ro.train_v1",
    "twnertc_tr.dev",
    "uner_da_ddt.train",
    "uner_en_ewt.train",
    "uner_hr_set.train",
    "uner_pt_bosque.train",
    "uner_sk_snk.train",
    "uner_sr_set.train",
    "uner_sv_talbanken.train",
    "uner_zh_gsdsimp.train",
    "wikigold_en.train",
    "wikiner_ru.train",
    "wnut17_en.train",
)
SELECTION = (
    "gum_en.dev",
    "uner_en_ewt.dev",
    "uner_pt_bosque.dev",
    "uner_hr_set.dev",
    "uner_da_ddt.dev",
    "norne_nb.dev",
    "ronec_ro.dev",
    "wikiner_ru.dev",
    "uner_zh_gsdsimp.dev",
)
"""Watched while training, to choose the checkpoint."""
TEST = (
    "uner_en_pud.test",
    "gum_en.test",
    "uner_en_ewt.test",
    "crossner_en.test",
    "btc_en.test",
    "wnut17_en.test",
    "germeval2014_de.dev",
    "uner_pt_bosque.test",
    "lener_br.test",
    "norne_nb.test",
    "norne_nn.test",
    "uner_da_ddt.test",
    "uner_sv_talbanken.test",
    "uner_hr_set.test",
    "uner_sr_set.test",
    "uner_sk_snk.test",
    "conditional/kpwr_pl.test",
    "ronec_ro.test",
    "wikiner_ru.test",
    "nerkor_hu.test",
    "twnertc_tr.test",
    "uner_zh_gsdsimp.test",
    "conditional/europarl_ner_en.test",
    "conditional/europarl_ner_de.test",
    "conditional/europarl_ner_es.test",
    "conditional/europarl_ner_it.test",
    "conditional/newseye_fr.test",
    "conditional/newseye_de.test",
    "conditional/newseye_fi.test",
    "conditional/newseye_sv.test",
    "conditional/sonar_de.test",
)

_CLITICS = ("n't", "'s", "’s", "'m", "'re", "'ll", "'ve", "'d")
_NO_BLANK_BEFORE = frozenset([*",.;:!?)]}%…’”»", "...", *_CLITICS])
_NO_BLANK_AFTER = frozenset("([{#@$€£«„“")

Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence as running text; ``spans`` are (start, end, label) in its characters."""

    text: str
    spans: tuple[Span, ...]
    language: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence cut by our tokeniser: BILUO ``tags``, ``-`` where a name ends in mid-token."""

    words: tuple[str, ...]
    spaces: tuple[bool, ...]
    tags: tuple[str, ...]
    language: str


def guess_blanks(tokens: list[str]) -> str:
    """Say for each token whether a blank follows: ``1`` or ``0``, by habits of punctuation."""
    blanks = []
    quoted = False
    for token, following in zip(tokens, [*tokens[1:], "."], strict=True):
        blank = following not in _NO_BLANK_BEFORE and token not in _NO_BLANK_AFTER
        if token == '"':
            quoted = not quoted
            blank = blank and not quoted
        elif following == '"':
            blank = blank and not quoted
        elif token[-1:] in "'’" and len(token) > 1:
            blank = blank and not following[:1].isalpha()
        blanks.append("1" if blank else "0")
    return "".join(blanks)


def running_text(record: dict[str, object]) -> Text:
    """Turn one line of the data, decoded, into text with the spans of its names."""
    tokens = [{"``": '"', "''": '"'}.get(t, t) for t in _strings(record["tokens"])]
    blanks = str(record.get("ws") or guess_blanks(tokens))
    pieces: list[str] = []
    spans: list[Span] = []
    position = 0
    for token, tag, blank in zip(tokens, _strings(record["tags"]), blanks, strict=True):
        end = position + len(token)
        if tag.startswith("B-"):
            spans.append((position, end, tag[2:]))
        elif tag.startswith("I-"):
            spans[-1] = (spans[-1][0], end, spans[-1][2])
        pieces.append(token + " " * (blank == "1"))
        position += len(pieces[-1])
    return Text(
        "".join(pieces).rstrip(),
        tuple(span for span in spans if span[2] in LABELS),
        str(record["lang"]),
        str(record["dataset"]),
    )


def read(data: Path, name: str) -> Iterator[Text]:
    """Read the sentences of one file, named as in the lists above, under the folder ``data``."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield running_text(json.loads(line))


def tokenise(text: Text, pipeline: Callable[[str], Language]) -> Sentence:
    """Cut ``text`` with the tokeniser of ``pipeline(language)`` and carry its names over."""
    doc = pipeline(text.language).make_doc(text.text)
    return Sentence(
        tuple(sys.intern(token.text) for token in doc),
        tuple(bool(token.whitespace_) for token in doc),
        tuple(sys.intern(tag) for tag in offsets_to_biluo_tags(doc, text.spans)),
        text.language,
    )


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return value
