"""Entity models as the user meets them: which there are, and which one finds the names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
import typer

from transforms.document import UNDETERMINED
from transforms.entity_models import (
    Choice,
    EntityConfig,
    ModelNotInstalled,
    check_models,
    choose,
    title,
)
from transforms.model_packages import (
    SIZES,
    Published,
    catalogue,
    installed,
    is_restricted,
    our_code,
)

_MARK = "*"


class UnknownLanguageError(ValueError):
    """A language that docsluice does not know, or that spaCy has no model of."""


@dataclass(frozen=True, slots=True)
class Use:
    """What finds the names in ``language``.

    ``model`` is its name and version, empty where there is none; ``origin`` is ``configured``,
    ``installed``, ``fallback`` or empty; ``problem`` says why it cannot be used, if it cannot.
    """

    language: str
    model: str
    origin: str
    problem: str = ""


def use(language: str, config: EntityConfig) -> Use:
    """Tell what finds the names in ``language``. Loads no model."""
    match choose(language, config):
        case None:
            return Use(language, "", "")
        case Choice("configured", name):
            try:
                check_models(EntityConfig({language: name}))
            except ModelNotInstalled as error:
                return Use(language, name, "configured", str(error))
            return Use(language, title(Choice("configured", name)), "configured")
        case choice:
            return Use(language, title(choice), choice.origin)


def show_uses(languages: Sequence[str], config: EntityConfig, as_json: bool) -> None:
    """Print which model finds the names in each language; of all that can come out, if none named.

    Raises:
        UnknownLanguageError: a language that no document can be in.
    """
    from transforms.language import LANGUAGES

    known = (*LANGUAGES, UNDETERMINED)
    codes = {our_code(language): language for language in languages}
    for code, language in codes.items():
        if code not in known:
            raise UnknownLanguageError(
                f"there are no documents in {language!r}: the languages are {' '.join(known)}"
            )
    uses = [use(code, config) for code in codes or known]
    if as_json:
        typer.echo(orjson.dumps([asdict(one) for one in uses]).decode())
        return
    width = max(len(one.model) for one in uses)
    for one in uses:
        what = one.problem or one.origin or "no model"
        typer.echo(f"{one.language:<4} {one.model or '–':<{width}}  {what}")


def show_models(language: str | None, config: EntityConfig, as_json: bool) -> None:
    """Print the models that spaCy publishes, which of them are installed, and which one is used.

    Raises:
        UnknownLanguageError: a language that spaCy has no model of.
    """
    codes = [our_code(language)] if language else list(catalogue().published)
    offers = {code: published(code) for code in codes}
    if as_json:
        typer.echo(orjson.dumps([_as_json(code, offers[code], config) for code in codes]).decode())
        return
    if language:
        (code,) = codes
        _print_columns([_described(model) for model in offers[code]])
        used = use(code, config)
        typer.echo(f"{used.problem or used.model or 'no model'} finds the names in {code!r}")
    else:
        header = ("language", *SIZES, "licence", "finds the names")
        _print_columns([header, *(_row(code, offers[code], config) for code in codes)])
        typer.echo("sizes in MB to download; [installed]")
    if any(is_restricted(model.licence) for code in codes for model in offers[code]):
        typer.echo(
            f"{_MARK} only if you ask for it by name: under the GPL, or not for commercial use"
        )


def published(language: str) -> tuple[Published, ...]:
    """Return the models that spaCy publishes of a language, from small to large.

    Raises:
        UnknownLanguageError: there is none.
    """
    try:
        return catalogue().published[our_code(language)]
    except KeyError:
        there = " ".join(catalogue().published)
        raise UnknownLanguageError(
            f"spaCy has no model of {language!r} that finds names; it has them of {there}"
        ) from None


def download_size(model: Published) -> str:
    """In words, how much there is to download."""
    return "size not known" if model.megabytes is None else f"{model.megabytes} MB"


def _as_json(language: str, models: Sequence[Published], config: EntityConfig) -> dict[str, object]:
    versions = {model.name: model.version for model in installed()}
    return {
        **asdict(use(language, config)),
        "published": [
            {
                "name": model.name,
                "size": model.size,
                "megabytes": model.megabytes,
                "licence": model.licence,
                "restricted": is_restricted(model.licence),
                "installed": versions.get(model.name),
            }
            for model in models
        ],
    }


def _row(language: str, models: Sequence[Published], config: EntityConfig) -> tuple[str, ...]:
    there = {model.name for model in installed()}
    sizes = dict.fromkeys(SIZES, "–")
    for model in models:
        megabytes = "?" if model.megabytes is None else str(model.megabytes)
        sizes[model.size] = f"[{megabytes}]" if model.name in there else megabytes
    licences = dict.fromkeys(map(_licence, models))
    used = use(language, config)
    return (language, *sizes.values(), ", ".join(licences), used.problem or used.model or "–")


def _described(model: Published) -> tuple[str, ...]:
    there = any(one.name == model.name for one in installed())
    return (model.name, download_size(model), _licence(model), "installed" if there else "")


def _licence(model: Published) -> str:
    return model.licence + _MARK * is_restricted(model.licence)


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())
