"""Settings, as the options that each transform takes."""

from __future__ import annotations

from pipelines.settings import Settings
from transforms.clean import CleanOptions
from transforms.entity_models import EntityConfig
from transforms.read.fields import FieldNames
from transforms.read.formats import ReadOptions


def read_options(settings: Settings) -> ReadOptions:
    """What the readers need to know."""
    return ReadOptions(
        fields=FieldNames(
            text=settings.text_field,
            title=settings.title_field,
            id=settings.id_field,
            date=settings.date_field,
            url=settings.url_field,
        ),
        kind=settings.format,
        encoding=settings.encoding,
        max_document_bytes=settings.max_document_bytes,
    )


def clean_options(settings: Settings) -> CleanOptions:
    """What the clean stage needs to know."""
    quality = settings.min_quality
    return CleanOptions(min_quality=quality if isinstance(quality, str) else tuple(quality))


def entity_config(settings: Settings) -> EntityConfig:
    """Which entity models to use."""
    return EntityConfig(models=settings.models)
