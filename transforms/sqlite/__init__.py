"""The embedded index: one SQLite file with FTS5 full-text search."""

from transforms.sqlite.index import SqliteIndex

__all__ = ["INDEX_NAME", "SqliteIndex"]

INDEX_NAME = "search.db"
"""The file's name in a store."""
