"""The readers in a pipeline, and through a Beam filesystem that is not the local one."""

from __future__ import annotations

import gzip
import json

import apache_beam as beam
import pytest
from apache_beam.io.localfilesystem import LocalFileSystem
from apache_beam.testing.util import assert_that, equal_to

from transforms.read.listing import SourceError, list_sources
from transforms.read.plan import plan_units
from transforms.read.transform import ReadDocuments, open_anywhere


class DiskFileSystem(LocalFileSystem):
    """The local disk under a scheme of its own."""

    @classmethod
    def scheme(cls):
        return "disk"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        head, _, tail = path.rpartition("/")
        return head, tail

    def _list(self, dir_or_prefix):
        for found in super()._list(dir_or_prefix.removeprefix("disk://")):
            found.path = f"disk://{found.path}"
            yield found

    def _path_open(self, path, mode, mime_type="", compression_type=None):
        return super()._path_open(path.removeprefix("disk://"), mode, mime_type, compression_type)


@pytest.fixture
def corpus(tmp_path):
    lines = [json.dumps({"id": i, "text": f"text {i}"}) for i in range(5)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "broken"]))
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"packed"))
    (tmp_path / "empty.txt").touch()
    return tmp_path


def test_batches_and_rejected_come_out_under_their_parts(corpus):
    units = list(plan_units(list_sources([str(corpus)]).files))
    pipeline = beam.Pipeline(runner="FnApiRunner")
    with pipeline:
        read = pipeline | beam.Create(units) | ReadDocuments()
        assert_that(
            read.batches | "shape" >> beam.Map(lambda b: (b.part, [d.text for d in b.documents])),
            equal_to([("00000-000", [*(f"text {i}" for i in range(5)), "packed"])]),
            label="batches",
        )
        assert_that(
            read.rejected
            | "reasons" >> beam.MapTuple(lambda part, rows: (part, [r.reason[:13] for r in rows])),
            equal_to([("00000-000", ["line 6 is not", "empty file"])]),
            label="rejected",
        )
    counted = pipeline.result.metrics().query(beam.metrics.MetricsFilter().with_namespace("read"))
    counters = {counter.key.metric.name: counter.result for counter in counted["counters"]}
    size = sum(path.stat().st_size for path in corpus.iterdir())
    assert counters == {"documents": 6, "rejected": 2, "bytes": size}


def test_other_filesystems_are_listed_and_read(corpus):
    for source in (f"disk://{corpus}/*", f"disk://{corpus}"):
        listing = list_sources([source], exclude=["empty.*"])
        assert [file.path for file in listing.files] == [
            f"disk://{corpus}/a.jsonl",
            f"disk://{corpus}/b.txt.gz",
        ]
        assert listing.files[0].size == (corpus / "a.jsonl").stat().st_size
    with open_anywhere(listing.files[1].path) as stream:
        assert stream.read() == (corpus / "b.txt.gz").read_bytes()
    with pytest.raises(SourceError, match="no file matches"):
        list_sources([f"disk://{corpus}/*.nothing"])
    with pytest.raises(SourceError, match="source not found"):
        list_sources([f"disk://{corpus}/nothing"])


def test_a_missing_extra_is_named():
    with pytest.raises(SourceError, match=r"pip install 'docsluice\[gcs\]'"):
        list_sources(["gs://bucket/x"])
    with pytest.raises(SourceError, match=r"pip install 'docsluice\[s3\]'"):
        list_sources(["s3://bucket/x"])
