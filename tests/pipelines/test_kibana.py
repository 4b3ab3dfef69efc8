"""The client of Kibana, against a stand-in that says that it is one: no Kibana can be run here."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.dashboards import dashboards, same
from pipelines.kibana import Kibana, KibanaError
from pipelines.kibana_config import KibanaConfig
from tests.kibana.stand_in import Answer, KibanaStandIn, Request

OBJECTS = dashboards("docsluice")


@pytest.fixture
def stand_in() -> Iterator[KibanaStandIn]:
    with KibanaStandIn() as server:
        yield server


def client(stand_in: KibanaStandIn, **options: Any) -> Kibana:
    return Kibana(KibanaConfig(stand_in.url, **options))


def test_objects_are_imported_over_those_that_are_there(stand_in: KibanaStandIn) -> None:
    with client(stand_in) as kibana:
        assert kibana.check_version() == "8.19.21"
        assert not kibana.ensure_space()
        assert kibana.export(OBJECTS) is None
        ids = kibana.import_(OBJECTS)
        assert ids == {(one["type"], one["id"]): one["id"] for one in OBJECTS}
        assert kibana.import_(OBJECTS) == ids
        exported = kibana.export(OBJECTS)
    assert exported is not None
    assert same(exported, OBJECTS)
    importing = stand_in.requests[2]
    assert (importing.method, importing.path) == ("POST", "/api/saved_objects/_import")
    assert importing.query == {"overwrite": ["true"]}
    assert importing.headers["kbn-xsrf"] == "docsluice"
    assert importing.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert "authorization" not in importing.headers


def test_a_space_is_made_once_and_worked_in(stand_in: KibanaStandIn) -> None:
    with client(stand_in, space="news") as kibana:
        assert kibana.ensure_space()
        assert not kibana.ensure_space()
        kibana.import_(OBJECTS)
        kibana.export(OBJECTS)
    assert stand_in.calls() == [
        ("GET", "default", "/api/spaces/space/news"),
        ("POST", "default", "/api/spaces/space"),
        ("GET", "default", "/api/spaces/space/news"),
        ("POST", "news", "/api/saved_objects/_import"),
        ("POST", "news", "/api/saved_objects/_export"),
    ]
    assert not stand_in.objects["default"]
    assert len(stand_in.objects["news"]) == len(OBJECTS)


def test_a_space_that_another_makes_meanwhile_is_no_fault(stand_in: KibanaStandIn) -> None:
    def other_was_faster(request: Request) -> Answer | None:
        if request.method == "POST":
            return 409, {"statusCode": 409, "error": "Conflict", "message": "already exists"}
        return None

    stand_in.fault = other_was_faster
    with client(stand_in, space="news") as kibana:
        assert not kibana.ensure_space()


def test_the_id_that_kibana_gives_an_object_is_told(stand_in: KibanaStandIn) -> None:
    done = {"type": "dashboard", "id": "docsluice-documents", "destinationId": "other", "meta": {}}
    stand_in.fault = lambda _: (
        200,
        {"success": True, "successCount": 1, "successResults": [done]},
    )
    with client(stand_in) as kibana:
        assert kibana.import_(OBJECTS) == {("dashboard", "docsluice-documents"): "other"}


@pytest.mark.parametrize(
    ("who", "sent"),
    [
        ({"api_key": "env:KEY"}, "ApiKey hush"),
        (
            {"username": "ann", "password": "file:password"},
            "Basic " + base64.b64encode(b"ann:hush").decode(),
        ),
    ],
)
def test_credentials_are_sent_and_never_shown(
    stand_in: KibanaStandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    who: dict[str, str],
    sent: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("password").write_text("hush\n")
    monkeypatch.setenv("KEY", "hush")
    stand_in.users, stand_in.keys = {"ann": "hush"}, {"hush"}
    with client(stand_in, **who) as kibana:
        kibana.import_(OBJECTS)
    assert stand_in.requests[0].headers["authorization"] == sent
    stand_in.users, stand_in.keys = {"ann": "other"}, {"other"}
    with client(stand_in, **who) as kibana, pytest.raises(KibanaError) as refused:
        kibana.check_version()
    reference = who.get("api_key") or who["password"]
    assert f"Kibana at {stand_in.url} rejects" in str(refused.value)
    assert reference in str(refused.value)
    assert "hush" not in f"{refused.value} {kibana.config!r}"


def test_settings_of_the_environment_for_http_are_not_read(
    stand_in: KibanaStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with client(stand_in) as kibana:
        assert kibana.check_version()


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    with KibanaStandIn(certificate=(certificate, key)) as secure:
        with client(secure, ca_certs=str(certificate)) as kibana:
            assert kibana.check_version() == "8.19.21"
        with client(secure) as kibana, pytest.raises(KibanaError, match=r"name its CA \(kibana\.c"):
            kibana.check_version()


def test_what_is_no_file_of_certificates_is_said() -> None:
    with pytest.raises(ValueError, match="no CA certificates at /nowhere"):
        Kibana(KibanaConfig("https://a", ca_certs="/nowhere"))


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (
        Kibana(KibanaConfig(url)) as kibana,
        pytest.raises(KibanaError, match=rf"no Kibana answers at {url} \(Connection refused\)"),
    ):
        kibana.check_version()


def test_http_is_not_https(stand_in: KibanaStandIn) -> None:
    url = stand_in.url.replace("http:", "https:")
    with (
        Kibana(KibanaConfig(url)) as kibana,
        pytest.raises(KibanaError, match="does it speak http and not https"),
    ):
        kibana.check_version()


@pytest.mark.parametrize("version", ["8.18.3", "7.17.0", "10.0.0"])
def test_a_version_that_cannot_take_the_objects(stand_in: KibanaStandIn, version: str) -> None:
    stand_in.version = version
    with client(stand_in) as kibana, pytest.raises(KibanaError, match=rf"is {version}: .*8\.19"):
        kibana.check_version()


@pytest.mark.parametrize("version", ["8.19.0", "8.20.1", "9.2.0", "9.3.0-SNAPSHOT"])
def test_a_version_that_can(stand_in: KibanaStandIn, version: str) -> None:
    stand_in.version = version
    with client(stand_in) as kibana:
        assert kibana.check_version() == version


def test_a_version_that_is_kept_secret_is_no_fault(stand_in: KibanaStandIn) -> None:
    stand_in.fault = lambda _: (200, {"status": {"overall": {"level": "available"}}})
    with client(stand_in) as kibana:
        assert kibana.check_version() is None


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ((503, b"Kibana server is not ready yet"), "is not ready yet: try again"),
        ((200, b"<html>hello</html>"), "is no Kibana"),
        ((200, {"name": "node", "cluster_name": "x"}), "is no Kibana"),
        ((302, b""), "is no Kibana"),
        ((500, {"message": "out of luck"}), r"does not tell its status: out of luck \(500\)"),
    ],
)
def test_what_is_no_kibana_that_is_ready(
    stand_in: KibanaStandIn, answer: Answer, complaint: str
) -> None:
    stand_in.fault = lambda _: answer
    with client(stand_in) as kibana, pytest.raises(KibanaError, match=complaint) as error:
        kibana.check_version()
    assert "\n" not in str(error.value)


def test_a_space_that_may_not_be_made_names_the_privilege(stand_in: KibanaStandIn) -> None:
    stand_in.may_make_spaces = False
    with (
        client(stand_in, space="news") as kibana,
        pytest.raises(KibanaError, match=r"make the space news, which is not there .*kibana_admin"),
    ):
        kibana.ensure_space()


def test_objects_that_may_not_be_written_name_the_privilege(stand_in: KibanaStandIn) -> None:
    stand_in.may_write = False
    needs = "needs Saved Objects Management: All in the space default"
    with client(stand_in) as kibana:
        with pytest.raises(KibanaError, match=rf"import saved objects \(Unable to bulk.*{needs}"):
            kibana.import_(OBJECTS)
        with pytest.raises(KibanaError, match=rf"export saved objects \(Unable to bulk.*{needs}"):
            kibana.export(OBJECTS)


def test_each_object_that_is_refused_is_named_with_its_reason(stand_in: KibanaStandIn) -> None:
    without_views = [one for one in OBJECTS if one["type"] != "index-pattern"]
    panels = sum(one["type"] in ("lens", "search") for one in OBJECTS)
    with client(stand_in) as kibana, pytest.raises(KibanaError) as error:
        kibana.import_(without_views)
    said = str(error.value)
    assert f"refuses {panels} of {len(without_views)} objects for the space default" in said
    assert "missing references index-pattern docsluice-documents" in said
    assert said.endswith(f"and {panels - 3} more")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "conflict"}, "lens x: conflict"),
        ({"type": "ambiguous_conflict", "destinations": []}, "lens x: ambiguous conflict"),
        ({"type": "unsupported_type"}, "lens x: unsupported type"),
        ({"type": "unknown", "message": "too new", "statusCode": 422}, "lens x: too new"),
    ],
)
def test_each_kind_of_import_error_is_put_in_words(
    stand_in: KibanaStandIn, error: dict[str, object], said: str
) -> None:
    one = {"type": "lens", "id": "x", "meta": {}, "error": error}
    stand_in.fault = lambda _: (200, {"success": False, "successCount": 0, "errors": [one]})
    with client(stand_in) as kibana, pytest.raises(KibanaError, match=rf"{said}$"):
        kibana.import_(OBJECTS)
