from __future__ import annotations

from itertools import chain

from transforms.document import Document
from transforms.read.batches import read_unit
from transforms.read.formats import ReadOptions
from transforms.read.listing import list_sources
from transforms.read.plan import plan_units


def parts(tmp_path, data: bytes, batch_chars: int = 1 << 21):
    (tmp_path / "x.jsonl").write_bytes(data)
    (unit,) = plan_units(list_sources([str(tmp_path)]).files, 1 << 30)
    return list(read_unit(unit, ReadOptions(), batch_chars=batch_chars))


def test_parts_are_bounded_by_characters_and_by_rows(tmp_path):
    data = b"".join(b'{"id": %d, "text": "%s"}\n' % (i, b"x" * 100) for i in range(2500))
    found = parts(tmp_path, data)
    assert [(part.name, len(part.documents)) for part in found] == [
        ("00000-000", 1000),
        ("00000-001", 1000),
        ("00000-002", 500),
    ]
    small = parts(tmp_path, data, batch_chars=1000)
    assert {len(part.documents) for part in small} == {10}
    again = parts(tmp_path, data, batch_chars=1000)
    assert [(p.name, [d.id for d in p.documents]) for p in small] == [
        (p.name, [d.id for d in p.documents]) for p in again
    ]
    documents = list(chain.from_iterable(part.batch().documents for part in small))
    assert [document.source.rpartition("#")[2] for document in documents] == list(
        map(str, range(2500))
    )


def test_a_document_longer_than_a_batch_has_its_own(tmp_path):
    data = b'{"text": "a"}\n{"text": "%s"}\n{"text": "b"}\n' % (b"x" * 5000)
    found = parts(tmp_path, data, batch_chars=1000)
    assert [[len(d.text) for d in part.documents] for part in found] == [[1], [5000], [1]]


def test_rejected_rows_belong_to_the_part_they_stand_in(tmp_path):
    data = b'{"text": "aaaa"}\nbroken\n{"text": "bbbb"}\n{"text": "cccc"}\nbroken too\n'
    found = parts(tmp_path, data, batch_chars=10_000)
    assert [(len(p.documents), len(p.rejected)) for p in found] == [(3, 2)]
    found = parts(tmp_path, data, batch_chars=12)
    assert [(len(p.documents), len(p.rejected)) for p in found] == [(1, 1), (2, 0), (0, 1)]


def test_a_unit_of_rejected_rows_alone_is_a_part(tmp_path):
    (part,) = parts(tmp_path, b"")
    assert part.name == "00000-000"
    assert not any(isinstance(row, Document) for row in part.rejected)
    assert len(part.rejected) == 1


def test_of_a_file_only_the_wanted_records_are_taken(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id": "a", "text": "aaaa"}\nbroken\n{"id": "c", "text": "cccc"}\n')
    (file,) = list_sources([str(path)]).files
    (everything,) = read_all(file)
    first, second = everything.documents
    (broken,) = everything.rejected
    (wanted,) = read_all(file._replace(only=frozenset({second.id, broken.id})))
    assert [document.id for document in wanted.documents] == [second.id]
    assert [row.id for row in wanted.rejected] == [broken.id]
    assert read_all(file._replace(only=frozenset({"of another file"}))) == []
    assert first.id != second.id


def test_what_is_said_of_a_whole_file_is_always_wanted(tmp_path):
    path = tmp_path / "gone.jsonl"
    path.write_text('{"text": "a"}\n')
    (file,) = list_sources([str(path)]).files
    path.unlink()
    (part,) = read_all(file._replace(only=frozenset({"a record of it"})))
    assert [row.outcome for row in part.rejected] == ["failed"]


def read_all(file):
    (unit,) = plan_units((file,), 1 << 30)
    return list(read_unit(unit, ReadOptions()))
