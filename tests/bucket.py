"""A stand-in for an object store, which cannot be had in a test: Beam's filesystem interface,
without directories, over a local folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem


class BucketFileSystem(FileSystem):
    """``bucket://name/key``; a key is a file below ``root``."""

    root: ClassVar[Path]

    @classmethod
    def scheme(cls) -> str:
        return "bucket"

    def _local(self, path: str) -> Path:
        return self.root / path.removeprefix("bucket://")

    def _path(self, local: Path) -> str:
        return "bucket://" + local.relative_to(self.root).as_posix()

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        """An object store has no directories."""

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str):  # type: ignore[no-untyped-def]
        for file in sorted(self.root.rglob("*")):
            if file.is_file() and self._path(file).startswith(dir_or_prefix):
                stat = file.stat()
                yield FileMetadata(self._path(file), stat.st_size, stat.st_mtime)

    def create(self, path, mime_type="", compression_type="auto"):  # type: ignore[no-untyped-def]
        local = self._local(path)
        local.parent.mkdir(parents=True, exist_ok=True)
        return local.open("wb")

    def open(self, path, mime_type="", compression_type="auto"):  # type: ignore[no-untyped-def]
        try:
            return io.BytesIO(self._local(path).read_bytes())
        except OSError as error:
            raise BeamIOError("cannot open", {path: error}) from error

    def exists(self, path: str) -> bool:
        return self._local(path).is_file()

    def size(self, path: str) -> int:
        return self._local(path).stat().st_size

    def last_updated(self, path: str) -> float:
        return self._local(path).stat().st_mtime

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            for file in list(self._list(path)) if path.endswith("/") else [self.metadata(path)]:
                self._local(file.path).unlink()

    def copy(self, source_file_names, destination_file_names):  # type: ignore[no-untyped-def]
        raise NotImplementedError("docsluice does not copy files")

    def rename(self, source_file_names, destination_file_names):  # type: ignore[no-untyped-def]
        raise NotImplementedError("docsluice does not rename files of an object store")
