"""The program of a real Elasticsearch, fetched once into the user's cache directory."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.servers import UnavailableError
from tests.integration.servers.maven import maven

VERSION = "8.19.21"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
SHA512 = (
    "cf6b0a93860d329937ae7f913ec5073b0c726c77639764b93fc83a304aa1dd9d"
    "4defcfa2849948eea3b0b47c2065f994908603939fc2a4774c9c4d868c5ec1dd"
)
_FETCH_SECONDS = 300
_OLDEST_JAVA = 17


def unpacked() -> Path:
    """The directory of the server's program, fetched if it is not there; nothing writes to it.

    Raises:
        UnavailableError: there is no ``mvn``, or it could not fetch.
    """
    directory = cached(f"elasticsearch-{VERSION}")
    with alone(directory):
        if not directory.exists():
            with tempfile.TemporaryDirectory(dir=directory.parent) as workplace:
                _unpack(_fetch(Path(workplace)), Path(workplace))
                Path(workplace, directory.name).rename(directory)
    return directory


def java_home(server: str = "Elasticsearch") -> Path:
    """The home of the Java that the server runs with.

    ``ES_JAVA_HOME``, else ``JAVA_HOME``, else ``java`` on the path.

    Raises:
        UnavailableError: there is none, or it is too old.
    """
    named = os.environ.get("ES_JAVA_HOME") or os.environ.get("JAVA_HOME")
    java = Path(named, "bin", "java") if named else shutil.which("java")
    try:
        shown = subprocess.run(
            [java or "java", "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(
            f"{server} needs a JDK, version {_OLDEST_JAVA} or newer ({error}); "
            "install one, or name it in ES_JAVA_HOME"
        ) from None
    properties = dict(re.findall(r"^ +(java\.\S+) = (.*)$", shown, re.MULTILINE))
    if float(properties["java.specification.version"]) < _OLDEST_JAVA:
        raise UnavailableError(
            f"{server} needs a JDK, version {_OLDEST_JAVA} or newer, and {java} is "
            f"{properties['java.version']}; name a newer one in ES_JAVA_HOME"
        )
    return Path(properties["java.home"])


def cached(name: str) -> Path:
    """Where something that is fetched or built once is kept, in the user's cache directory."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache_home / "docsluice" / name


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Two test processes must not fetch the same thing at once."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(workplace: Path) -> Path:
    options = (f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={workplace}")
    maven("copy", *options, cwd=workplace, what=ARTIFACT, seconds=_FETCH_SECONDS)
    (archive,) = workplace.glob("*.zip")
    with archive.open("rb") as file:
        if hashlib.file_digest(file, "sha512").hexdigest() != SHA512:
            raise UnavailableError(f"what mvn fetched as {ARTIFACT} has another SHA-512 than ours")
    return archive


def _unpack(archive: Path, directory: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            path = Path(members.extract(member, directory))
            if not member.is_dir():
                path.chmod(0o755 if path.parent.name == "bin" else 0o644)
