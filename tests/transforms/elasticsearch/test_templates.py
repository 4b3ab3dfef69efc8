from __future__ import annotations

import pytest

from transforms.document import ENTITY_LABELS, SCHEMA
from transforms.elasticsearch.templates import (
    VERSION,
    Profile,
    analyzers,
    component_templates,
    index_template,
)
from transforms.language import LANGUAGES

FULL = Profile(folds=True, analyzers={"fr": "french"})


def mappings(profile: Profile) -> dict[str, object]:
    found: dict[str, object] = component_templates("x", profile)[f"x-{VERSION}-mappings"][
        "mappings"
    ]
    return found


def test_the_mapping_is_strict_and_has_every_column_of_the_contract() -> None:
    found = mappings(FULL)
    assert found["dynamic"] == "strict"
    properties = found["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == {*SCHEMA.names, "mentions", "search"} - {"title_entities"}
    assert set(properties["entities"]["properties"]) == set(ENTITY_LABELS)
    assert set(properties["search"]["properties"]) == {"words", *ENTITY_LABELS}


def test_title_and_text_have_a_subfield_for_each_language() -> None:
    properties = mappings(FULL)["properties"]
    assert isinstance(properties, dict)
    assert properties["text"]["fields"]["fr"]["analyzer"] == "french"
    assert set(properties["title"]["fields"]) == {"fr", "keyword"}


def test_the_profile_is_told_by_what_the_server_can_do() -> None:
    assert (Profile().name, FULL.name, Profile(folds=True).name) == ("standard", "full", "full")
    assert mappings(Profile())["_meta"] == {"docsluice": VERSION, "profile": "standard"}
    full, standard = (
        component_templates("x", profile)[f"x-{VERSION}-mappings"]["settings"]["index"]["analysis"]
        for profile in (FULL, Profile())
    )
    assert "asciifolding" in str(full)
    assert "asciifolding" not in str(standard)


def test_the_template_is_for_the_indices_of_its_version() -> None:
    template = index_template("news")
    assert template["index_patterns"] == [f"news-{VERSION}-*"]
    assert set(component_templates("news", FULL)) < set(template["composed_of"])
    assert template["composed_of"][-1] == "news@custom"


def test_languages_are_those_that_documents_can_have() -> None:
    assert analyzers(["de", "zh"]) == {"de": "german", "zh": "cjk"}
    with pytest.raises(ValueError, match=r"no analyzer of xx; it has them of ar .* zh") as error:
        analyzers(["de", "xx"])
    assert set(str(error.value).split("of ")[-1].split()) <= set(LANGUAGES)
