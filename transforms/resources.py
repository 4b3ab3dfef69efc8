"""Where the data that ships with docsluice lies."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the path of shipped data, such as ``models/fallback`` or ``config/default.yaml``.

    An installed wheel keeps it in the package, under ``_resources``; a checkout at its root.
    Raises ``FileNotFoundError`` where neither has it.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"docsluice is installed without its {name!r}")
