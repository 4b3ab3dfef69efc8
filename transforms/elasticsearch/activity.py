"""What happened: a small index of runs and dead letters, ``ALIAS-activity``, for dashboards.

The store says the same in full; nothing reads this index but people. Ids follow from what is
written, so writing twice changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from elasticsearch import AuthorizationException, BadRequestError, NotFoundError

from transforms.elasticsearch.actions import Action
from transforms.resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elasticsearch import Elasticsearch

VERSION = 1
"""Of the mapping; higher ones may add fields."""

RUN, DEAD_LETTER = "run", "dead-letter"
"""The two kinds of documents in the index."""

_PRIORITY = 500
_ASKED_AT_ONCE = 1000
_OF_RUN = ("run_id", "started_at", "committed_at", "seconds", "source_bytes", "docsluice")
_OF_LETTER = ("id", "source", "stage", "error_type", "error", "recorded_at")


def run_id_of(run_id: str) -> str:
    """Id of the document of a run."""
    return f"{RUN}:{run_id}"


def run_action(manifest: Mapping[str, Any]) -> Action:
    """The document of a run, from its manifest.

    ``documents`` are all that the run saw, ``documents_per_second`` those of the run's
    ``seconds``; ``recorded_at`` is its start, as with its dead letters.
    """
    outcomes = manifest.get("outcomes", {})
    documents = sum(outcomes.values())
    document = {name: manifest[name] for name in _OF_RUN if name in manifest} | {
        "kind": RUN,
        "recorded_at": manifest["started_at"],
        "outcomes": outcomes,
        "documents": documents,
    }
    if seconds := manifest.get("seconds"):
        document["documents_per_second"] = round(documents / seconds, 3)
    return Action(run_id_of(manifest["run_id"]), VERSION, orjson.dumps(document))


def dead_letter_action(run_id: str, place: str, letter: Mapping[str, Any]) -> Action:
    """The document of a dead letter, without its payload.

    Args:
        run_id: of the run that it belongs to.
        place: where the letter stands among those of its run, such as ``part-00000-000-read#1``.
        letter: as ``transforms.dead_letters`` writes it.
    """
    document = {name: letter[name] for name in _OF_LETTER if name in letter}
    document |= {"kind": DEAD_LETTER, "run_id": run_id}
    return Action(f"{DEAD_LETTER}:{run_id}/{place}", VERSION, orjson.dumps(document))


class ActivityIndex:
    """The index of runs and dead letters behind an alias of documents.

    Methods raise the client library's errors.
    """

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self.name = f"{alias}-activity"

    @property
    def template(self) -> dict[str, Any]:
        """Its index template, as ``PUT _index_template`` takes it."""
        content: dict[str, Any] = orjson.loads(
            resource("config/elasticsearch/activity.json").read_bytes()
        )
        return {
            "index_patterns": [self.name],
            "priority": _PRIORITY,
            "version": VERSION,
            "template": content,
        }

    def install(self) -> None:
        """Put the template, and make the index if there is none.

        Who may not put templates can make the index all the same.
        """
        template = self.template
        try:
            self._client.indices.put_index_template(name=self.name, **template)
        except AuthorizationException:
            if self.exists():
                return
        if self.exists():
            self._client.indices.put_mapping(index=self.name, **template["template"]["mappings"])
            return
        try:
            self._client.indices.create(index=self.name, **template["template"])
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise

    def exists(self) -> bool:
        """Whether the index is there."""
        return bool(self._client.indices.exists(index=self.name))

    def lacking(self, run_ids: Iterable[str]) -> list[str]:
        """Those of the runs that have no document, in the order given."""
        ids = list(run_ids)
        found: set[str] = set()
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            some = ids[start : start + _ASKED_AT_ONCE]
            try:
                answer = self._client.mget(
                    index=self.name, ids=list(map(run_id_of, some)), source=False
                )
            except NotFoundError:
                return ids
            found.update(one["_id"] for one in answer["docs"] if one.get("found"))
        return [run_id for run_id in ids if run_id_of(run_id) not in found]
