"""What is known of each index of documents: which runs it has, and what a load has loosened.

It lies in an index of its own, ``ALIAS-state``, one document for each index of documents, read and
written by id. So it changes at once and whole, and the alias that says which index is the live one
says which document counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elasticsearch import BadRequestError, NotFoundError

from transforms.elasticsearch import templates

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class State:
    """Of one index of documents.

    Attributes:
        runs: ids of the runs applied, in their order.
        version: the highest version that a document of these runs can have.
        complete: false while a rebuild fills the index; searches never see it then.
        restore: settings to give back that a load has loosened, while it goes on.
    """

    runs: tuple[str, ...] = ()
    version: int = 0
    complete: bool = True
    restore: dict[str, Any] | None = None


class States:
    """The states behind an alias. Methods raise the client library's errors."""

    def __init__(self, client: Elasticsearch, alias: str) -> None:
        self._client = client
        self.index = f"{alias}-state"

    def create(self) -> None:
        """Create the index of the states if it is not there."""
        if self._client.indices.exists(index=self.index):
            return
        try:
            self._client.indices.create(index=self.index, **templates.state_index())
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise

    def load(self, name: str) -> State | None:
        """The state of an index of documents, if there is one."""
        try:
            source = self._client.get(index=self.index, id=name)["_source"]
        except NotFoundError:
            return None
        return State(
            tuple(source["runs"]), source["version"], source["complete"], source["restore"]
        )

    def save(self, name: str, state: State) -> None:
        """Write the state of an index of documents."""
        document = {
            "runs": list(state.runs),
            "version": state.version,
            "complete": state.complete,
            "restore": state.restore,
        }
        self._client.index(index=self.index, id=name, document=document)

    def delete(self, name: str) -> None:
        """Forget an index of documents."""
        self._client.options(ignore_status=404).delete(index=self.index, id=name)
