import gzip
import json
from pathlib import Path

import pytest
from corpus import (
    GROUPS,
    SELECTION,
    TEST,
    Text,
    guess_blanks,
    read,
    read_text,
    running_text,
    tokenise,
    write,
)
from translate import ROUTES

from transforms.entity_models import tokeniser


def record(text: str, tags: str, **fields: str) -> dict[str, object]:
    return {
        "tokens": text.split(),
        "tags": tags.split(),
        "lang": "en",
        "dataset": "made_up",
        **fields,
    }


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("Yes , he said .", "Yes, he said."),
        ('He said : " Go ( home ) ! " Then', 'He said: "Go (home)!" Then'),
        ("They do n't know Bob 's car", "They don't know Bob's car"),
        ("dans l' océan d’ été", "dans l'océan d’été"),
    ],
)
def test_blanks_are_guessed_as_one_writes(tokens: str, text: str) -> None:
    words = tokens.split()
    blanks = guess_blanks(words)

    assert "".join(w + " " * (b == "1") for w, b in zip(words, blanks, strict=True)).strip() == text


def test_running_text_carries_the_names_and_drops_misc() -> None:
    text = running_text(
        record("`` Mr Obama '' flew KLM to New York .", "O O B-PER O O B-MISC O B-LOC I-LOC O")
    )

    assert text.text == '"Mr Obama" flew KLM to New York.'
    assert [(text.text[a:b], label) for a, b, label in text.spans] == [
        ("Obama", "PER"),
        ("New York", "LOC"),
    ]


def test_known_blanks_are_believed() -> None:
    assert running_text(record("a b c", "O O O", ws="010")).text == "ab c"


def test_read_yields_the_sentences_of_a_file(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "made_up.test.jsonl.gz", "wt") as out:
        out.write(json.dumps(record("Hello Bob", "O B-PER")) + "\n")

    assert list(read(tmp_path, "made_up.test")) == [
        Text("Hello Bob", ((6, 9, "PER"),), "en", "made_up")
    ]


def test_names_are_carried_to_our_tokens() -> None:
    text = Text("l'Inde de Jean Valjean", ((2, 6, "LOC"), (10, 22, "PER")), "fr", "made_up")
    sentence = tokenise(text, tokeniser)

    assert sentence.words == ("l'", "Inde", "de", "Jean", "Valjean")
    assert sentence.spaces == (False, True, True, True, False)
    assert sentence.tags == ("O", "U-LOC", "O", "B-PER", "L-PER")


def test_a_name_that_ends_in_mid_token_is_left_open() -> None:
    text = Text("Obamaland exists", ((0, 5, "PER"),), "en", "made_up")

    with pytest.warns(UserWarning, match="W030"):
        assert tokenise(text, tokeniser).tags == ("-", "O")


def test_nothing_that_is_scored_is_trained_on() -> None:
    training = {name for sets in GROUPS.values() for name in sets}
    training |= {name for names, _ in ROUTES for name in names}
    held_out = {*TEST, *(name for names in SELECTION.values() for name in names)}

    assert not held_out & training
    assert not any(
        name.startswith(("conditional/newseye", "conditional/sonar", "conditional/europarl"))
        for name in training
    )
    assert not [n for n in training if ".test" in n and n != "germeval2014_de.test"]


def test_written_text_is_read_again(tmp_path: Path) -> None:
    texts = [
        Text("Ana saiu.", ((0, 3, "PER"),), "pt", "made_up"),
        Text("Não.", (), "pt", "made_up"),
    ]

    assert write(tmp_path, "made_up_in_pt.train", iter(texts)) == 2
    assert list(read_text(tmp_path, "made_up_in_pt.train")) == texts
    assert write(tmp_path, "none_in_pt.train", []) == 0
