"""Patterns of names: which files they take, and which are passed over unless they are named."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

GLOB = re.compile(r"[*?[]")
"""Finds where in a source its pattern begins."""


def taker(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Callable[[str], bool]:
    """Tells of the path of a file below its source whether the patterns take it."""
    if not include and not exclude:
        return lambda _: True
    included = [_pattern(p) for p in include]
    excluded = [_pattern(p) for p in exclude]

    def takes(relative: str) -> bool:
        if included and not any(p.fullmatch(relative) for p in included):
            return False
        return not any(p.fullmatch(relative) for p in excluded)

    return takes


def is_hidden(name: str) -> bool:
    """Whether a file or directory of this name is passed over unless it is named itself."""
    return name.startswith(".") or name.endswith("~") or (name[:1] == "#" == name[-1:])


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern that also matches whatever is below what it matches."""
    anywhere = "" if "/" in text.strip("/") else "(?:.*/)?"
    return re.compile(f"{anywhere}{glob_regex(text.strip('/'))}(?:/.*)?", re.DOTALL)


def glob_regex(pattern: str) -> str:
    """The regular expression of a glob that whole paths are held against."""
    regex = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern, re.DOTALL):
        if piece == "**/":
            regex.append("(?:.*/)?")
        elif piece == "**":
            regex.append(".*")
        elif piece in "*?":
            regex.append("[^/]*" if piece == "*" else "[^/]")
        elif piece.startswith("[") and len(piece) > 1:
            inner = piece[1:-1].replace("\\", r"\\")
            regex.append(f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
        else:
            regex.append(re.escape(piece))
    return "".join(regex)
