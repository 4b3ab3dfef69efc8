"""The secrets of ``docker-compose.yml``, drawn once.

``python -m pipelines.compose.environment .env`` needs nothing but Python: it runs before anything
is installed.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

SECRETS = ("ELASTIC_PASSWORD", "KIBANA_PASSWORD", "KIBANA_ENCRYPTION_KEY", "READER_PASSWORD")
"""Names of the variables: two users of the server's own, Kibana's key, and who looks at results."""

_BYTES = 32
_GIVEN = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*\S", re.MULTILINE)


def complete(file: Path) -> list[str]:
    """Add the secrets that ``file`` lacks; it is created if need be, and for its owner alone (600).

    What it holds stays as it is. Returns the names that were added. Raises OSError where the file
    cannot be read or written.
    """
    text = file.read_text("utf-8") if file.exists() else ""
    given = set(_GIVEN.findall(text))
    missing = [name for name in SECRETS if name not in given]
    separator = "\n" if text and not text.endswith("\n") else ""
    added = "".join(f"{name}={secrets.token_urlsafe(_BYTES)}\n" for name in missing)
    _replace(file, text + separator + added)
    return missing


def _replace(file: Path, text: str) -> None:
    """Write beside the file, then rename: nobody reads half of it, or it with other rights."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  of a descriptor
        stream.write(text)
    new.replace(file)


def main() -> None:
    """Complete the file that the command line names, and say what was added."""
    file = Path(sys.argv[1])
    try:
        added = complete(file)
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"cannot complete {file}: {error}")
    print(f"{file}: {'added ' + ', '.join(added) if added else 'complete'}")


if __name__ == "__main__":
    main()
