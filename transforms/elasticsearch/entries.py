"""All documents behind an alias, a page at a time, by what is needed to compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elasticsearch import Elasticsearch

_PAGE = 5_000
_KEEP_ALIVE = "5m"


def entries(client: Elasticsearch, index: str, page: int = _PAGE) -> Iterator[tuple[str, str, int]]:
    """Id, run and duplicate count of each document, as of one moment, in any order.

    Raises the client library's errors.
    """
    pit = client.open_point_in_time(index=index, keep_alive=_KEEP_ALIVE)["id"]
    try:
        after = None
        while True:
            answer = client.search(
                pit={"id": pit, "keep_alive": _KEEP_ALIVE},
                source={"includes": ["run_id", "duplicate_count"]},
                sort=["_shard_doc"],
                search_after=after,
                size=page,
                track_total_hits=False,
            )
            pit = answer["pit_id"]
            hits = answer["hits"]["hits"]
            if not hits:
                return
            for hit in hits:
                source = hit["_source"]
                yield hit["_id"], source["run_id"], source["duplicate_count"]
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)
