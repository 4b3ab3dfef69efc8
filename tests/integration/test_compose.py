"""docker-compose.yml as the real compose program reads it, and the scripts that it mounts.

No container is started: what is held here is the configuration, and what the scripts do.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines import __version__
from pipelines.cli import app
from pipelines.compose.environment import SECRETS, complete
from pipelines.compose.set_up import KEY_ROLES, KEYS
from pipelines.compose.set_up import SECRETS as SECRETS_DIRECTORY
from tests.conftest import SEEDS
from tests.integration.conftest import skipping
from tests.integration.servers.compose import compose_command
from tests.integration.servers.distribution import VERSION as ELASTIC_VERSION

ROOT = SEEDS.parent
ONE_SHOT = {"certificates", "set-up", "provision"}
OURS = {"set-up", "provision", "docsluice"}


@dataclass(frozen=True)
class Rendered:
    """The project as compose would run it, and the secrets that it was given."""

    text: str
    secrets: dict[str, str]

    @property
    def project(self) -> dict[str, Any]:
        project: dict[str, Any] = json.loads(self.text)
        return project

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        services: dict[str, dict[str, Any]] = self.project["services"]
        return services

    def volumes(self, service: str) -> dict[str, dict[str, Any]]:
        return {one["target"]: one for one in self.services[service].get("volumes", ())}


@pytest.fixture(scope="module")
def compose() -> list[str]:
    with skipping():
        return compose_command()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A project with secrets of its own."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copytree(ROOT / "config" / "compose", tmp_path / "config" / "compose")
    complete(tmp_path / ".env")
    return tmp_path


def render(compose: list[str], directory: Path) -> Rendered:
    done = subprocess.run(
        [*compose, "--profile", "*", "config", "--format", "json"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    lines = (directory / ".env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines)
    return Rendered(done.stdout, {name: given[name] for name in SECRETS})


@pytest.fixture
def rendered(compose: list[str], directory: Path) -> Rendered:
    return render(compose, directory)


def test_no_secret_is_in_the_configuration(rendered: Rendered) -> None:
    assert not [name for name, value in rendered.secrets.items() if value in rendered.text]
    sources = {one["environment"] for one in rendered.project["secrets"].values()}
    assert sources == set(SECRETS)
    for name, service in rendered.services.items():
        for variable in service.get("environment", ()):
            secret = re.search(r"PASSWORD|API_KEY|ENCRYPTION|TOKEN", variable)
            assert not secret or variable.endswith("_FILE"), (name, variable)


def test_secrets_are_files_that_one_user_alone_may_read(rendered: Rendered) -> None:
    users = {"elasticsearch": "1000", "kibana": "1000", "set-up": "10001"}
    for name, service in rendered.services.items():
        for secret in service.get("secrets", ()):
            assert (secret["mode"], secret["uid"]) == ("0400", users[name])
        # Compose copies such secrets into the container, which it cannot where that is read-only.
        assert not (service.get("secrets") and service.get("read_only"))
    handed = {name: {s["source"] for s in rendered.services[name]["secrets"]} for name in users}
    assert handed["elasticsearch"] == {"elastic_password"}
    assert handed["kibana"] == {"kibana_password", "kibana_encryption_key"}


def test_what_is_published_listens_on_loopback_alone(rendered: Rendered) -> None:
    published = {
        name: [(port["host_ip"], port["published"]) for port in service["ports"]]
        for name, service in rendered.services.items()
        if "ports" in service
    }
    assert published == {
        "elasticsearch": [("127.0.0.1", "9200")],
        "kibana": [("127.0.0.1", "5601")],
    }
    assert not [n for n, s in rendered.services.items() if s.get("network_mode") == "host"]


def test_every_service_has_a_limit_and_no_right_that_it_does_not_need(rendered: Rendered) -> None:
    for name, service in rendered.services.items():
        assert 256 << 20 <= int(service["mem_limit"]) <= 4 << 30, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name
        assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & set(service), name
        assert "/var/run/docker.sock" not in rendered.volumes(name)
    assert [n for n, s in rendered.services.items() if s.get("user", "1")[0] == "0"] == [
        "certificates"
    ]


def test_every_service_either_ends_or_is_restarted_and_tells_its_health(
    rendered: Rendered,
) -> None:
    for name, service in rendered.services.items():
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name
            assert not service["healthcheck"].get("disable"), name
    for service in rendered.services.values():
        for other, needed in service.get("depends_on", {}).items():
            ends = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert needed["condition"] == ends


def test_images_are_pinned(rendered: Rendered) -> None:
    for name, service in rendered.services.items():
        version = service["image"].rpartition(":")[2]
        assert version == (__version__ if name in OURS else ELASTIC_VERSION), name
        assert (service.get("build", {}).get("target") == "docsluice") is (name in OURS), name


def test_elasticsearch_has_security_and_tls_on(rendered: Rendered) -> None:
    settings = rendered.services["elasticsearch"]["environment"]
    for name in ("enabled", "http.ssl.enabled", "transport.ssl.enabled"):
        assert settings[f"xpack.security.{name}"] == "true"
    assert settings["xpack.security.transport.ssl.verification_mode"] == "full"
    assert rendered.services["elasticsearch"]["ulimits"]["memlock"] == {"soft": -1, "hard": -1}
    for name in OURS:
        address = rendered.services[name]["environment"]["DOCSLUICE_ELASTICSEARCH__URL"]
        assert address == "https://elasticsearch:9200"


def test_docsluice_writes_to_its_volumes_alone_and_reads_its_own_key(rendered: Rendered) -> None:
    for name, role in (("docsluice", "ingest"), ("provision", "provision")):
        service, volumes = rendered.services[name], rendered.volumes(name)
        assert service["read_only"]
        writable = {target for target, one in volumes.items() if not one.get("read_only")}
        assert writable == {"/store", "/var/cache/docsluice"}
        key = service["environment"]["DOCSLUICE_ELASTICSEARCH__API_KEY_FILE"]
        assert key == f"{KEYS}/{role}/api_key"
        assert [target for target in volumes if target.startswith("/keys")] == [f"/keys/{role}"]
    assert rendered.volumes("docsluice")["/data"]["source"].endswith("/seeds")
    assert set(KEY_ROLES) == {"ingest", "provision"}
    handed = {secret["target"] for secret in rendered.services["set-up"]["secrets"]}
    names = ("elastic", "kibana", "reader")
    assert handed == {f"{SECRETS_DIRECTORY}/{name}_password" for name in names}


def test_private_keys_go_to_none_but_their_servers(rendered: Rendered) -> None:
    of_volume = {
        volume: {
            name
            for name in rendered.services
            if volume in {one["source"] for one in rendered.volumes(name).values()}
        }
        for volume in rendered.project["volumes"]
    }
    assert of_volume["authority"] == {"certificates"}
    for server in ("elasticsearch", "kibana"):
        assert of_volume[f"{server}-tls"] == {"certificates", server}
    assert of_volume["trust"] == {"certificates"} | OURS
    assert all(of_volume.values())


def test_all_that_is_mounted_from_the_project_is_there_and_read_only(rendered: Rendered) -> None:
    mounted = [
        one
        for name in rendered.services
        for one in rendered.volumes(name).values()
        if one["type"] == "bind"
    ]
    assert len(mounted) == 5
    for one in mounted:
        assert one["read_only"]
        relative = Path(one["source"]).parts[-3:] if "config" in one["source"] else ["seeds"]
        assert ROOT.joinpath(*relative).exists(), one


def test_commands_are_commands_of_docsluice(rendered: Rendered) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in ("docsluice", "provision"):
        verb, *rest = rendered.services[name]["command"]
        options = {o for parameter in commands[verb].params for o in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options
    assert rendered.services["docsluice"]["command"][:4] == ["schedule", "/data", "--every", "15m"]


def test_ports_memory_and_data_are_the_users_to_choose(compose: list[str], directory: Path) -> None:
    with (directory / ".env").open("a") as file:
        file.write("KIBANA_PORT=15601\nELASTICSEARCH_MEMORY=8g\nDATA=/srv/raw\n")
    rendered = render(compose, directory)
    kibana = rendered.services["kibana"]
    assert kibana["ports"][0]["published"] == "15601"
    assert kibana["environment"]["KIBANA_PUBLISHED_PORT"] == "15601"
    assert rendered.services["elasticsearch"]["mem_limit"] == str(8 << 30)
    assert rendered.volumes("docsluice")["/data"]["source"] == "/srv/raw"
    assert rendered.volumes("docsluice")["/data"]["read_only"]
