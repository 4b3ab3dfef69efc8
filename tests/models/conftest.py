import gzip
import hashlib
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import srsly

# The recipe is a folder of scripts, not a package: Python finds its modules beside the script.
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "models"))

import sources


@pytest.fixture
def word_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make a package of lists of words, given by language; returns the folder of the packages."""

    def make(**lists: list[list[str]]) -> Path:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as wheel:
            for language, by_frequency in lists.items():
                packed = gzip.compress(srsly.msgpack_dumps([{}, *by_frequency]))
                wheel.writestr(f"wordfreq/data/small_{language}.msgpack.gz", packed)
        (tmp_path / sources.WORDFREQ).write_bytes(content.getvalue())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        monkeypatch.setitem(sources.DIGESTS, sources.WORDFREQ, digest)
        return tmp_path

    return make
