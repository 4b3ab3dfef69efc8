"""What a result was computed by, in a string that changes when the result may.

A number to be raised by hand would be forgotten one day, and old results taken for new ones. So
code and model files stand for themselves, by a digest of their bytes, and installed packages by
their versions. A change that changes no result, such as that of a comment, costs a recomputation.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


@cache
def of_code(*modules: str) -> str:
    """Return a digest of the source of these modules, and the version of Unicode they know."""
    digest = blake2b(digest_size=16)
    for name in modules:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no source of {name}")
        digest.update(Path(spec.origin).read_bytes())
    return f"{digest.hexdigest()} unicode {unicodedata.unidata_version}"


@cache
def of_package(name: str) -> str:
    """Return name and version of an installed package. Raises ``PackageNotFoundError``."""
    return f"{name} {version(name)}"


@cache
def of_folder(path: str) -> str:
    """Return a digest of all files in a folder: their names and what is in them."""
    digest = blake2b(digest_size=16)
    folder = Path(path)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(
                f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode()
            )
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()
