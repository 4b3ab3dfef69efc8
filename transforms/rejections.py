"""What a stage leaves of a part, written in one go: ledger rows and dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from transforms.document import Rejected
from transforms.ledger import rejected_row, write_ledger
from transforms.letters import write_dead_letters
from transforms.run import Run


def write_rejected(run: Run, part: str, stage: str, rejected: Sequence[Rejected]) -> None:
    """Write what a stage rejected of a part to the ledger, what failed also as dead letters.

    Nothing is written if nothing was rejected.

    Raises:
        OSError: a file cannot be written.
    """
    if rejected:
        write_ledger(run, part, stage, tuple(map(rejected_row, rejected)))
    if failed := [one for one in rejected if one.outcome == "failed"]:
        write_dead_letters(run, part, stage, failed)
