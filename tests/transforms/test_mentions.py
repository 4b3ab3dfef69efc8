from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.document import ENTITY_LABELS
from transforms.mentions import count_mentions

ENTITIES = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.sampled_from(["Ann", "Ann  Lee", "Ann\u00a0Lee", "Paris"]),
            "label": st.sampled_from([*ENTITY_LABELS, "DATE"]),
        }
    )
)


def test_names_are_counted_by_label_the_most_mentioned_first() -> None:
    title = [{"text": "Paris", "label": "LOC"}]
    text = [
        {"text": "Ann", "label": "PER"},
        {"text": "Bob\u00a0Lee", "label": "PER"},
        {"text": "Bob Lee", "label": "PER"},
        {"text": "Rome", "label": "LOC"},
        {"text": "Monday", "label": "DATE"},
    ]
    mentions = count_mentions(title, text)
    assert mentions == {"PER": {"Bob Lee": 2, "Ann": 1}, "LOC": {"Paris": 1, "Rome": 1}}
    assert list(mentions["PER"]) == ["Bob Lee", "Ann"]
    assert list(mentions["LOC"]) == ["Paris", "Rome"]


def test_without_names_there_are_no_counts() -> None:
    assert count_mentions([], []) == count_mentions() == {}


@given(ENTITIES, ENTITIES)
def test_every_name_of_a_known_label_counts_once(title: list[dict], text: list[dict]) -> None:
    mentions = count_mentions(title, text)
    known = [entity for entity in title + text if entity["label"] in ENTITY_LABELS]
    assert sum(sum(names.values()) for names in mentions.values()) == len(known)
    for names in mentions.values():
        assert list(names.values()) == sorted(names.values(), reverse=True)
