"""Documents into Elasticsearch: a bulk writer that loses nothing, and a Beam step made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transforms.elasticsearch.actions import (
    Action,
    Failed,
    Indexed,
    Outcome,
    to_action,
    to_document,
)
from transforms.elasticsearch.bulk import BulkWriter
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import (
    ElasticsearchAuthenticationError,
    ElasticsearchError,
    ElasticsearchPrivilegeError,
    ElasticsearchRefusedError,
    ElasticsearchUnreachableError,
    ElasticsearchVersionError,
)
from transforms.elasticsearch.rows import to_rows

if TYPE_CHECKING:
    from transforms.elasticsearch.sink import WriteToElasticsearch

__all__ = [
    "Action",
    "BulkWriter",
    "ElasticsearchAuthenticationError",
    "ElasticsearchConfig",
    "ElasticsearchError",
    "ElasticsearchPrivilegeError",
    "ElasticsearchRefusedError",
    "ElasticsearchUnreachableError",
    "ElasticsearchVersionError",
    "Failed",
    "Indexed",
    "Outcome",
    "WriteToElasticsearch",
    "connect",
    "to_action",
    "to_document",
    "to_rows",
]


def __getattr__(name: str) -> Any:
    """Import Beam for who wants the step alone: a search has no use for it."""
    if name != "WriteToElasticsearch":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from transforms.elasticsearch.sink import WriteToElasticsearch

    return WriteToElasticsearch
