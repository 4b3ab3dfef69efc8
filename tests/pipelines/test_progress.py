from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich.console import Console

from pipelines.progress import Progress, Watcher, follower, progress_line
from transforms.document import Document
from transforms.parquet import document_table, encode
from transforms.run import Run
from transforms.spool import spool_path, write_spool


def test_the_line_tells_documents_megabytes_and_rates() -> None:
    progress = Progress(10_000_000, 2_000, 5_000_000, 1_000, seconds=2.0)
    assert progress.line() == (
        "2,000 documents read, 5.0 of 10.0 MB, 1,000 written, 500 documents/s, 2.5 MB/s"
    )


def test_progress_follows_the_files_of_a_run(
    run: Run, make_document: Callable[..., Document]
) -> None:
    from transforms import files

    watcher = Watcher(run, {0: 100, 1: 50})
    assert watcher.look().read_documents == 0
    documents = [make_document(str(number)) for number in range(3)]
    write_spool(spool_path(run, "00000-000"), documents)
    write_spool(spool_path(run, "00000-001"), documents[:1])
    assert (watcher.look().read_documents, watcher.look().read_bytes) == (4, 100)
    data = encode(document_table(documents, run.run_id, run.started_at))
    files.write(run.part("documents", "00000-000", ".parquet"), data)
    assert watcher.look().written_documents == 3
    assert watcher.look().written_documents == 3


def test_the_line_is_shown_while_the_block_runs(run: Run) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with progress_line(run, {0: 2_000_000}, console, interval=0.01):
        import time

        time.sleep(0.2)
    assert "0.0 of 2.0 MB" in screen.getvalue()


def test_a_script_sees_no_progress(run: Run, capfd) -> None:
    with follower(silent=False)(run, {0: 1}):
        pass
    assert capfd.readouterr() == ("", "")
