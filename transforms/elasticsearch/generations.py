"""The indices of documents of an alias: which is live, how another takes its place."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from elasticsearch import NotFoundError

from transforms.elasticsearch import templates
from transforms.elasticsearch.errors import ElasticsearchRefusedError
from transforms.elasticsearch.generation import Generation
from transforms.elasticsearch.state import States

if TYPE_CHECKING:
    from collections.abc import Iterable

    from transforms.elasticsearch.connection import Connection

log = logging.getLogger(__name__)


class Generations:
    """All indices of documents of an alias.

    Methods raise the client library's errors and ``ElasticsearchError``.
    """

    def __init__(self, connection: Connection, alias: str, languages: Iterable[str]) -> None:
        self.alias = alias
        self._connection = connection
        self._client = connection.patient
        self._languages = tuple(languages)
        self._states = States(self._client, alias)

    def live(self) -> str | None:
        """The index behind the alias."""
        try:
            found = self._client.indices.get_alias(name=self.alias)
        except NotFoundError:
            return None
        names = sorted(found.body)
        if len(names) > 1:
            raise ElasticsearchRefusedError(
                f"the alias {self.alias} leads to several indices ({', '.join(names)}): "
                "leave it the newest one alone, or take another name (elasticsearch.index)"
            )
        name: str = names[0]
        return name

    def runs(self) -> tuple[str, ...]:
        """Ids of the runs that the live index has."""
        live = self.live()
        state = self._states.load(live) if live else None
        return state.runs if state else ()

    def open_live(self) -> Generation:
        """The index behind the alias, made if there is none."""
        name = self.live()
        if name is None:
            return self.create(is_live=True)
        generation = self._generation(name)
        state = self._states.load(name)
        if state is None or not name.startswith(f"{self.alias}-{templates.VERSION}-"):
            raise ElasticsearchRefusedError(
                f"the index {name} was not made by this version of docsluice: "
                "`docsluice reindex` makes a new one"
            )
        return generation

    def create(self, *, is_live: bool) -> Generation:
        """A new index, empty; one that is live is behind the alias at once."""
        self._states.create()
        profile = templates.ask_profile(self._client, self._states.index, self._languages)
        stamp = f"{datetime.now(UTC):%Y%m%dt%H%M%S%f}"
        new = self._generation(f"{self.alias}-{templates.VERSION}-{stamp}")
        new.create(profile, self.alias, is_live=is_live)
        return new

    def swap(self, new: Generation) -> None:
        """Let the alias lead to ``new`` alone; at no time does it lead to none or to both."""
        old = self.live()
        # Where an answer was lost, the old one has left the alias already.
        leaves = {"index": old, "alias": self.alias, "must_exist": False}
        removal = [{"remove": leaves}] if old else []
        new.complete()
        self._client.indices.update_aliases(
            actions=[*removal, {"add": {"index": new.name, "alias": self.alias}}]
        )

    def recover(self) -> None:
        """Mend what a load that died has left: loosened settings, an index that is not complete.

        For who writes, before it writes: another process that fills the index must not run.
        """
        live = self.live()
        for name in self._names():
            generation = self._generation(name)
            state = self._states.load(name)
            if name == live:
                if state and state.restore is not None:
                    log.warning("giving the index %s the settings back from before a load", name)
                    generation.restore()
            elif state and not state.complete:
                log.warning("deleting the index %s, which was not completed", name)
                generation.remove()

    def prune(self) -> list[str]:
        """Delete the indices of earlier rebuilds; returns their names."""
        live = self.live()
        old = [name for name in self._names() if name != live]
        for name in old:
            self._generation(name).remove()
        return old

    def verify(self) -> list[str]:
        """Every disagreement between alias, index, its mapping and what is known of it."""
        live = self.live()
        if live is None:
            return [f"there is no index behind {self.alias}"]
        problems = []
        generation = self._generation(live)
        state = self._states.load(live)
        if generation.mapping_version != templates.VERSION:
            problems.append(
                f"the mapping of {live} is of version {generation.mapping_version}, not "
                f"{templates.VERSION}: `docsluice reindex` makes a new one"
            )
        if state is None or not state.complete:
            problems.append(f"it is not known which runs {live} has: `docsluice reindex`")
        elif state.restore is not None:
            problems.append(f"a load has left {live} without its settings; the next one mends it")
        health = self._client.cluster.health(index=live)
        if health["status"] == "red":
            problems.append(f"a part of {live} is not there: its health is red")
        return problems

    def _generation(self, name: str) -> Generation:
        return Generation(self._connection, self.alias, name)

    def _names(self) -> list[str]:
        """All indices of documents, of any version, oldest first."""
        pattern = re.compile(rf"{re.escape(self.alias)}-\d+-(\d{{8}}t\d{{12}})")
        found = self._client.indices.get_alias(index=f"{self.alias}-*")
        stamps = {name: match[1] for name in found if (match := pattern.fullmatch(name))}
        return sorted(stamps, key=stamps.__getitem__)
