import numpy as np
from lexicon import characters, exonyms, translations
from sources import Block

from tests.models.apertium import needs_apertium


@needs_apertium
def test_a_word_is_translated_by_itself() -> None:
    found = translations(["ciencia", "responsable", "presidente", "qzxwv"], "spa-eng")

    assert found["ciencia"] == "science"
    assert found["presidente"] == "president"
    assert found["qzxwv"] == "qzxwv"


def test_places_have_the_vectors_of_their_english_names() -> None:
    english = Block(["germany", "munich", "prague"], np.eye(3, dtype=np.float32))

    found = exonyms(["sk", "hu"], english)

    row = dict(zip(found.words, found.vectors.argmax(axis=1).tolist(), strict=True))
    assert row["Nemecko"] == row["Németország"] == 0
    assert row["Praha"] == 2
    assert "Germany" not in row


def test_characters_in_like_words_are_alike() -> None:
    places = [(f"{name}{end}", 10.0, "ns") for name in "东西南北中" for end in "市县"]
    verbs = [(f"{first}{last}", 10.0, "v") for first in "看听说" for last in "见到完"]

    found = characters([*places, *verbs], width=4)

    vectors = dict(zip(found.words, found.vectors, strict=True))
    near = np.linalg.norm(vectors["市"] - vectors["县"])
    assert near < np.linalg.norm(vectors["市"] - vectors["见"]) / 2
    assert found.vectors.shape == (len(set("东西南北中市县看听说见到完")), 4)
