"""Installs a model that spaCy publishes, with spaCy's own downloader."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version as distribution_version
from importlib.util import find_spec
from urllib.parse import urlsplit

import typer

from pipelines.models import download_size, published, use
from transforms.entity_models import EntityConfig
from transforms.model_packages import Published, installed, is_restricted

DEFAULT_SIZE = "md"
PATIENCE = 15
"""Seconds to wait for spaCy's list of models: its own downloader would wait without end."""
_STDERR = 2


class ModelChoiceError(ValueError):
    """A model that is not published, or not to be installed without a word of the user."""


class InstallError(RuntimeError):
    """A model could not be installed; the message says why and what to do."""


def install(language: str, size: str | None, accept_licence: bool, config: EntityConfig) -> None:
    """Download and install a model of ``language``; say first what it is.

    Without ``size`` the medium one, or the only one there is.

    Raises:
        UnknownLanguageError: spaCy publishes no model of the language.
        ModelChoiceError: no model of that size, or a licence that was not accepted.
        InstallError: neither pip nor uv, no connection, no compatible version, no success.
    """
    model = select(language, size)
    typer.echo(f"{model.name}: {model.licence}, {download_size(model)} to download")
    if is_restricted(model.licence) and not accept_licence:
        raise ModelChoiceError(
            f"{model.name} is under {model.licence}, which restricts what may be done with it: "
            "--accept-licence installs it all the same"
        )
    if any(one.name == model.name and _goes_with_spacy(one.version) for one in installed()):
        typer.echo("It is installed already.")
    else:
        if find_spec("pip") is None and shutil.which("uv") is None:
            raise InstallError(
                "there is neither pip nor uv to install it with: "
                f"{sys.executable} -m ensurepip installs pip"
            )
        _download(model.name, compatible_version(model.name))
        importlib.invalidate_caches()
        installed.cache_clear()
    _show_use(model, config)


def select(language: str, size: str | None) -> Published:
    """Return the published model of a language and size.

    Raises:
        UnknownLanguageError: spaCy publishes no model of the language.
        ModelChoiceError: none of that size.
    """
    models = {model.size: model for model in published(language)}
    if size is None:
        return models.get(DEFAULT_SIZE) or next(iter(models.values()))
    if size not in models:
        raise ModelChoiceError(
            f"spaCy has no model of size {size!r} that finds names in {language!r}; "
            f"the sizes are {' '.join(models)}"
        )
    return models[size]


def compatible_version(name: str) -> str:
    """Return the version of a published model that goes with the installed spaCy.

    Raises:
        InstallError: spaCy's list of models cannot be read, or has none.
    """
    import requests  # as spaCy does: it minds the user's proxies
    from spacy import about
    from spacy.util import get_minor_version

    host = urlsplit(about.__compatibility__).hostname
    try:
        answer = requests.get(about.__compatibility__, timeout=PATIENCE)
        answer.raise_for_status()
        versions = answer.json()["spacy"].get(get_minor_version(about.__version__), {})
    except (requests.RequestException, KeyError) as error:
        raise InstallError(
            f"spaCy's list of models at {host} cannot be read ({type(error).__name__}): "
            "is this machine online? A model fetched elsewhere is installed by pip install FILE"
        ) from None
    if not versions.get(name):
        raise InstallError(f"there is no {name} for spaCy {about.__version__}")
    return str(versions[name][0])


def _goes_with_spacy(version: str) -> bool:
    """Models have the major and minor version of the spaCy that they were made for."""
    return version.split(".")[:2] == distribution_version("spacy").split(".")[:2]


def _download(name: str, version: str) -> None:
    command = [sys.executable, "-m", "spacy", "download", f"{name}-{version}", "--direct"]
    # uv would look for an environment of its own; pip would try a dead host five times.
    environment = {"UV_PYTHON": sys.executable, "PIP_RETRIES": "1", **os.environ}
    done = subprocess.run(command, stdout=_STDERR, env=environment, check=False)  # noqa: S603
    if done.returncode:
        raise InstallError(f"{name} {version} could not be installed; the lines above say why")


def _show_use(model: Published, config: EntityConfig) -> None:
    used = use(model.language, config)
    typer.echo(f"{used.problem or used.model or 'Nothing'} finds the names in {model.language!r}.")
    if not used.model.startswith(f"{model.name} "):
        typer.echo(f"To use the new one: docsluice run --model {model.language}={model.name}")
