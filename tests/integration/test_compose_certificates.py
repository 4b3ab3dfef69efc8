"""The certificates of docker-compose.yml, made by Elasticsearch's own tool."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SEEDS
from tests.integration.conftest import skipping
from tests.integration.servers.distribution import java_home, unpacked

SCRIPT = SEEDS.parent / "config" / "compose" / "certificates.sh"
SERVERS = ("elasticsearch", "kibana")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("authority", "trust", *SERVERS):
        (directory / name).mkdir()
    make(directory)
    return directory


def make(directory: Path) -> str:
    with skipping():
        path = [str(unpacked() / "bin"), os.environ["PATH"]]
        environment = os.environ | {"PATH": os.pathsep.join(path), "ES_JAVA_HOME": str(java_home())}
    done = subprocess.run(
        [SCRIPT, directory], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def shake_hands(directory: Path, server: str, name: str) -> None:
    """TLS from client to server in memory, the certificate checked as strictly as Python can."""
    of_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    of_server.load_cert_chain(directory / server / "tls.crt", directory / server / "tls.key")
    of_client = ssl.create_default_context(cafile=directory / "trust" / "ca.crt")
    of_client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = of_client.wrap_bio(back, there, server_hostname=name)
    answering = of_server.wrap_bio(there, back, server_side=True)
    for side in (client, answering, client, answering):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_that_trusts_the_authority_takes_the_server_by_its_names(
    made: Path, server: str
) -> None:
    for name in (server, "localhost", "127.0.0.1"):
        shake_hands(made, server, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made, server, "example.org")


def test_everyone_reads_the_authority_and_only_the_group_of_the_servers_reads_keys(
    made: Path,
) -> None:
    modes = {name: (made / name).stat().st_mode & 0o777 for name in contents(made)}
    assert modes.pop("trust/ca.crt") == 0o644
    assert all(mode & 0o007 == 0 for mode in modes.values()), modes
    for server in SERVERS:
        assert modes[f"{server}/tls.key"] == 0o640
        assert sorted(path.name for path in (made / server).iterdir()) == [
            "ca.crt",
            "tls.crt",
            "tls.key",
        ]


def test_a_second_call_changes_nothing(made: Path) -> None:
    before = contents(made)
    assert make(made) == ""
    assert contents(made) == before


def test_a_removed_certificate_is_made_anew_by_the_same_authority(
    made: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(made, tmp_path / "copy")
    for file in (copy / "kibana").iterdir():
        file.unlink()
    assert make(copy) == "Made the certificate of kibana.\n"
    before, after = contents(made), contents(copy)
    assert {name for name in before if before[name] != after[name]} == {
        "kibana/tls.crt",
        "kibana/tls.key",
    }
    shake_hands(copy, "kibana", "localhost")
