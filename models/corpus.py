"""The training and test sentences: read, put back into running text, tokenised as docsluice does.

The data is one gzip file of JSON Lines per data set and split: ``tokens``, IOB2 ``tags``,
``lang`` and, where known, ``ws`` (``1`` where a blank follows the token). A model meets text
that *our* tokenisers cut, so the corpus' own tokens serve only to rebuild the text.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from spacy.language import Language
from spacy.training import offsets_to_biluo_tags

LABELS = ("PER", "ORG", "LOC")
"""MISC is left out: more than half of the sets do not annotate it, and tag it O."""

GROUPS: dict[str, dict[str, float]] = {
    "english": {
        "btc_en.train": 0.4,
        "crossner_en.dev": 1.0,
        "crossner_en.train": 1.0,
        "gum_en.train": 1.5,
        "uner_en_ewt.train": 1.5,
        "wikigold_en.train": 2.0,
        "wnut17_en.train": 0.3,
    },
    "germanic": {
        "crossner_en.dev": 0.3,
        "europeana_de_lft.train": 0.25,
        "europeana_de_sbb.train": 0.4,
        "europeana_nl_kb.train": 1.0,
        "germeval2014_de.test": 3.0,
        "gum_en.train": 0.3,
        "norne_nb.train": 0.5,
        "norne_nn.train": 0.25,
        "uner_da_ddt.train": 1.0,
        "uner_da_ddt_in_sv.train": 0.7,
        "uner_sv_talbanken.train": 0.7,
        "wikigold_en.train": 0.3,
    },
    "romance": {
        "crossner_en_in_es.dev": 0.5,
        "crossner_en_in_fr.dev": 0.5,
        "crossner_en_in_it.dev": 0.5,
        "europeana_fr_bnf.train": 0.7,
        "gum_en_in_es.train": 0.7,
        "gum_en_in_fr.train": 0.7,
        "gum_en_in_it.train": 0.7,
        "lener_br.train": 0.1,
        "ronec_ro.train_v1": 1.2,
        "uner_pt_bosque.train": 1.2,
        "uner_pt_bosque_in_ca.train": 0.3,
        "uner_pt_bosque_in_es.train": 1.2,
        "uner_pt_bosque_in_fr.train": 1.2,
        "uner_pt_bosque_in_it.train": 1.2,
        "wikigold_en_in_es.train": 1.0,
        "wikigold_en_in_fr.train": 1.0,
        "wikigold_en_in_it.train": 1.0,
    },
    "east": {
        "conditional/kpwr_pl.train": 1.0,
        "nerkor_hu.train": 0.5,
        "twnertc_tr.dev": 1.0,
        "uner_hr_set.train": 0.6,
        "uner_sk_snk.train": 0.7,
        "uner_sr_set.train": 0.7,
        "uner_zh_gsdsimp.train": 1.5,
        "wikiner_ru.train": 1.5,
    },
}
"""The sets each model learns from, and how often each of their words is seen beside the others'.

Those named ``_in_`` a language are made by ``translate.py``.
"""
SELECTION: dict[str, tuple[str, ...]] = {
    "english": ("gum_en.dev", "uner_en_ewt.dev", "btc_en.dev", "wnut17_en.dev"),
    "germanic": ("uner_da_ddt.dev", "norne_nb.dev", "norne_nn.dev"),
    "romance": ("uner_pt_bosque.dev", "ronec_ro.dev"),
    "east": (
        "uner_hr_set.dev",
        "uner_sr_set.dev",
        "uner_sk_snk.dev",
        "wikiner_ru.dev",
        "nerkor_hu.dev",
        "uner_zh_gsdsimp.dev",
    ),
}
"""Watched while training, to choose the checkpoint."""
HELD_OUT = {"germeval2014_de.test": 500}
"""Sentences at the end of training sets that are watched too: their languages have no other."""
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


def write(data: Path, name: str, texts: Iterable[Text]) -> int:
    """Write running text for ``read_text`` to read; return how many sentences there were."""
    count = 0
    with gzip.open(data / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
        for text in texts:
            count += 1
            out.write(json.dumps(asdict(text), ensure_ascii=False) + "\n")
    return count


def read_text(data: Path, name: str) -> Iterator[Text]:
    """Read what ``write`` wrote."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)
            yield Text(**text | {"spans": tuple((a, b, label) for a, b, label in text["spans"])})


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
