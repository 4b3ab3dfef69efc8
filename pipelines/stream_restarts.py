"""When a pipeline that was lost is started again. Pure."""

from __future__ import annotations

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each restart in a row; a pipeline that is lost once more is given up."""

LONG = 300.0
"""Seconds of work after which a loss has nothing to do with those before it."""


class Restarts:
    """Counts the losses in a row."""

    def __init__(self) -> None:
        self.in_a_row = 0

    def pause(self, has_begun: bool, seconds: float) -> float | None:
        """Seconds to wait before the pipeline is started again; None: it is given up.

        Args:
            has_begun: whether it had got as far as to work. One that cannot even begin is wrongly
                set up, unless it has worked before.
            seconds: how long it lasted.
        """
        if has_begun and seconds >= LONG:
            self.in_a_row = 0
        if self.in_a_row == len(PAUSES) or not (has_begun or self.in_a_row):
            return None
        self.in_a_row += 1
        return PAUSES[self.in_a_row - 1]
