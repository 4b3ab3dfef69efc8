"""What has to be watched to hear of changes under local sources, and which changes matter."""

from __future__ import annotations

# ruff: noqa: PTH100, PTH110, PTH111, PTH118
# os.path: names that are no valid text pass through.
import fnmatch
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from transforms.files import is_remote
from transforms.read.globs import is_hidden, taker

_GLOB = re.compile(r"[*?[]")


class WatchError(ValueError):
    """A source that cannot be watched; one line for the user."""


@dataclass(frozen=True)
class Place:
    """A file or directory to watch: ``root``. ``glob`` is the pattern, if the source was one."""

    root: str
    glob: str = ""


def places(sources: Sequence[str]) -> tuple[Place, ...]:
    """What has to be watched for these sources.

    Raises:
        WatchError: a source is not on this machine.
    """
    found = []
    for source in sources:
        if source.lower().startswith("file://"):
            path = unquote(urlsplit(source).path, errors="surrogateescape")
        elif is_remote(source):
            raise WatchError(
                f"{source} tells of no changes; only files on this machine can be watched: use "
                "docsluice schedule"
            )
        else:
            path = source
        path = os.path.abspath(os.path.expanduser(path))
        pattern = _GLOB.search(path)
        if pattern and not os.path.exists(path):
            fixed = os.path.realpath(path[: pattern.start()].rpartition("/")[0] or "/")
            found.append(Place(fixed, os.path.join(fixed, _below(path, pattern.start()))))
        else:
            found.append(Place(os.path.realpath(path)))
    return tuple(found)


def _below(path: str, place: int) -> str:
    """The part of a pattern below the directories that are no pattern."""
    return path[path[:place].rfind("/") + 1 :]


def matters(
    watched: Sequence[Place],
    include: Sequence[str],
    exclude: Sequence[str],
    ignored: Sequence[str] = (),
) -> Callable[[str, bool], bool]:
    """Tells of the path of a change, and whether it is a file, if a run might see it.

    Of what is no file (a directory, or gone) nobody knows what was in it: it matters unless it
    is hidden or excluded. ``ignored`` are files and directories whose changes are our own.
    """
    takes, excludes_not = taker(include, exclude), taker((), exclude)
    ours = tuple(map(os.path.realpath, ignored))

    def one(place: Place, path: str, is_file: bool) -> bool:
        if path == place.root:
            return True
        if not path.startswith(place.root.rstrip("/") + "/"):
            return False
        relative = path[len(place.root.rstrip("/")) + 1 :]
        if not is_file:
            return excludes_not(relative) and not any(map(is_hidden, relative.split("/")))
        if place.glob:
            # A superset: here * also matches /. The run lists the files itself.
            pattern = place.glob.replace("**/", "*")
            return takes(relative) and fnmatch.fnmatchcase(path, pattern)
        return takes(relative) and not any(map(is_hidden, relative.split("/")))

    def any_place(path: str, is_file: bool) -> bool:
        if any(path == own or path.startswith(own + "/") for own in ours):
            return False
        return any(one(place, path, is_file) for place in watched)

    return any_place
