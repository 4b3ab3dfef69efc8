"""Clean: raw decoded documents in; text, title, date and quality flags, or a reason, out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transforms.boilerplate import strip_image_credit
from transforms.document import Document, Rejected, failure
from transforms.html import HtmlMode, Page, read_html
from transforms.markdown import read_markdown
from transforms.measures import measure
from transforms.quality import quality_flags, rejecting_flags, too_many_controls
from transforms.text import normalise, one_line, trim, trim_ends
from transforms.title import take_title

STAGE = "clean"

_HTML = ("text/html", "application/xhtml+xml")
_MARKDOWN = ("text/markdown", "text/x-markdown")


@dataclass(frozen=True, slots=True)
class CleanOptions:
    """How documents are cleaned.

    ``min_quality`` is a level ("any" rejects nothing but empty documents, "fair" what is hardly
    text, "good" also what is hardly worth reading) or the quality flags that reject.

    Raises:
        ValueError: ``min_quality`` names no level or flag.
    """

    min_quality: str | tuple[str, ...] = "any"
    html: HtmlMode = "main"

    def __post_init__(self) -> None:
        rejecting_flags(self.min_quality)

    @property
    def reject(self) -> tuple[str, ...]:
        """Flags that reject a document."""
        return rejecting_flags(self.min_quality)


DEFAULTS = CleanOptions()


def clean(document: Document, options: CleanOptions = DEFAULTS) -> Document | Rejected:
    """Clean one document; whatever goes wrong in it becomes a ``failed`` outcome, no exception.

    The text is read by its media type (HTML, Markdown, anything else as plain text), its title
    and image credit come off, and it is measured and flagged. Title, date and metadata that the
    document has already, from the fields of its record, go before those found in its text.
    ``word_count`` counts what blanks part, and estimates scripts that write no blanks.
    """
    try:
        return _clean(document, options)
    except Exception as error:  # one document must never stop the others
        return failure(document, STAGE, error)


def _clean(document: Document, options: CleanOptions) -> Document | Rejected:
    raw = normalise(document.text)
    page, flags = _read(raw.text, document, options)
    final = normalise(page.text) if page.text is not raw.text else raw
    title, text = _without_furniture(
        trim_ends(final.text) if document.media_type in _MARKDOWN else trim(final.text),
        one_line(document.title or page.title),
    )
    if not text.strip():
        return _rejected(document, "no text left after cleaning")
    measures = measure(text)
    flags = {*document.quality, *flags, *quality_flags(measures)}
    if final.mojibake:
        flags.add("mojibake")
    if too_many_controls(raw.controls, len(text)):
        flags.add("control_characters")
    if unfit := sorted(flags.intersection(options.reject)):
        level = options.min_quality
        level = level if isinstance(level, str) else ", ".join(level)
        return _rejected(document, f"quality: {', '.join(unfit)} (min_quality: {level})")
    found = {key: one_line(value) for key, value in page.metadata.items()}
    return replace(
        document,
        title=title,
        text=text,
        published_at=document.published_at or page.published_at,
        word_count=measures.words,
        quality=tuple(sorted(flags)),
        metadata={**found, **document.metadata},
    )


def _read(text: str, document: Document, options: CleanOptions) -> tuple[Page, set[str]]:
    if document.media_type in _HTML:
        page = read_html(text, options.html)
        return page, {"html_fallback"} if page.fallback else set()
    if document.media_type in _MARKDOWN:
        markdown = read_markdown(text, one_line(document.title))
        page = Page(markdown.text, markdown.title, markdown.published_at, markdown.metadata)
        return page, {"bad_front_matter"} if markdown.bad_front_matter else set()
    return Page(text), set()


def _without_furniture(text: str, title: str) -> tuple[str, str]:
    """Take title and image credits off until neither uncovers more of the other."""
    while True:
        before = text
        title, text = take_title(strip_image_credit(text), title)
        if text == before:
            return title, text


def _rejected(document: Document, reason: str) -> Rejected:
    return Rejected(
        id=document.id,
        source=document.source,
        source_version=document.source_version,
        outcome="rejected",
        reason=reason,
        stage=STAGE,
    )
