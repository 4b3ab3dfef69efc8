"""What a stream tells of itself: a line of the log for each window, a status file, metrics."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipelines.attempt import Outcome
from pipelines.console import count, exit_code
from pipelines.service_status import Status, StatusFile, StatusFileError
from pipelines.single_run import Summary
from transforms.files import is_remote

log = logging.getLogger(__name__)


class Reporter:
    """Tells of windows."""

    def __init__(self, file: StatusFile | None = None) -> None:
        self.status = Status("stream")
        self._file = file
        self._under_way = self._staged = 0

    def show(self, status: Status) -> None:
        """From now on this is the status."""
        self.status = status
        if self._file is not None:
            self._file.write(status)

    def window(
        self, summaries: Sequence[Summary], began: datetime, published: int, under_way: int
    ) -> None:
        """A window was closed.

        Args:
            summaries: of the runs that it made.
            began: when it began to be committed (UTC).
            published: number of published documents in the store.
            under_way: number of files that were read and are not yet found by searches.
        """
        outcomes: Counter[str] = Counter()
        for summary in summaries:
            outcomes.update(summary.outcomes)
        run_ids = tuple(run_id for summary in summaries for run_id in summary.run_ids)
        outcome = Outcome("done", 0, "", run_ids, dict(outcomes), published=published)
        self.show(self.status.after(outcome, began, datetime.now(UTC)).running())
        told = ", ".join(f"{number:,} {name}" for name, number in outcomes.items())
        more = f"; {count(under_way, 'file')} under way" if under_way else ""
        log.info("%s: %s%s", ", ".join(run_ids), told, more)

    def on_its_way(self, files: int, documents: int) -> None:
        """So many files are ordered and not yet searched, so many documents staged, in no run."""
        self._under_way, self._staged = files, documents

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """What ``on_its_way`` was told last, for ``pipelines.metrics.endpoint``."""
        yield "files_under_way", "Files ordered and not yet searched.", self._under_way
        yield "documents_staged", "Documents that wait to be committed.", self._staged

    def failed(self, error: str, code: int) -> None:
        """The stream ends with an error and this exit code."""
        outcome = Outcome("failed", code, error)
        self.show(self.status.after(outcome, self.status.since, datetime.now(UTC)))


@contextmanager
def reporter(
    store: str,
    status_file: str | None = None,
    metrics_port: int | None = None,
    metrics_address: str = "127.0.0.1",
) -> Iterator[Reporter]:
    """A reporter for the block.

    Raises:
        StatusFileError: the status file that is named cannot be written.
        MetricsError: the address of the metrics is taken.
    """
    with ExitStack() as stack:
        made = Reporter(_status_file(store, status_file))
        if metrics_port is not None:
            from pipelines.metrics import endpoint

            port = stack.enter_context(
                endpoint(lambda: made.status, metrics_address, metrics_port, made.gauges)
            )
            name = f"[{metrics_address}]" if ":" in metrics_address else metrics_address
            log.info("metrics at http://%s:%d/metrics", name, port)
        made.show(made.status.running())
        try:
            yield made
        except Exception as error:
            code = exit_code(error)
            # A mistake of ours ends with a traceback, and Python's exit code.
            made.failed(str(error), 1 if code is None else code)
            raise
        finally:
            made.show(made.status.stopped())


def _status_file(store: str, named: str | None) -> StatusFile | None:
    if named:
        return StatusFile(Path(named))
    if is_remote(store):
        return None
    try:
        return StatusFile(Path(store, "stream.json"))
    except StatusFileError as error:
        log.warning("%s; this one goes on without", error)
        return None
