"""Real corpora from Debian packages: fetched once by apt, kept in the user's cache directory."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import sys
from functools import cache
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import lxml.html
import orjson

from benchmarks.roff import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

MANUALS = (
    "manpages", "manpages-dev", "manpages-de", "manpages-de-dev", "manpages-fr",
    "manpages-fr-dev", "manpages-es", "manpages-it", "manpages-nl", "manpages-pl",
    "manpages-pl-dev", "manpages-pt-br", "manpages-ru", "manpages-ru-dev",
)  # fmt: skip
BOOKS = (
    "debian-handbook", "installation-guide-amd64", "python3.11-doc", "debian-reference-en",
    "debian-reference-fr", "debian-reference-de", "debian-reference-es", "debian-reference-it",
    "debian-reference-ja", "debian-reference-pt", "debian-reference-zh-cn",
)  # fmt: skip
DOCUMENT_CHARACTERS = 3000
LAPS = 4
"""Ways of cutting the same page, each a quarter of a document further on: documents of different
laps share three quarters at most (a Jaccard similarity of 0.6): none are near-duplicates."""
STRIDE = 6
"""After those laps, the words that stand so far apart change places among themselves: most
runs of five words are then new (a mean Jaccard similarity of 0.19; above 0.8 only for the few
texts, one in a hundred, that repeat themselves), the words are the same."""

_BLOCK_TAGS = ("p", "pre", "li", "dt", "dd", "h1", "h2", "h3", "h4", "td")


class Page(NamedTuple):
    """A page of a corpus, its ``text`` plain or HTML; its folder tells ``language``, ISO 639-1."""

    path: str
    language: str
    text: str


def manual_pages() -> list[Page]:
    """Some 10,600 manual pages in nine languages, as plain text; links are pages of their own."""
    root = _unpacked(MANUALS) / "usr/share/man"
    pages = []
    for path in sorted(root.rglob("*.gz")):
        relative = path.relative_to(root).as_posix()
        folder = relative.split("/")[0]
        language = "en" if folder.startswith("man") else folder.split("_")[0]
        if path.exists():
            pages.append(Page(relative, language, _manual(path.resolve())))
    return pages


def html_pages() -> list[Page]:
    """Some 5,500 HTML pages: books in some 25 languages, and the Python documentation."""
    root = _unpacked(BOOKS) / "usr/share"
    pages = []
    for path in sorted([*root.rglob("*.html"), *root.rglob("*.html.gz")]):
        if path.is_file() and not path.is_symlink():
            relative = path.relative_to(root).as_posix()
            content = (
                gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            )
            pages.append(Page(relative, _language_of(path), content.decode("utf-8", "replace")))
    return pages


def book_pages() -> list[Page]:
    """The HTML pages as plain text."""
    return [page._replace(text=_text_of_html(page.text)) for page in html_pages()]


def prose_jsonl(path: Path, megabytes: float) -> int:
    """Write about ``megabytes`` of JSON Lines: documents of some 3 KB of cleaned real text.

    Documents are runs of whole words of one page, in an order that is random but always the same,
    so that a small file is a fair sample. When the pages are used up they are cut again at other
    places, and after four laps some of their words change places; standard error says so.

    Returns the number of documents.
    """
    wanted = megabytes * 1e6
    written = documents = 0
    with path.open("wb") as out:
        for lap in count():
            if lap:
                how = "cutting them at other places" if lap < LAPS else "with words exchanged"
                print(
                    f"corpora: {written / 1e6:.0f} of {megabytes:g} MB used up every page; "
                    f"going on {how} (lap {lap + 1})", file=sys.stderr,
                )  # fmt: skip
            for line in _documents(lap):
                out.write(line)
                written += len(line)
                documents += 1
                if written >= wanted:
                    return documents
    raise AssertionError  # there is always another lap


def _documents(lap: int) -> Iterator[bytes]:
    """Yield the JSON lines of one lap; the digest of its name is a document's place."""
    cuts = [
        (f"{page.path}#{lap}.{number}", page.language, text)
        for page in _prose()
        for number, text in enumerate(_windows(page.text, lap % LAPS))
    ]
    cuts.sort(key=lambda cut: blake2b(cut[0].encode(), digest_size=8).digest())
    for name, language, original in cuts:
        text = _reworded(original, lap, name) if lap >= LAPS else original
        if not text:
            continue
        line = {"id": name, "source": name, "language": language, "text": text}
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _windows(text: str, lap: int) -> Iterator[str]:
    """Yield runs of the text that start at multiples of their length, and a lap's part further."""
    start = DOCUMENT_CHARACTERS * lap // LAPS
    while start + DOCUMENT_CHARACTERS <= len(text):
        yield _whole_words(text, start, start + DOCUMENT_CHARACTERS)
        start += DOCUMENT_CHARACTERS
    if lap == 0 and start + DOCUMENT_CHARACTERS // 2 <= len(text):
        yield _whole_words(text, start, len(text))


