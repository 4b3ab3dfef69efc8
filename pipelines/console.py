"""What every command shares: exit codes, logging to stderr, and errors in words."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer


class ExitCode(IntEnum):
    """How a command ends."""

    WELL = 0
    SOME_FAILED = 1
    USAGE = 2
    FAILED = 3


def set_up_logging(verbose: bool = False, quiet: bool = False) -> None:
    """Log to stderr: warnings, or more, or only errors."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s", force=True
    )
    for name in ("pipelines", "transforms"):
        logging.getLogger(name).setLevel(level)
    for name in ("root", "apache_beam"):  # Beam warns of extras that we do not use
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.CRITICAL)


def complain(message: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    typer.echo(f"docsluice: {message}", err=True)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn errors that a user can mend into one line and the right exit code."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted; nothing of this run was committed")
        raise typer.Exit(ExitCode.FAILED) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(ExitCode.WELL) from None
    except (RuntimeError, ValueError, OSError) as error:
        expected = type(error).__module__.split(".")[0] in ("pipelines", "transforms")
        if not expected and not isinstance(error, OSError):
            raise  # a mistake of ours: its traceback is what we need
        complain(str(error))
        usage = isinstance(error, ValueError)
        raise typer.Exit(ExitCode.USAGE if usage else ExitCode.FAILED) from None
