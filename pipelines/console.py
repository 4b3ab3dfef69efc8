"""What every command shares: exit codes, logging to stderr, and errors in words."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import NoReturn

import typer

_OURS = ("pipelines", "transforms")


class ExitCode(IntEnum):
    """How a command ends."""

    WELL = 0
    SOME_FAILED = 1
    USAGE = 2
    FAILED = 3


def set_up_logging(verbose: bool = False, quiet: bool = False) -> None:
    """Log our own messages to stderr: warnings, or only errors, or everything, of libraries too."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    if not verbose:  # libraries warn of what a user can do nothing about
        handler.addFilter(lambda record: record.name.split(".")[0] in _OURS)
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


def complain(message: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    typer.echo(f"docsluice: {message}", err=True)


def count(number: int, noun: str) -> str:
    """A number of things in words, the noun in the plural where it must be."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_in_words(number: int) -> str:
    """A number of bytes in words, in the unit that leaves fewer than five digits."""
    size, unit = float(number), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{number} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


@contextmanager
def command(verbose: bool = False, quiet: bool = False, *, commits: bool = True) -> Iterator[None]:
    """Run a command: log as asked, and turn errors that a user can mend into one line each.

    Args:
        verbose: whether to log more.
        quiet: whether to log only errors.
        commits: whether the command is a run or the like, that commits or leaves no trace.
    """
    set_up_logging(verbose, quiet)
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted; nothing of this run was committed" if commits else "interrupted")
        raise typer.Exit(ExitCode.FAILED) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(ExitCode.WELL) from None
    except (RuntimeError, ValueError, OSError) as error:
        code = exit_code(error)
        if code is None:
            raise  # a mistake of ours: its traceback is what we need
        complain(str(error))
        raise typer.Exit(code) from None


def exit_code(error: Exception) -> ExitCode | None:
    """How a command ends at an error that a user can mend; None for any other error."""
    ours = type(error).__module__.split(".")[0] in _OURS
    if isinstance(error, OSError) or (ours and isinstance(error, RuntimeError | ValueError)):
        return ExitCode.USAGE if isinstance(error, ValueError) else ExitCode.FAILED
    return None


def end_process(code: object) -> NoReturn:
    """End with the code of a ``SystemExit``, after Python's own clean-up and no other.

    The numerical libraries keep threads of their own. Once in some hundred runs one of them is
    still starting while the destructors of C++ globals take it down, and that aborts the process:
    a run that had gone well would end with a signal.
    """
    if isinstance(code, str):
        complain(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or a pipe that nobody reads any more
            stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else ExitCode.SOME_FAILED)