def _reworded(text: str, lap: int, seed: str) -> str:
    """Return a text with some words in other places; nothing where words are not parted."""
    words = text.split(" ")
    if len(words) < len(text) / 30:
        return ""
    some = words[lap % STRIDE :: STRIDE]
    random.Random(seed).shuffle(some)
    words[lap % STRIDE :: STRIDE] = some
    return " ".join(words)


def _whole_words(text: str, start: int, end: int) -> str:
    first = text.find(" ", start) if start else 0
    last = text.find(" ", end)
    return text[first : last if last >= 0 else len(text)].strip()


@cache
def _prose() -> tuple[Page, ...]:
    """Every page once, as plain text."""
    seen = set()
    pages = []
    for page in [*manual_pages(), *book_pages()]:
        if page.text and page.text not in seen:
            seen.add(page.text)
            pages.append(page)
    return tuple(pages)


def _text_of_html(html: str) -> str:
    tree = lxml.html.document_fromstring(html.encode())
    for element in tree.iterfind(".//div[@class='para']"):
        element.tag = "p"
    blocks = (
        " ".join("".join(map(str, element.itertext())).split())
        for element in tree.iter(*_BLOCK_TAGS)
        if not any(child.tag in _BLOCK_TAGS for child in element.iterdescendants())
    )
    return "\n\n".join(block for block in blocks if block)


@cache
def _manual(path: Path) -> str:
    content = gzip.decompress(path.read_bytes())
    try:
        return plain_text(content.decode())
    except UnicodeDecodeError:
        return plain_text(content.decode("latin-1"))


def _language_of(path: Path) -> str:
    """Language of a page of a book: its folder (``fr-FR``, ``pt_BR``) or suffix (``.fr.html``)."""
    folder, suffix = path.parent.name, path.name.removesuffix(".gz").split(".")[-2:-1]
    if "debian-handbook" in path.parts or "installation-guide-amd64" in path.parts:
        return folder.replace("_", "-").split("-")[0]
    if "debian-reference" in path.parts and suffix:
        return suffix[0].split("-")[0]
    return "en"


def _unpacked(packages: tuple[str, ...]) -> Path:
    """Return the folder that holds the packages, fetched and unpacked if they are not there yet."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    base = cache_home / "docsluice" / "corpora"
    tree = base / blake2b(" ".join(packages).encode(), digest_size=4).hexdigest()
    if tree.exists():
        return tree
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SystemExit("This benchmark reads Debian packages: it needs apt-get and dpkg-deb.")
    partial = base / f"{tree.name}.{os.getpid()}"
    partial.mkdir(parents=True)
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *packages]
    fetched = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False)
    if fetched.returncode:
        shutil.rmtree(partial)
        raise SystemExit(
            f"apt-get could not download the corpora (apt-get update may help):\n{fetched.stderr}"
        )
    for package in sorted(partial.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=partial, check=True)
        package.unlink()
    partial.rename(tree)
    return tree
