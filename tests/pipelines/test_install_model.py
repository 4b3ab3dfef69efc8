import json
import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import spacy

from pipelines.install_model import (
    InstallError,
    ModelChoiceError,
    compatible_version,
    install,
    select,
)
from pipelines.models import UnknownLanguageError
from tests.transforms import spacy_package
from tests.transforms.spacy_package import build_wheel, empty_site
from transforms.entity_models import EntityConfig

MINOR = spacy.util.get_minor_version(spacy.about.__version__)
VERSION = f"{MINOR}.0"
NONE = EntityConfig()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with empty_site(tmp_path / "site", monkeypatch) as folder:
        yield folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory served over HTTP in place of spaCy's: its list of models, and the wheels."""
    folder = tmp_path / "index"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(spacy.about, "__compatibility__", f"{address}/compatibility.json")
        # spaCy's downloader is a process of its own, and takes no other address than this one.
        (folder / "sitecustomize.py").write_text(
            "import sys\n"
            "if 'spacy' in sys.orig_argv:\n"
            "    import spacy.about\n"
            f"    spacy.about.__download_url__ = {address!r}\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
        yield folder
        server.shutdown()


def publish(index: Path, **versions: str) -> None:
    compatible = {name: [version] for name, version in versions.items()}
    (index / "compatibility.json").write_text(json.dumps({"spacy": {MINOR: compatible}}))


def test_a_model_is_downloaded_installed_and_then_used(
    index: Path,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    publish(index, fr_core_news_md=VERSION)
    wheel = build_wheel(tmp_path, "fr", "core_news_md", VERSION)
    release = index / f"fr_core_news_md-{VERSION}"
    release.mkdir()
    wheel.rename(release / wheel.name)
    for name, value in {"TARGET": str(site), "NO_DEPS": "1", "NO_INDEX": "1"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)

    install("fr", None, False, NONE)
    install("fr", "md", False, NONE)

    printed, said = capfd.readouterr()
    assert printed.splitlines() == [
        "fr_core_news_md: LGPL-LR, 43 MB to download",
        f"fr_core_news_md {VERSION} finds the names in 'fr'.",
        "fr_core_news_md: LGPL-LR, 43 MB to download",
        "It is installed already.",
        f"fr_core_news_md {VERSION} finds the names in 'fr'.",
    ]
    assert "Successfully installed" in said


def test_a_download_that_fails_is_one_error(
    index: Path, site: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    publish(index, sv_core_news_sm=VERSION)

    with pytest.raises(InstallError, match=f"sv_core_news_sm {VERSION} could not be installed"):
        install("sv", "sm", False, NONE)

    printed, said = capfd.readouterr()
    assert printed == "sv_core_news_sm: CC BY-SA 4.0, 12 MB to download\n"
    assert "404" in said


def test_a_model_that_is_not_for_this_spacy_is_one_error(index: Path) -> None:
    publish(index, sv_core_news_sm=VERSION)

    assert compatible_version("sv_core_news_sm") == VERSION
    with pytest.raises(InstallError, match="there is no sv_core_news_lg for spaCy"):
        compatible_version("sv_core_news_lg")


@pytest.mark.parametrize("content", ["<html>", "{}", None])
def test_a_list_of_models_that_is_no_list_is_one_error(index: Path, content: str | None) -> None:
    if content is not None:
        (index / "compatibility.json").write_text(content)

    with pytest.raises(
        InstallError, match=r"127\.0\.0\.1 cannot be read .*: is this machine online"
    ):
        compatible_version("sv_core_news_lg")


def test_a_machine_that_is_offline_is_told_so_after_the_licence(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spacy.about, "__compatibility__", "http://127.0.0.1:9/list.json")

    with pytest.raises(InstallError, match=r"\(ConnectionError\): is this machine online"):
        install("de", None, False, NONE)

    assert capsys.readouterr().out == "de_core_news_md: MIT, 42 MB to download\n"


@pytest.mark.parametrize("language", ["ca", "el", "es", "it", "pl"])
def test_a_restricted_licence_must_be_accepted(
    site: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelChoiceError, match=r"under (GNU GPL|CC BY-NC).*--accept-licence"):
        install(language, None, False, NONE)

    assert "MB to download" in capsys.readouterr().out


def test_a_restricted_model_that_is_installed_is_used_only_where_it_is_named(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spacy_package.install(site, "es", "core_news_md", "GNU GPL 3.0", VERSION)

    install("es", None, True, NONE)
    assert "docsluice run --model es=es_core_news_md" in capsys.readouterr().out

    install("es", None, True, EntityConfig({"es": "es_core_news_md"}))
    assert "--model" not in capsys.readouterr().out


def test_an_environment_without_an_installer_is_told_how_to_get_one(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.install_model.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(site))

    with pytest.raises(InstallError, match=r"neither pip nor uv .* -m ensurepip"):
        install("de", None, False, NONE)


def test_the_medium_model_is_taken_or_the_only_one() -> None:
    assert select("en", None).name == "en_core_web_md"
    assert select("nb", "lg").name == "nb_core_news_lg"
    assert select("xx", None).name == "xx_ent_wiki_sm"


def test_a_size_that_is_not_there_is_told_which_are() -> None:
    with pytest.raises(
        ModelChoiceError, match=r"of size 'trf' .* in 'fr'; the sizes are sm md lg$"
    ):
        select("fr", "trf")
    with pytest.raises(UnknownLanguageError):
        select("hu", None)
