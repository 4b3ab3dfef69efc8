"""The real web server, in a process of its own, over a real index."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.transforms.index_contract import entity, publish
from transforms.sqlite import SqliteIndex

PAGE = "/search/documents"
START = "import sys; from pipelines.serve import serve; serve(sys.argv[1], port=int(sys.argv[2]))"


def start(store: Path, port: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, store, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def announced(process: subprocess.Popen[str]) -> str:
    """The address that the server says, without the path of the page."""
    assert process.stdout
    line = process.stdout.readline()
    assert "/search/documents (" in line
    return line.split(" at ")[1].partition("/search/documents")[0]


def fill(index: SqliteIndex) -> None:
    macron, paris = entity("Emmanuel Macron", "PER"), entity("Paris", "LOC")
    publish(
        index,
        {
            "id": "a",
            "title": "La mer <b>",
            "text": "Au bord de l'océan <script>",
            "language": "fr",
            "published_at": datetime(2020, 1, 2, tzinfo=UTC),
            "entities": [macron, paris],
        },
        {"id": "b", "title": "Talks", "text": "A meeting", "entities": [macron]},
        {"id": "c", "title": "東京", "text": "東京タワーは高い。", "language": "ja"},
        {"id": "d", "title": "Nothing", "text": "An ocean of words, 'quoted'"},
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("a #1 store?")
    with SqliteIndex(store / "search.db") as index:
        fill(index)
    return store


@pytest.fixture(scope="module")
def page(store: Path) -> Iterator[httpx.Client]:
    """A client whose base is the page that the server announced."""
    process = start(store)
    with httpx.Client(base_url=announced(process)) as client:
        yield client
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "", "")


def titles(page: httpx.Client, **conditions: str) -> list[str]:
    answer = page.get(f"{PAGE}.json", params={"_shape": "objects", **conditions})
    assert answer.status_code == 200, answer.text
    return [row["title"] for row in answer.json()["rows"]]


def test_it_listens_on_loopback_only(page: httpx.Client) -> None:
    assert page.base_url.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("l'océan", ["La mer <b>"]),
        ("ocean", ["La mer <b>", "Nothing"]),
        ("ocean -words", ["La mer <b>"]),
        ("meeting OR quoted'", ["Talks", "Nothing"]),
        ("東京タ", ["東京"]),
        ('"', []),
        ("?!", []),
        ("absent", []),
    ],
)
def test_the_search_box_finds_exactly_the_right_rows(
    page: httpx.Client, typed: str, expected: list[str]
) -> None:
    assert titles(page, _search=typed) == expected


def test_dated_documents_come_first(page: httpx.Client) -> None:
    assert titles(page)[0] == "La mer <b>"


def test_languages_and_names_are_facets(page: httpx.Client) -> None:
    facets = page.get(f"{PAGE}.json").json()["facet_results"]
    counts = {
        name: {value["value"]: value["count"] for value in facet["results"]}
        for name, facet in facets.items()
    }
    assert counts == {
        "language": {"en": 2, "fr": 1, "ja": 1},
        "people": {"Emmanuel Macron": 2},
        "organisations": {},
        "places": {"Paris": 1},
    }


def test_facets_count_what_the_search_found_and_narrow_it(page: httpx.Client) -> None:
    facets = page.get(f"{PAGE}.json", params={"_search": "ocean"}).json()["facet_results"]
    (macron,) = facets["people"]["results"]
    assert (macron["count"], macron["selected"]) == (1, False)
    narrowed = httpx.get(macron["toggle_url"]).json()
    assert [row[1] for row in narrowed["rows"]] == ["a"]
    (macron,) = page.get(
        f"{PAGE}.json", params={"people__arraycontains": "Emmanuel Macron"}
    ).json()["facet_results"]["people"]["results"]
    assert (macron["count"], macron["selected"]) == (2, True)


def test_the_page_shows_hits_with_marked_words(page: httpx.Client) -> None:
    answer = page.get(PAGE, params={"_search": "océan"})
    assert answer.status_code == 200
    assert "<mark>océan</mark> &lt;script&gt;" in answer.text
    assert "La mer &lt;b&gt;</a>" in answer.text
    assert answer.text.count('class="hit"') == 2
    assert "<mark>" not in page.get(PAGE).text


def test_the_page_needs_nothing_from_elsewhere(page: httpx.Client) -> None:
    text = page.get(PAGE).text
    assert 'src="http' not in text
    assert 'rel="stylesheet" href="/-/static' in text


def test_a_document_has_a_page_with_its_whole_text(page: httpx.Client) -> None:
    answer = page.get(f"{PAGE}/1")
    assert "Au bord de l&#39;océan &lt;script&gt;" in answer.text
    assert "Emmanuel Macron" in answer.text
    assert "segments" not in answer.text


def test_the_index_cannot_be_written(page: httpx.Client, store: Path) -> None:
    sql = {"sql": "delete from documents"}
    assert page.get("/search.json", params=sql).status_code == 400
    with SqliteIndex(store / "search.db") as index:
        assert index.count() == 4


def test_a_run_committed_meanwhile_is_seen(tmp_path: Path) -> None:
    with SqliteIndex(tmp_path / "search.db") as index:
        fill(index)
    process = start(tmp_path)
    with httpx.Client(base_url=announced(process)) as page:
        assert titles(page, _search="late") == []
        with SqliteIndex(tmp_path / "search.db") as index:
            publish(index, {"id": "e", "title": "Late", "text": ""}, run_id="2")
        assert titles(page, _search="late") == ["Late"]
        with SqliteIndex(tmp_path / "search.db") as index, index.rebuild(["3"]) as transaction:
            transaction.commit()
        assert titles(page) == []
    process.terminate()
    process.communicate(timeout=20)


def test_a_taken_port_is_said(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(store, taken.getsockname()[1])
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "ServeError: Cannot serve at 127.0.0.1 port" in errors.splitlines()[-1]


def test_a_store_without_an_index_is_said(tmp_path: Path) -> None:
    process = start(tmp_path)
    _, errors = process.communicate(timeout=30)
    assert "SearchIndexError: There is no index" in errors.splitlines()[-1]
