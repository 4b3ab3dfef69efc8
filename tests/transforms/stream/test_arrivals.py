from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.band_tables import digests, hexadecimal
from transforms.document import Document, document_id
from transforms.fingerprint import content_hash
from transforms.keys import COLUMNS, Keys, column, keys_of
from transforms.stream.arrivals import ARRIVAL, Arrivals, Lot

WORDS = [f"w{number}" for number in range(300)]


def prose(seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=60))


def keys(texts: Sequence[str]) -> Keys:
    documents = [Document("", "", text=text, content_hash=content_hash(text)) for text in texts]
    return keys_of(documents, near=True)


def lot(
    number: int, named: dict[str, str], version: int = 1, part: str = "", canonical: bool = True
) -> Lot:
    """A lot of documents by name, with their texts."""
    found = np.zeros(len(named), ARRIVAL)
    found["document"]["id"] = digests([document_id(name) for name in named])
    found["document"]["content"] = digests([content_hash(text) for text in named.values()])
    found["document"]["row"] = np.arange(len(named))
    made = keys(list(named.values()))
    found["bands"], found["filled"] = made.bands, made.filled
    found["version"], found["canonical"] = version, canonical
    return Lot(number, part or f"{number:05d}-000", found)


def ids(*names: str) -> np.ndarray:
    return digests([document_id(name) for name in names])


def met(arrivals: Arrivals, texts: Sequence[str], *but: str) -> set[str]:
    """Ids of the documents that new ones with these texts meet, in any column."""
    meeting = arrivals.meeting(keys(texts), ids(*but), lambda part: part)
    found = np.unique(np.concatenate([numbers for _, numbers in meeting.columns]))
    assert list(found) == list(range(len(meeting.documents)))
    return set(hexadecimal(meeting.documents["id"]))


def test_a_lot_is_the_same_after_a_journey_as_bytes() -> None:
    before = lot(7, {"a": prose(1), "b": ""}, part="00003-001")
    after = Lot.decode(before.encode())
    assert (after.number, after.part) == (7, "00003-001")
    assert after.arrivals.tobytes() == before.arrivals.tobytes()


def test_those_are_met_that_share_a_key_and_no_others() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1), "b": prose(2)}))
    arrivals.add(lot(1, {"c": prose(1).upper(), "d": prose(3)}))
    assert met(arrivals, [prose(1)]) == {document_id("a"), document_id("c")}
    assert met(arrivals, [prose(4)]) == set()
    assert met(arrivals, []) == set()


def test_texts_without_words_meet_by_content_alone() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": "!!", "b": "?"}))
    assert met(arrivals, ["!!"]) == {document_id("a")}


def test_a_document_does_not_meet_itself() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1), "b": prose(1)}))
    assert met(arrivals, [prose(1)], "a") == {document_id("b")}


def test_a_new_version_takes_the_place_of_the_old_one_in_either_generation() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1)}))
    arrivals.turn_over()
    arrivals.add(lot(1, {"a": prose(2)}, version=2))
    assert met(arrivals, [prose(1)]) == set()
    assert met(arrivals, [prose(2)]) == {document_id("a")}
    arrivals.add(lot(2, {"a": prose(3)}, version=3))
    assert met(arrivals, [prose(2)]) == set()


def test_one_that_is_no_canonical_any_more_is_not_met() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1)}))
    arrivals.add(lot(1, {"a": prose(1)}, version=2, canonical=False))
    assert met(arrivals, [prose(1)]) == set()
    assert not arrivals.among(ids("a")).any()


def test_what_is_known_is_known_by_id_and_version() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1)}, version=5))
    versions = np.array([5, 6, 5], np.uint64)
    assert arrivals.known(ids("a", "a", "b"), versions).tolist() == [True, False, False]
    assert arrivals.among(ids("a", "b")).tolist() == [True, False]


def test_a_generation_goes_when_it_is_turned_over_twice() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1)}))
    assert arrivals.turn_over() == 0
    arrivals.add(lot(1, {"b": prose(1)}))
    assert (len(arrivals), arrivals.young) == (2, 1)
    assert arrivals.turn_over() == 1
    assert met(arrivals, [prose(1)]) == {document_id("b")}
    assert arrivals.turn_over() == 1
    assert len(arrivals) == 0


def test_documents_whose_part_is_gone_are_not_met() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {"a": prose(1)}, part="gone"))
    arrivals.add(lot(1, {"b": prose(1)}, part="here"))
    there = {"here": "/spool/here"}
    meeting = arrivals.meeting(keys([prose(1)]), ids("x"), there.get)
    assert hexadecimal(meeting.documents["id"]) == [document_id("b")]
    assert [meeting.paths[part] for part in meeting.documents["part"]] == ["/spool/here"]


def test_of_a_crowded_bucket_the_newest_are_met() -> None:
    arrivals = Arrivals()
    arrivals.add(lot(0, {f"n{number}": "the same" for number in range(300)}))
    found = met(arrivals, ["the same"])
    assert len(found) == 256
    assert document_id("n299") in found


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 40), max_size=9), max_size=12), st.randoms())
def test_rebuilt_of_its_lots_in_any_order_it_is_the_same(
    parts: list[list[int]], random_: random.Random
) -> None:
    """The same as one that was filled in order, and as comparing everything with everything."""
    arrivals = Arrivals()
    texts: dict[str, str] = {}
    lots = []
    for number, seeds in enumerate(parts):
        named = {f"d{seed % 7}": prose(seed) for seed in seeds}
        lots.append(lot(number, named, version=number))
        arrivals.add(lots[-1])
        texts |= named
    data = [one.encode() for one in lots]
    random_.shuffle(data)
    rebuilt = Arrivals((), data)
    for seed in range(41):
        wanted = keys([prose(seed)])
        expected = {
            document_id(name)
            for name, text in texts.items()
            if any(
                np.isin(column(wanted, number)[0], column(keys([text]), number)[0]).any()
                for number in range(COLUMNS)
            )
        }
        assert met(arrivals, [prose(seed)]) == expected
        assert met(rebuilt, [prose(seed)]) == expected


@pytest.mark.parametrize("size", [1, 100, 700])
def test_it_grows_with_what_is_added(size: int) -> None:
    arrivals = Arrivals()
    for number in range(3):
        arrivals.add(lot(number, {f"{number}-{n}": f"{number} {n}" for n in range(size)}))
    assert len(arrivals) == 3 * size
    assert met(arrivals, [f"1 {size - 1}"]) == {document_id(f"1-{size - 1}")}
