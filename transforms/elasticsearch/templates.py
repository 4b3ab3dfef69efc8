"""What an index of documents looks like: its templates on the server, fitted to the server.

The data lies in ``config/elasticsearch``. A change of it that an existing index cannot take raises
``VERSION``: names hold it, so that indices of two versions can be there side by side.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from elasticsearch import BadRequestError

from transforms.resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elasticsearch import Elasticsearch

log = logging.getLogger(__name__)

VERSION = 1
"""Of the mapping; kept in it, under ``_meta``."""

_ANALYSED = ("title", "text")
# Above the 100 of the server's own templates; patterns of one priority may not overlap.
_PRIORITY = 500


@dataclass(frozen=True, slots=True)
class Profile:
    """What a server can do with words.

    Attributes:
        name: ``full``, or ``standard`` where the server brings neither the folding of accents nor
            an analyzer of any language asked for.
        folds: whether it can fold accents.
        analyzers: analyzer by language (ISO 639-1), of the languages asked for.
    """

    folds: bool = False
    analyzers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """In one word."""
        return "full" if self.folds or self.analyzers else "standard"


def analyzers(languages: Iterable[str]) -> dict[str, str]:
    """Elasticsearch's analyzer of each language.

    Raises:
        ValueError: there is none of a language.
    """
    known = _load("languages")
    unknown = [language for language in languages if language not in known]
    if unknown:
        raise ValueError(
            f"Elasticsearch has no analyzer of {', '.join(unknown)}; it has them of "
            f"{' '.join(known)}"
        )
    return {language: known[language] for language in languages}


def ask_profile(client: Elasticsearch, index: str, languages: Iterable[str]) -> Profile:
    """What the server has of what the languages want; what it lacks is said in the log.

    ``index`` is any index that we may manage: the server answers for it alone.
    """
    wanted = analyzers(languages)
    folds = _has(client, index, tokenizer="standard", filter=["asciifolding"])
    found = {
        language: analyzer
        for language, analyzer in wanted.items()
        if _has(client, index, analyzer=analyzer)
    }
    profile = Profile(folds, found)
    lacking = [] if folds else ["the filter asciifolding"]
    if missing := [wanted[language] for language in wanted if language not in found]:
        lacking.insert(0, f"the analyzers {', '.join(missing)}")
    if lacking:
        log.warning(
            "this Elasticsearch lacks %s; the index gets the analyzer profile %s without them",
            " and ".join(lacking),
            profile.name,
        )
    return profile


def component_templates(alias: str, profile: Profile) -> dict[str, dict[str, Any]]:
    """The component templates by name, as ``PUT _component_template`` takes them."""
    analysis = _load("analysis-full" if profile.folds else "analysis-standard")
    mappings = _load("mappings")
    mappings["_meta"] = {"docsluice": VERSION, "profile": profile.name}
    for name in _ANALYSED:
        fields = mappings["properties"][name].setdefault("fields", {})
        fields |= {
            # Without positions: they would double what a language costs, for phrases alone.
            language: {"type": "text", "analyzer": analyzer, "index_options": "freqs"}
            for language, analyzer in profile.analyzers.items()
        }
    return {
        f"{alias}-{VERSION}-settings": {"settings": _load("settings")},
        # Together: the server checks mappings against the analyzers of the same component.
        f"{alias}-{VERSION}-mappings": {
            "settings": {"index": {"analysis": analysis}},
            "mappings": mappings,
        },
    }


def index_template(alias: str) -> dict[str, Any]:
    """The index template, as ``PUT _index_template/ALIAS-VERSION`` takes it.

    A component template ``ALIAS@custom`` of the user's own has the last word.
    """
    own = f"{alias}@custom"
    return {
        "index_patterns": [f"{alias}-{VERSION}-*"],
        "priority": _PRIORITY,
        "version": VERSION,
        "composed_of": [f"{alias}-{VERSION}-settings", f"{alias}-{VERSION}-mappings", own],
        "ignore_missing_component_templates": [own],
    }


def install(client: Elasticsearch, alias: str, profile: Profile) -> None:
    """Put the templates; those of the same version are replaced."""
    for name, template in component_templates(alias, profile).items():
        client.cluster.put_component_template(name=name, template=template, version=VERSION)
    client.indices.put_index_template(name=f"{alias}-{VERSION}", **index_template(alias))


def state_index() -> dict[str, Any]:
    """Settings and mappings of the index in which ``transforms.elasticsearch.state`` writes."""
    return _load("state")


def _has(client: Elasticsearch, index: str, **analysis: Any) -> bool:
    try:
        client.indices.analyze(index=index, text="x", **analysis)
    except BadRequestError:
        return False
    return True


def _load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(
        resource(f"config/elasticsearch/{name}.json").read_bytes()
    )
    return content
