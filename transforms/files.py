"""Files of the store on any filesystem: plain calls for local paths, Beam's filesystems elsewhere.

Beam is imported only for paths with a scheme, so that commands over a local store start fast.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident
from typing import IO, Any

_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]+)://")
_EXTRAS = {"gs": "gcs", "s3": "s3"}
_NEEDS = {"s3": "boto3"}
"""Beam registers these filesystems even where they cannot work."""


_SYNCED_AT_ONCE = 16


class NoFilesystemError(ValueError):
    """A path on a filesystem that Beam cannot reach; the message says what would help."""


def is_remote(path: str) -> bool:
    """Whether the path has a scheme (``gs://``, ``s3://``, …) and so needs Beam to be opened."""
    return bool(_SCHEME.match(path)) and not path.startswith("file://")


def check_filesystem(path: str) -> None:
    """Make sure that Beam knows the filesystem of a path.

    Raises:
        NoFilesystemError: it does not; an extra of docsluice is missing, or there is none.
    """
    scheme = _SCHEME.match(path)
    if scheme is None or not is_remote(path):
        return
    name = scheme[1].lower()
    try:
        _filesystems().get_filesystem(path)
        missing = name in _NEEDS and find_spec(_NEEDS[name]) is None
    except ValueError:
        missing = True
    if missing:
        extra = _EXTRAS.get(name)
        hint = f"pip install 'docsluice[{extra}]'" if extra else f"no filesystem for {name}://"
        raise NoFilesystemError(f"cannot reach {path}: {hint}")


def join(base: str, *parts: str) -> str:
    """The path of a file below ``base``."""
    return "/".join([base.rstrip("/"), *parts]) if is_remote(base) else str(Path(base, *parts))


def write(path: str, data: bytes, durable: bool = False) -> None:
    """Write a whole file so that it is seen complete or not at all; overwrites.

    ``durable`` waits until it is on the disk. The files of a run are not worth that one by one:
    none counts before the commit, which makes them all ``durable``.

    Raises:
        OSError: the file cannot be written.
    """
    with writing(path, durable) as file:
        file.write(data)


@contextmanager
def writing(path: str, durable: bool = False) -> Iterator[IO[bytes]]:
    """A file to write piece by piece, otherwise as ``write`` does.

    Raises:
        OSError: the file cannot be written.
    """
    if is_remote(path):
        with _filesystems().create(path, compression_type="uncompressed") as file:
            yield file
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_durable(paths: Iterable[str]) -> None:
    """Wait until files, and their names, are on the disk; other filesystems see to that."""
    local = [Path(path) for path in paths if not is_remote(path)]
    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:  # a file system joins what comes together
        list(pool.map(_sync, (*local, *sorted({path.parent for path in local}))))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str) -> bytes:
    """The whole content of a file.

    Raises:
        OSError: the file cannot be read.
    """
    if not is_remote(path):
        return Path(path).read_bytes()
    with _filesystems().open(path, compression_type="uncompressed") as file:
        return bytes(file.read())


def exists(path: str) -> bool:
    """Whether there is a file at a path."""
    return bool(_filesystems().exists(path)) if is_remote(path) else Path(path).exists()


def read_if_there(path: str) -> bytes | None:
    """The whole content of a file, or None if it does not exist.

    Raises:
        OSError: the file cannot be read.
    """
    if is_remote(path) and not _filesystems().exists(path):
        return None
    try:
        return read(path)
    except FileNotFoundError:
        return None


def names(directory: str, suffix: str = "") -> list[str]:
    """Sorted names of the files directly in a directory that end in ``suffix``; [] if absent."""
    if not is_remote(directory):
        try:
            found = [entry.name for entry in os.scandir(directory)]
        except FileNotFoundError:
            return []
    else:
        matched = _filesystems().match([directory.rstrip("/") + "/*"])[0].metadata_list
        found = [metadata.path.rstrip("/").rsplit("/", 1)[-1] for metadata in matched]
    return sorted(name for name in found if name.endswith(suffix) and not name.startswith("."))


def modified(directory: str) -> dict[str, datetime]:
    """When each file directly in a directory was last written (UTC); {} if it does not exist."""
    if is_remote(directory):
        matched = _filesystems().match([directory.rstrip("/") + "/*"])[0].metadata_list
        found = {
            metadata.path.rsplit("/", 1)[-1]: metadata.last_updated_in_seconds or 0.0
            for metadata in matched
        }
    else:
        found = {}
        for name in names(directory):
            with suppress(FileNotFoundError):  # deleted since
                found[name] = Path(directory, name).stat().st_mtime
    return {name: datetime.fromtimestamp(seconds, UTC) for name, seconds in found.items()}


def directories(directory: str) -> list[str]:
    """Sorted names of the directories directly in a directory; [] if it does not exist."""
    if not is_remote(directory):
        try:
            return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        except FileNotFoundError:
            return []
    base = directory.rstrip("/") + "/"
    matched = _filesystems().match([base + "**"])[0].metadata_list
    below = (metadata.path[len(base) :] for metadata in matched)
    return sorted({path.split("/", 1)[0] for path in below if "/" in path})


def delete(path: str) -> None:
    """Remove a file; nothing happens if it does not exist.

    Raises:
        OSError: it cannot be removed.
    """
    if not is_remote(path):
        Path(path).unlink(missing_ok=True)
    elif _filesystems().exists(path):
        _filesystems().delete([path])


def delete_tree(path: str) -> None:
    """Remove a directory and all it holds; nothing happens if it does not exist."""
    if not is_remote(path):
        shutil.rmtree(path, ignore_errors=True)
    elif any(result.metadata_list for result in _filesystems().match([path.rstrip("/") + "/**"])):
        _filesystems().delete([path.rstrip("/") + "/"])


def _filesystems() -> Any:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    if FileSystems._pipeline_options is None:  # Beam sets them in workers only; S3 needs some
        FileSystems.set_options(PipelineOptions([]))
    return FileSystems
