"""One index of documents behind the alias: made, loosened for a load, filled, brought back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elasticsearch import AuthorizationException, BadRequestError

from transforms.document import completed
from transforms.elasticsearch import templates
from transforms.elasticsearch.actions import Action, encode, to_action
from transforms.elasticsearch.errors import ElasticsearchPrivilegeError, explain
from transforms.elasticsearch.rows import to_rows
from transforms.elasticsearch.state import State, States

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from transforms.elasticsearch.bulk import BulkWriter
    from transforms.elasticsearch.connection import Connection

# Documents that are read back at a time, to be counted anew.
_READ_BACK = 50
_LOOSE = {"refresh_interval": "-1", "number_of_replicas": 0, "auto_expand_replicas": False}


class Generation:
    """The index ``name``. Methods raise the client library's errors and ``ElasticsearchError``.

    A document's version says by which change of which run it was written, so that changes that
    are applied again, in their order, find what is done already.
    """

    def __init__(self, connection: Connection, alias: str, name: str) -> None:
        self.name = name
        self._connection = connection
        self._client = connection.patient
        self._states = States(self._client, alias)

    @property
    def state(self) -> State:
        """What is known of it; raises ``LookupError`` where nothing is."""
        state = self._states.load(self.name)
        if state is None:
            raise LookupError(self.name)
        return state

    def create(self, profile: templates.Profile, alias: str, *, is_live: bool) -> None:
        """Make the index from its template, behind the alias if it is to be live at once.

        Raises:
            ElasticsearchPrivilegeError: we may not install the template, and it is not there.
        """
        denied = None
        try:
            templates.install(self._client, alias, profile)
        except AuthorizationException as error:
            config = self._connection.config
            denied = explain(error, config.where, config.credentials)
        self._states.save(self.name, State(complete=is_live))
        aliases: dict[str, dict[str, str]] = {alias: {}} if is_live else {}
        try:
            self._client.indices.create(index=self.name, aliases=aliases)
        except BadRequestError as error:  # made already, where an answer was lost
            if error.error != "resource_already_exists_exception":
                raise
        if denied and self.mapping_version is None:
            self.remove()
            raise ElasticsearchPrivilegeError(
                f"the templates of the index {alias} are not there, and cannot be made: {denied}"
            )

    @property
    def mapping_version(self) -> int | None:
        """Of which version its mapping is; None where it is not ours."""
        answer = self._client.indices.get_mapping(index=self.name)
        version: int | None = answer[self.name]["mappings"].get("_meta", {}).get("docsluice")
        return version

    def remove(self) -> None:
        """Delete the index, and what is known of it."""
        self._client.options(ignore_status=404).indices.delete(index=self.name)
        self._states.delete(self.name)

    def loosen(self, *, replicas: bool) -> None:
        """Stop refreshing, and keep no replicas if so told, until ``restore``."""
        names = _LOOSE if replicas else ["refresh_interval"]
        answer = self._client.indices.get_settings(index=self.name)
        now = answer[self.name]["settings"]["index"]
        state = self.state
        if state.restore is None:  # else a load that died has loosened them: keep what was before
            before = {name: now.get(name) for name in names}
            self._states.save(self.name, replace(state, restore=before))
        self._client.indices.put_settings(
            index=self.name, settings={name: _LOOSE[name] for name in names}
        )

    def restore(self, state: State | None = None) -> None:
        """Give back the settings that a load has loosened, and note ``state`` if it is new."""
        state = state or self.state
        if state.restore is not None:
            self._client.indices.put_settings(index=self.name, settings=state.restore)
        self._states.save(self.name, replace(state, restore=None))

    def complete(self) -> None:
        """Note that a rebuild has filled it."""
        self._states.save(self.name, replace(self.state, complete=True))

    def refresh(self) -> None:
        """Let searches see what was written."""
        self._client.indices.refresh(index=self.name)

    def upserts(self, documents: pa.Table | pa.RecordBatch, version: int) -> Iterator[Action]:
        """Write documents."""
        return (to_action(row, version) for row in to_rows(completed(documents)))

    def deletes(self, ids: Iterable[str], version: int) -> Iterator[Action]:
        """Delete documents; ids that are not there are passed over."""
        return (Action(identity, version, None) for identity in ids)

    def counts(self, counts: Mapping[str, int], version: int) -> Iterator[Action]:
        """Add to ``duplicate_count``, where the change of this version has not done so already."""
        ids = list(counts)
        for start in range(0, len(ids), _READ_BACK):
            answer = self._client.mget(index=self.name, ids=ids[start : start + _READ_BACK])
            for stored in answer["docs"]:
                if not stored.get("found") or stored["_version"] >= version:
                    continue
                document: dict[str, Any] = stored["_source"]
                document["duplicate_count"] += counts[stored["_id"]]
                yield Action(stored["_id"], version, encode(document))

    def writer(self) -> BulkWriter:
        """Writes such actions to the index."""
        return self._connection.writer(self.name)
