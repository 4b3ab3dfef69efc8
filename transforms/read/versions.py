"""What tells one version of a file from another: size and time of change, and maybe its content.

A version is ``<size>-<time>``, or ``<size>-<time>-<digest>`` where the content was looked at. So
the two ways of comparing can take turns: each finds in a version what it needs.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from transforms.files import is_remote
from transforms.read.slices import SourceFile
from transforms.read.streams import open_local

_DIGEST_BYTES = 16
_BLOCK_BYTES = 1024 * 1024


def is_same_stamp(old: str, new: str) -> bool:
    """Whether size and time of change are the same in two versions."""
    return old == new or _parts(old)[:2] == _parts(new)[:2]


def is_same_content(old: str, new: str) -> bool:
    """Whether two versions have the same size and digest of the content, and both have one."""
    size, _, digest = _parts(old)
    return bool(digest) and (size, digest) == _parts(new)[::2]


def _parts(version: str) -> tuple[str, str, str]:
    size, _, rest = version.partition("-")
    time, _, digest = rest.partition("-")
    return size, time, digest


def changed_at(version: str) -> float:
    """When a file of this version changed, in seconds since 1970; 0 where the version is empty."""
    _, time, _ = _parts(version)
    seconds = "." in time  # an object store gives seconds, a local file nanoseconds
    return float(time or 0) / (1 if seconds else 1_000_000_000)


def with_digest(file: SourceFile) -> SourceFile:
    """The file with a digest of its content in its version.

    The digest is of all bytes, or what an object store keeps as ETag or checksum, which costs no
    reading. A file that cannot be read is returned as it is.
    """
    try:
        digest = _checksum(file) if is_remote(file.path) else _digest_of(open_local(file.path))
    except Exception:  # whoever reads it will say so; what Beam's filesystems raise varies
        return file
    return file._replace(version=f"{file.version}-{digest}")


def _digest_of(stream: BinaryIO) -> str:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _checksum(file: SourceFile) -> str:
    from apache_beam.io.filesystems import FileSystems

    checksum = str(FileSystems.get_filesystem(file.path).checksum(file.path)).strip('"')
    if checksum != str(file.size):
        return checksum
    # A filesystem that keeps none gives the size.
    return _digest_of(FileSystems.open(file.path, compression_type="uncompressed"))
