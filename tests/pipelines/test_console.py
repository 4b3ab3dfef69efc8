import os
import subprocess
import sys

import pytest
import typer

from pipelines.console import command, count, size_in_words

ENDING = """
import atexit
from pipelines.console import end_process
atexit.register(print, "cleaned up")
print("said", end="")
end_process({code!r})
"""


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (3, 3), ("what happened", 1)])
def test_a_process_ends_with_the_code_all_output_and_its_clean_up(
    code: object, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING.format(code=code)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (status, "saidcleaned up\n")
    assert done.stderr == ("docsluice: what happened\n" if status == 1 else "")


def test_a_process_ends_quietly_when_nobody_reads_its_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ending = [sys.executable, "-c", ENDING.format(code=0)]
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(ending, stdout=writer, stderr=subprocess.PIPE, env=buffered)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("commits", "said"),
    [(True, "interrupted; nothing of this run was committed"), (False, "interrupted")],
)
def test_ctrl_c_speaks_of_a_commit_only_where_there_would_be_one(
    commits: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, command(commits=commits):
        raise KeyboardInterrupt
    assert end.value.exit_code == 3
    assert capsys.readouterr().err == f"docsluice: {said}\n"


def test_a_number_of_things_is_in_words() -> None:
    assert [count(n, "file") for n in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_500_000, "1.4 MiB"),
        (2**40, "1.0 TiB"),
        (2**50, "1,024.0 TiB"),
    ],
)
def test_a_size_is_in_the_unit_that_fits(number: int, words: str) -> None:
    assert size_in_words(number) == words
