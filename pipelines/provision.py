"""``docsluice provision``: templates, alias and dashboards, ready before the first run."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer

from pipelines.activity import write_activity
from pipelines.console import count
from pipelines.dashboards import DASHBOARDS, dashboards, same, view_titles
from pipelines.elasticsearch import elasticsearch_config
from pipelines.kibana import Kibana
from pipelines.kibana_config import KibanaConfig, kibana_config
from pipelines.lock import writer_lock
from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store
from transforms.elasticsearch import templates
from transforms.elasticsearch.activity import ActivityIndex
from transforms.elasticsearch.connection import Connection
from transforms.elasticsearch.errors import explain
from transforms.elasticsearch.generations import Generations
from transforms.elasticsearch.index import check_alias

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class ElasticsearchReady:
    """What Elasticsearch has now.

    Attributes:
        url: the server.
        alias: what searches name.
        index: the index behind it.
        created: whether that index is new.
        templates_changed: whether a template was not there, or was another.
        activity: the index of runs and dead letters.
        runs: number of runs written there.
    """

    url: str
    alias: str
    index: str
    created: bool
    templates_changed: bool
    activity: str
    runs: int


@dataclass(frozen=True, slots=True)
class KibanaReady:
    """What Kibana has now.

    Attributes:
        url: the server.
        version: its version, if it tells.
        space: where the objects are.
        space_created: whether that space is new.
        objects: number of saved objects.
        changed: whether they were not there or others; None if that cannot be told.
        dashboards: their addresses.
        instead_of: the index that the data views named before, if it was another.
    """

    url: str
    version: str | None
    space: str
    space_created: bool
    objects: int
    changed: bool | None
    dashboards: tuple[str, ...]
    instead_of: str | None = None


def provision(settings: Settings, as_json: bool) -> None:
    """Make ready Elasticsearch and, where the settings name one, Kibana; say what was done.

    Doing it again changes nothing.

    Raises:
        ConfigurationError: settings that contradict each other.
        SearchIndexError: Elasticsearch cannot be used.
        StoreBusyError: a run is making the first index.
        KibanaError: Kibana cannot be used, or refuses the dashboards.
    """
    kibana = kibana_config(settings)
    elasticsearch = provision_elasticsearch(settings)
    ready = provision_kibana(kibana, settings.elasticsearch.index) if kibana else None
    if as_json:
        done = {"elasticsearch": asdict(elasticsearch), "kibana": ready and asdict(ready)}
        typer.echo(orjson.dumps(done).decode())
        return
    for line in (*_in_words(elasticsearch), *_kibana_in_words(ready)):
        typer.echo(line)


def provision_elasticsearch(settings: Settings) -> ElasticsearchReady:
    """Put the templates; make the first index and that of activity where they are not there.

    Raises:
        ConfigurationError: settings that contradict each other.
        SearchIndexError: the server cannot be used.
        StoreBusyError: a run is making the first index.
    """
    from elasticsearch import ApiError, TransportError

    alias, store = settings.elasticsearch.index, Store(settings.store)
    config = elasticsearch_config(settings)
    try:
        check_alias(alias)
        languages = tuple(templates.analyzers(settings.elasticsearch.languages))
        connection = Connection.open(config, waits=False)
    except ValueError as error:
        raise ConfigurationError(f"elasticsearch: {error}") from None
    client = connection.prompt
    generations = Generations(connection, alias, languages)
    try:
        before = _templates(client, alias)
        created = generations.live() is None
        with _lock(store) if created else nullcontext():
            live = generations.open_live()
        if not created:
            profile = templates.ask_profile(client, live.name, languages)
            templates.install(client, alias, profile)
        runs = write_activity(client, config, alias, store, anew=True)
        return ElasticsearchReady(
            config.where,
            alias,
            live.name,
            created,
            before != _templates(client, alias),
            ActivityIndex(client, alias).name,
            runs,
        )
    except (ApiError, TransportError) as error:
        raise explain(error, config.where, config.credentials) from None
    finally:
        connection.close()


def provision_kibana(config: KibanaConfig, alias: str) -> KibanaReady:
    """Write data views, dashboards and saved searches over those of an earlier call.

    Args:
        config: Kibana and the space.
        alias: of the documents; the data views name it.

    Raises:
        ConfigurationError: a secret or a certificate that is not where the settings say.
        KibanaError: Kibana cannot be used, or refuses the objects.
    """
    wanted = dashboards(alias)
    try:
        kibana = Kibana(config)
    except ValueError as error:
        raise ConfigurationError(f"kibana: {error}") from None
    with kibana:
        version = kibana.check_version()
        space_created = kibana.ensure_space()
        before = None if space_created else kibana.export(wanted)
        ids = kibana.import_(wanted)
        changed = None
        if before is not None:
            changed = not same(before, kibana.export(wanted) or [])
    titles = view_titles(before or [])
    return KibanaReady(
        config.url,
        version,
        config.space,
        space_created,
        len(wanted),
        changed,
        tuple(
            f"{config.space_url}/app/dashboards#/view/{ids.get(('dashboard', id_), id_)}"
            for id_ in DASHBOARDS
        ),
        None if not titles or alias in titles else min(titles, key=len),
    )


def _lock(store: Store) -> AbstractContextManager[None]:
    """Keep a run from making the same index; where there is no store, there is no run either."""
    return writer_lock(store.path) if Path(store.path).is_dir() else nullcontext()


def _templates(client: Elasticsearch, alias: str) -> dict[tuple[str, str], Any]:
    """The templates as they are on the server; when they were put is not part of them."""
    asked = client.options(ignore_status=404)  # which says that there is none yet
    found = {
        "component_template": asked.cluster.get_component_template(name=f"{alias}-*").body,
        "index_template": asked.indices.get_index_template(name=f"{alias}-*").body,
    }
    return {
        (kind, one["name"]): {key: part for key, part in one[kind].items() if "date" not in key}
        for kind, answer in found.items()
        for one in answer.get(f"{kind}s", ())
    }


def _in_words(ready: ElasticsearchReady) -> list[str]:
    made = "is new and empty" if ready.created else "is there"
    put = "put" if ready.templates_changed else "unchanged"
    return [
        f"Elasticsearch at {ready.url}: alias {ready.alias}, whose index {ready.index} {made}; "
        f"templates {put}",
        f"{ready.activity}: {count(ready.runs, 'run')}",
    ]


def _kibana_in_words(ready: KibanaReady | None) -> list[str]:
    if ready is None:
        return ["Kibana: none is named (--kibana-url), so there are no dashboards"]
    new = " (new)" if ready.space_created else ""
    unchanged = ", unchanged" if ready.changed is False else ""
    lines = [
        f"Kibana at {ready.url}: {count(ready.objects, 'object')} in the space "
        f"{ready.space}{new}{unchanged}",
        *(f"Open: {address}" for address in ready.dashboards),
    ]
    if ready.instead_of:
        lines.append(f"Note: the dashboards showed {ready.instead_of} until now")
    return lines
