"""``docsluice serve``: the index as a web page, by Datasette, on this machine only."""

from __future__ import annotations

import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import uvicorn
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from pipelines import datasette_plugin
from transforms.index import SearchIndexError
from transforms.resources import resource
from transforms.sqlite import INDEX_NAME
from transforms.sqlite.schema import open_reader

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

DEFAULT_PORT = 8001
_DATABASE = "search"
_PAGE = f"/{_DATABASE}/documents"


class ServeError(RuntimeError):
    """The page cannot be served; the message says why and what to do."""


def serve(
    store: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    open_browser: bool = False,
) -> None:
    """Serve the page of a store's index until interrupted; prints its address on stdout.

    The index is only read, and each page shows the runs committed by then. Port 0 takes any free
    port.

    Raises:
        SearchIndexError: the store has no index that can be read.
        ServeError: the address is taken or not one of this machine's.
    """
    index = Path(store, INDEX_NAME)
    open_reader(index).close()
    with _listen(host, port) as listener:
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listener.getsockname()[1]}{_PAGE}"

        def announce() -> None:
            sys.stdout.write(f"Searching {index} at {url} (Ctrl-C stops)\n")
            sys.stdout.flush()
            if open_browser:
                webbrowser.open(url)

        config = uvicorn.Config(
            datasette(index).app(), log_level="warning", lifespan="on", access_log=False
        )
        try:
            _Server(config, announce).run(sockets=[listener])
        except KeyboardInterrupt:
            return


def datasette(index: Path) -> Datasette:
    """A Datasette application over the index, set up by ``config/datasette``."""
    metadata = resource("config/datasette/metadata.json")
    if not pm.is_registered(datasette_plugin):
        pm.register(datasette_plugin, name="docsluice")
    # Else it prints a traceback, by rich, even for SQL mistyped on its page.
    pm.get_plugin("datasette.handle_exception").rich = None
    application = Datasette(
        metadata=orjson.loads(metadata.read_bytes()),
        settings=orjson.loads(metadata.with_name("settings.json").read_bytes()),
        template_dir=str(metadata.with_name("templates")),
    )
    application.remove_database("_memory")
    application.add_database(_IndexDatabase(application, str(index)), name=_DATABASE)
    return application


class _IndexDatabase(Database):
    """Opens the index as ``docsluice search`` does: any path, any medium, never locked."""

    def connect(self, write: bool = False) -> sqlite3.Connection:
        if write:
            raise SearchIndexError("The page only reads the index")
        connection = open_reader(Path(self.path), "ro", check_same_thread=False)
        self._all_file_connections.append(connection)
        return connection


class _Server(uvicorn.Server):
    """A server that says when it is there."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise ServeError(
            f"Cannot serve at {host} port {port}: {error.strerror}. Give another with --port, "
            "or --port 0 for any free one"
        ) from error
