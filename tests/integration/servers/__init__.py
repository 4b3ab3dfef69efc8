"""Real servers for the tests, and faults put between them and their clients."""

from __future__ import annotations

import os


class UnavailableError(RuntimeError):
    """This machine cannot have the server; the message names what is missing."""


def in_continuous_integration() -> bool:
    """Whether a missing server is a failure (``CI=true``) and not a skip."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}
