from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from transforms.read.listing import uri_of_path
from transforms.read.slices import SourceFile, path_of


@given(st.binary(min_size=1).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_the_path_of_a_uri_is_that_of_the_file(name: bytes) -> None:
    path = "/" + name.decode(errors="surrogateescape")
    assert path_of(uri_of_path(path)) == path


def test_a_file_elsewhere_is_opened_by_its_uri() -> None:
    file = SourceFile("s3://bucket/a%20b.txt", 1, "v")
    assert file.path == file.uri
    assert pickle.loads(pickle.dumps(file)) == file
