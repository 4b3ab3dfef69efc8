"""The passages that a duplicate shares with its canonical, wherever their texts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.cleaned_again import cleaned_again
from pipelines.history import record
from pipelines.past_settings import READING
from pipelines.settings import MIB, Settings
from pipelines.state import file_of
from pipelines.store import Store
from transforms import files
from transforms.document import Document
from transforms.passages import Span, compare
from transforms.read.slices import path_of

MAX_SOURCE_BYTES = 32 * MIB
"""A larger file is not read again for one of its records: that would take seconds."""

_PASSAGES = 3
_CHARACTERS = 200


class NoTextError(LookupError):
    """A text that cannot be had any more; the message says why."""


def shared_passages(
    store: Store, row: Mapping[str, Any], canonical: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a duplicate and its canonical have in common, as plain values.

    Args:
        store: the store.
        row: the ledger row of the duplicate.
        canonical: the ledger row of the version of the canonical that is published, if one is.

    Returns:
        The numbers of a ``transforms.passages.Comparison`` and, shortened, its first passages and
        differences; or, as ``unknown``, why a text cannot be had.
    """
    try:
        there = _published(store, canonical)
        here = _published(store, row) if row["outcome"] == "kept" else _read_again(store, row)
    except NoTextError as error:
        return {"unknown": str(error)}
    found = compare(here, there)
    return {
        "words": found.words,
        "canonical_words": found.other_words,
        "shared": found.shared,
        "canonical_shared": found.other_shared,
        "passages": _shown(here, found.passages),
        "number_of_passages": len(found.passages),
        "only_here": _shown(here, found.only_here),
        "only_in_canonical": _shown(there, found.only_there),
        "is_cut": found.is_cut,
    }


def shortened(text: str, most: int = _CHARACTERS) -> str:
    """The text, or its beginning and its end."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def _shown(text: str, spans: tuple[Span, ...]) -> list[dict[str, Any]]:
    return [
        {"words": span.words, "text": shortened(text[span.start : span.end])}
        for span in spans[:_PASSAGES]
    ]


def _published(store: Store, row: Mapping[str, Any] | None) -> str:
    if row is None:
        raise NoTextError("its canonical is not published any more")
    found = record(store, row["run_id"], row["id"], with_text=True)
    if found is None:
        raise NoTextError("a text is no longer stored")
    return str(found["text"])


def _read_again(store: Store, row: Mapping[str, Any]) -> str:
    """The cleaned text of a document that was left out, read from its source as its run did.

    Raises:
        NoTextError: the source has changed or gone, or is too large.
    """
    from transforms.read.listing import SourceError, list_sources
    from transforms.read.streams import open_local
    from transforms.read.versions import is_same_stamp

    uri = file_of(row["source"])
    try:
        [file] = list_sources([path_of(uri)]).files
    except (SourceError, ValueError):
        raise NoTextError("its source is gone") from None
    if not is_same_stamp(file.version, row["source_version"]):
        raise NoTextError("its source has changed since")
    if file.size > MAX_SOURCE_BYTES:
        raise NoTextError(f"its source is large ({file.size / MIB:,.0f} MiB) and not read for this")
    open_ = open_local
    if files.is_remote(file.path):
        from transforms.read.transform import open_anywhere as open_
    settings = _settings_of(store, row["run_id"])
    for one in cleaned_again(settings, file, [row["id"]], open_):
        if one.id == row["id"] and isinstance(one, Document):
            return one.text
    raise NoTextError("it cannot be read from its source any more")


def _settings_of(store: Store, run_id: str) -> Settings:
    """How the run has read its sources."""
    manifest = store.written.get(run_id) or store.manifests.get(store.holder(run_id) or "", {})
    known = manifest.get("settings", {})
    return Settings.model_construct(**{name: known[name] for name in READING if name in known})
