"""Where the tests' own servers come from, and what is said where they cannot be had.

Programs that a test cannot have or may not call (a container engine, Maven without a network, an
old Java) are played by small scripts of the same name.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apache_beam
import pytest

from tests.integration.conftest import skipping
from tests.integration.servers import UnavailableError, distribution, flink, prism
from tests.integration.servers.container import IMAGE, Container
from tests.integration.servers.elasticsearch import StartError
from tests.integration.servers.node import Node
from tests.integration.servers.start import laid_out

Play = Callable[[str, str], Path]

ENGINE = """
import os, pathlib, signal, subprocess, sys
here = pathlib.Path(__file__).parent
command, *arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    print(command, *arguments, file=calls)
if command == "create":
    (here / "port").write_text(arguments[0].split(":")[1])
    print("cid")
elif command == "start":
    code = '''
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''
    serve = [sys.executable, "-c", code, (here / "port").read_text()]
    server = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (here / "pid").write_text(str(server.pid))
elif command == "inspect":
    print("true")
elif command in ("stop", "rm") and (here / "pid").exists():
    os.kill(int((here / "pid").read_text()), signal.SIGTERM)
    (here / "pid").unlink()
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Put a Python script of this name on the path, which holds nothing else; cache nothing yet."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()

    def put(name: str, code: str) -> Path:
        script = tmp_path / "bin" / name
        script.write_text(f"#!{sys.executable}\n{code}")
        script.chmod(0o755)
        return script

    return put


def maven(archive: Path) -> str:
    """A Maven that has this archive, and counts how often it is asked."""
    return f"""
import pathlib, shutil, sys, time
with (pathlib.Path(__file__).parent / "calls").open("a") as calls:
    print(*sys.argv, file=calls)
time.sleep(0.3)
(target,) = [a.split("=")[1] for a in sys.argv if a.startswith("-DoutputDirectory=")]
shutil.copy({str(archive)!r}, target)
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive, laid out as the real one is."""
    path = tmp_path / "small.zip"
    with zipfile.ZipFile(path, "w") as members:
        for name in ("bin/elasticsearch", "config/elasticsearch.yml"):
            members.writestr(f"elasticsearch-{distribution.VERSION}/{name}", "")
    return path


def test_without_maven_and_an_engine_both_are_named(play: Play) -> None:
    play("java", OLD_JAVA.replace("11", "17"))
    with pytest.raises(UnavailableError) as error:
        laid_out()
    assert "install Maven" in str(error.value)
    assert "no container engine answers" in str(error.value)


def test_maven_without_a_network_is_quoted(play: Play) -> None:
    play("mvn", "print('[INFO] hm'); print('[ERROR] Unknown host'); raise SystemExit(1)")
    with pytest.raises(UnavailableError, match=r"\(no network\?\):\n\[ERROR\] Unknown host"):
        distribution.unpacked()


def test_another_archive_is_not_taken(play: Play, archive: Path, tmp_path: Path) -> None:
    play("mvn", maven(archive))
    with pytest.raises(UnavailableError, match="another SHA-512"):
        distribution.unpacked()
    assert [path.suffix for path in (tmp_path / "cache" / "docsluice").iterdir()] == [".lock"]


def test_two_at_once_fetch_once(
    play: Play, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "SHA512", hashlib.sha512(archive.read_bytes()).hexdigest())
    script = play("mvn", maven(archive))
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: distribution.unpacked(), range(2))
    assert one == other == tmp_path / "cache" / "docsluice" / "elasticsearch-8.19.21"
    assert (one / "bin" / "elasticsearch").stat().st_mode & 0o111
    assert len(script.with_name("calls").read_text().splitlines()) == 1


def test_two_at_once_fetch_the_libraries_of_flink_once(play: Play, tmp_path: Path) -> None:
    code = "import pathlib, sys, time; time.sleep(0.3); pathlib.Path('lib').mkdir();"
    code += "pathlib.Path('lib', 'a.jar').write_text(pathlib.Path('pom.xml').read_text());"
    play("mvn", f"{code}print('called', file=open({str(tmp_path / 'calls')!r}, 'a'))")
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: flink.libraries(), range(2))
    assert one == other
    assert one.parent == tmp_path / "cache" / "docsluice"
    assert flink.JOB_SERVER_VERSION in (one / "a.jar").read_text()
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


GO = """
import os, pathlib, sys
assert sys.argv[1] == "install"
with (pathlib.Path(__file__).parent / "calls").open("a") as calls:
    print(sys.argv[-1], file=calls)
(pathlib.Path(os.environ["GOBIN"]) / "prism").write_text("a program")
"""


def test_prism_is_built_once_of_the_version_of_beam(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRISM", raising=False)
    calls = play("go", GO).with_name("calls")
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: prism.prism_binary(), range(2))
    assert one == other
    assert one.read_text() == "a program"
    (called,) = calls.read_text().splitlines()
    assert called.endswith(f"/prism@v{apache_beam.__version__}")


def test_a_prism_that_is_named_is_taken_if_it_is_a_program(
    tmp_path: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRISM", str(play("prism", "")))
    assert prism.prism_binary() == tmp_path / "bin" / "prism"
    monkeypatch.setenv("PRISM", str(tmp_path / "none"))
    with pytest.raises(UnavailableError, match=r"PRISM names .*none, which is no program"):
        prism.prism_binary()


OLD_JAVA = """
import sys
print("    java.home = /java", "    java.specification.version = 11", sep="\\n", file=sys.stderr)
print("    java.version = 11.0.2", file=sys.stderr)
"""


def test_a_missing_or_old_java_is_said(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ES_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnavailableError, match=r"needs a JDK, version 17 or newer .*'java'"):
        distribution.java_home()
    script = play("java", OLD_JAVA)
    with pytest.raises(UnavailableError, match=f"{script} is 11.0.2; name a newer one"):
        distribution.java_home()


def test_an_engine_runs_the_official_image_on_loopback(play: Play) -> None:
    calls = play("docker", ENGINE).with_name("calls")
    server = laid_out()
    assert isinstance(server, Container)
    with server:
        server.stop()
        server.start()
    made = [line.split() for line in calls.read_text().splitlines()]
    asked = {"info", "inspect"}
    commands = [call[0] for call in made if call[0] not in asked]
    assert commands == ["create", "start", "stop", "start", "rm"]
    (create,) = [call for call in made if call[0] == "create"]
    assert f"--publish=127.0.0.1:{server.port}:9200" in create
    assert create[-1] == IMAGE
    assert not server.directory.exists()


def test_an_engine_without_the_image_gives_way_to_maven(play: Play) -> None:
    play("docker", "import sys; sys.exit('no such image' if sys.argv[1] == 'create' else 0)")
    play("java", OLD_JAVA.replace("11", "17"))
    with pytest.raises(UnavailableError, match=r"install Maven.*; docker create: no such image"):
        laid_out()


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_server_is_a_skip_and_in_continuous_integration_a_failure(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no Java"), skipping():
        raise UnavailableError("no Java")


def test_a_server_that_ends_at_once_shows_its_log() -> None:
    with skipping():
        server = Node(analyzers=False)
    with (server.directory / "config" / "elasticsearch.yml").open("a") as settings:
        settings.write("no.such.setting: 1\n")
    with pytest.raises(StartError, match=r"ended; it logged last:(.|\n)*no\.such\.setting"), server:
        pass
    assert not server.directory.exists()
