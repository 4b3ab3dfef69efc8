import ast
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.document import ENTITY_LABELS, Document, Entity
from transforms.entity_cache import MODULES, decode, encode, entity_key

CHOOSES = {
    "transforms.cache",
    "transforms.cached_step",
    "transforms.gathered",
    "transforms.identity",
    "transforms.language",
    "transforms.language_kernel",
    "transforms.ledger",
    "transforms.letters",
    "transforms.minhash_kernel",
    "transforms.model_packages",
    "transforms.rejections",
    "transforms.resources",
    "transforms.run",
}
"""Modules that the entities need and that change no entity: they find models, keep results, or
write down what failed."""


@st.composite
def passages(draw: st.DrawFn) -> tuple[str, tuple[Entity, ...]]:
    """A text and entities in it, in order and apart."""
    text = draw(st.text(max_size=60))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    chosen = draw(st.lists(st.booleans(), min_size=len(cuts), max_size=len(cuts)))
    return text, tuple(
        Entity(text[start:end], draw(st.sampled_from(ENTITY_LABELS)), start, end)
        for (start, end), taken in zip(pairwise(cuts), chosen, strict=False)
        if taken
    )


@given(passages(), passages())
def test_what_was_encoded_is_decoded(
    title: tuple[str, tuple[Entity, ...]], text: tuple[str, tuple[Entity, ...]]
) -> None:
    bare = Document(id="1", source="a", title=title[0], text=text[0], metadata={"k": "v"})
    full = replace(
        bare,
        title_entities=title[1],
        entities=text[1],
        metadata={"k": "v", "entity_model": "mine 1"},
    )

    assert decode(encode(full), bare, "mine 1") == full


def test_a_value_is_small() -> None:
    text = "Barack Obama met Angela Merkel. " * 20
    names = [Entity("Barack Obama", "PER", n * 32, n * 32 + 12) for n in range(20)]

    assert len(encode(Document(id="1", source="a", text=text, entities=tuple(names)))) < 20 * 9


@given(st.binary(max_size=30))
def test_a_damaged_value_is_none(value: bytes) -> None:
    document = Document(id="1", source="a", text="Some text.")
    found = decode(value, document, "mine 1")

    assert found is None or found.text == document.text


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"[[],[1]]", b"[[],[0,1,9]]", b"[[],{}]", b"7", b'[[],["0",1,1]]']
)
def test_a_value_of_another_shape_is_none(value: bytes) -> None:
    assert decode(value, Document(id="1", source="a", text="Some text."), "mine 1") is None


def test_the_key_is_of_all_that_the_entities_depend_on_and_of_nothing_else() -> None:
    document = Document(id="1", source="a", title="A title", text="Some text.", language="en")
    keys = [
        entity_key(document, "mine 1"),
        entity_key(document, "mine 2"),
        entity_key(replace(document, language="de"), "mine 1"),
        entity_key(replace(document, text="Some Text."), "mine 1"),
        entity_key(replace(document, title="A titleS", text="ome text."), "mine 1"),
        entity_key(replace(document, title="", text="A title Some text."), "mine 1"),
    ]

    assert len(set(keys)) == len(keys)
    assert entity_key(replace(document, id="2", source="b", quality=("q",)), "mine 1") == keys[0]


def test_every_module_that_makes_entities_is_in_the_key() -> None:
    needed = {"transforms.entities"}
    waiting = ["transforms.entities"]
    while waiting:
        for name in _imported(waiting.pop()) - needed:
            needed.add(name)
            waiting.append(name)

    assert needed == {*MODULES} | CHOOSES


def _imported(module: str) -> set[str]:
    """Modules of ``transforms`` that a module imports, wherever in it."""
    spec = find_spec(module)
    assert spec
    assert spec.origin
    nodes = ast.walk(ast.parse(Path(spec.origin).read_text("utf-8")))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in names if name.startswith("transforms.")}
