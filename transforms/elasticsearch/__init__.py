"""Documents into Elasticsearch: a bulk writer that loses nothing, and a Beam step made of it."""

from __future__ import annotations

from importlib import import_module
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
    from transforms.elasticsearch.index import ElasticsearchIndex
    from transforms.elasticsearch.sink import WriteToElasticsearch

__all__ = [
    "Action",
    "BulkWriter",
    "ElasticsearchAuthenticationError",
    "ElasticsearchConfig",
    "ElasticsearchError",
    "ElasticsearchIndex",
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


_LAZY = {"ElasticsearchIndex": "index", "WriteToElasticsearch": "sink"}
"""Who wants one of them waits for the import: Beam, for the sink, which a search has no use for."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
