"""Whatever stands in a text, the step ends, in bounded memory, and flags what it could not do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from transforms.document import Document
from transforms.entities import NO_ENTITY_MODEL, annotate
from transforms.entity_models import EntityConfig, EntityModels

FALLBACK = EntityModels(EntityConfig(use_installed=False))
ROOT = Path(__file__).parents[2]

MILLION_WORDS = """
import json, resource
from transforms.document import Document
from transforms.entities import annotate
from transforms.entity_models import EntityConfig, EntityModels

models = EntityModels(EntityConfig(use_installed=False))

def names(words):
    sentences = (
        f"Angela Merkel met Zq{number}ia {number}hexes in London on the qx{number}vo."
        for number in range(words // 10)
    )
    text = " ".join(sentences)
    (found,) = annotate([Document(id="1", source="a", text=text, language="en")], models)
    assert found.quality == ()
    assert all(text[e.start : e.end] == e.text for e in found.entities)
    return sum(e.text == "Angela Merkel" for e in found.entities)

def peak():  # MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

names(100_000)
before = peak()
found = names(1_000_000)
print(json.dumps({"found": found, "growth": peak() - before}))
"""


def annotated(text: str, language: str = "en", title: str = "") -> Document:
    document = Document(id="1", source="a", title=title, text=text, language=language)
    (found,) = annotate([document], FALLBACK)
    assert all(text[entity.start : entity.end] == entity.text for entity in found.entities)
    assert all(title[entity.start : entity.end] == entity.text for entity in found.title_entities)
    return found


def test_a_million_words_take_bounded_memory() -> None:
    """Three in ten of them occur once: a vocabulary that kept all would take 150 MB more."""
    done = subprocess.run(
        [sys.executable, "-c", MILLION_WORDS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["found"] > 90_000
    assert told["growth"] < 150


@pytest.mark.parametrize("title", ["", "12:30", "«»"])
@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\n", "12 345,67 -- 8/9\n" * 1_000, "!?." * 100_000, "=" * 200_000, "😀 " * 10_000],
    ids=["empty", "blank", "lines", "numbers", "line of punctuation", "rule", "emoji"],
)
def test_a_text_without_letters_has_no_names_and_no_flag(text: str, title: str) -> None:
    found = annotated(text, title=title)
    assert (found.entities, found.title_entities, found.quality) == ((), (), ())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["a", "A1-", "é", "Б", "ab."], ids=ascii)
def test_a_token_of_five_million_characters_hides_no_name_beside_it(piece: str) -> None:
    endless = piece * (5_000_000 // len(piece))
    started = time.process_time()
    found = annotated(f"Angela Merkel lives in Berlin. {endless} Barack Obama met Angela Merkel.")
    assert time.process_time() - started < 30
    assert {"Angela Merkel", "Barack Obama"} <= {entity.text for entity in found.entities}


def test_a_language_that_no_model_knows_is_flagged() -> None:
    found = annotated("Ο Αλέξης Τσίπρας ζει στην Αθήνα.", "el", title="Αθήνα")
    assert found.quality == (NO_ENTITY_MODEL,)
    assert found.entities == found.title_entities == ()


@pytest.mark.parametrize(
    "character",
    [
        "\0",
        "\ud800",
        "\x01",
        "\x1b",
        "\x7f",
        "\x85",
        "\ufeff",
        "\u200b",
        "\u202e",
        "\ufffe",
    ],
    ids=ascii,
)
def test_strange_characters_are_no_part_of_a_name(character: str) -> None:
    text = f"{character}Angela Merkel lives in {character} Berlin.{character * 50}"
    found = annotated(text, title=f"{character} Barack Obama {character}")
    assert found.quality == ()
    names = {entity.text for entity in (*found.entities, *found.title_entities)}
    assert {"Barack Obama", "Berlin"} <= names
