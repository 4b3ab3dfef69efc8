"""``docsluice schedule``: a run whenever it is time.

Runs never overlap, for one loop does them one after the other. Where one or more fall due while
another runs, or while the machine sleeps, there is one more run at once. A failed run is tried
again after a while that doubles with each failure, a busy store at the next time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pipelines.rhythm import Rhythm
from pipelines.service import Service


def keep_schedule(service: Service, rhythm: Rhythm, at_start: bool) -> None:
    """Do runs in this rhythm until a signal comes; a first one now if ``at_start``."""
    due = datetime.now(UTC) if at_start else rhythm.after(datetime.now(UTC))
    service.show(service.status.waiting(due))
    while service.rest_until(due):
        started = datetime.now(UTC)
        outcome = service.run()
        due = service.retry_at() if outcome.result == "failed" else rhythm.after(started)
        service.report(outcome, due)
