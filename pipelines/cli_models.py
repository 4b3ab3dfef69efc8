"""The ``docsluice models`` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import command
from pipelines.flags import ConfigOption, JsonOption, settings_of

if TYPE_CHECKING:
    from transforms.entity_models import EntityConfig

models = typer.Typer(
    help="List, install and tell apart the spaCy models that find names.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@models.command("list")
def list_models(
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only models of this language.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the models that spaCy publishes, by language and size."""
    with command(commits=False):
        from pipelines.models import show_models

        show_models(language, _entity_config(config), json)


@models.command()
def install(
    language: Annotated[str, typer.Argument(metavar="LANGUAGE", help="Its code, such as fr.")],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="sm, md, lg or trf: the larger, the better and the slower. lg is some 500 MB; "
            "trf, a transformer, wants a GPU. [default: md]",
        ),
    ] = None,
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence", help="Also a model under the GPL or for non-commercial use only."
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Download a model with spaCy and install it beside docsluice."""
    with command(commits=False):
        from pipelines.install_model import install as install_model

        install_model(language, size, accept_licence, _entity_config(config))


@models.command()
def which(
    languages: Annotated[
        list[str] | None,
        typer.Argument(metavar="LANGUAGE...", help="Their codes; all languages if none is named."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell which model finds the names in which language."""
    with command(commits=False):
        from pipelines.models import show_uses

        show_uses(languages or (), _entity_config(config), json)


def _entity_config(config: Path | None) -> EntityConfig:
    """The models that the settings name; ``pipelines.options`` would load all of Beam."""
    from transforms.entity_models import EntityConfig

    return EntityConfig(settings_of(config).models)
