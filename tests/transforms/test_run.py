import pytest

from transforms.run import beside


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("store/documents/run=1/a", "fingerprints", "store/fingerprints/run=1/a"),
        ("documents/run=1/a.parquet", "fingerprints", "fingerprints/run=1/a.parquet"),
        ("/documents/x/documents/run=1/a", "fingerprints", "/documents/x/fingerprints/run=1/a"),
        ("gs://b/fingerprints/run=1/a", "documents", "gs://b/documents/run=1/a"),
    ],
)  # fmt: skip
def test_a_file_has_another_beside_it_wherever_the_store_is(
    path: str, kind: str, expected: str
) -> None:
    assert beside(path, kind) == expected
