"""Make training text for languages that have little: ``translate.py --data DIR --out DIR``.

Annotated sentences are translated by Apertium, a rule-based translator (Forcada et al., "Apertium:
a free/open-source platform for rule-based machine translation", Machine Translation 25, 2011) that
runs on this machine and gives the same output each time. Each name is hidden behind an unknown
word, which Apertium passes on in its place; names of organisations and places are translated by
themselves, names of people stay as they are. A sentence that loses a name on the way is dropped.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel import Locale
from corpus import Text, read, write

PACKAGES = Path(__file__).with_name("apertium.txt")
"""Debian's names of what must be installed."""
_ENGLISH = ("wikigold_en.train", "crossner_en.dev", "gum_en.train")
ROUTES = (
    (("uner_pt_bosque.train", *_ENGLISH), "es"),
    (("uner_pt_bosque.train", *_ENGLISH), "fr"),
    (("uner_pt_bosque.train", *_ENGLISH), "it"),
    (("uner_pt_bosque.train",), "ca"),
    (("uner_da_ddt.train",), "sv"),
)
"""Which sets are translated into which language."""
_TO_SPANISH = {"pt": "pt-es", "en": "eng-spa"}
_FROM_SPANISH = {
    "es": (),
    "en": ("spa-eng",),
    "fr": ("es-fr",),
    "it": ("spa-ita",),
    "ca": ("spa-cat",),
}
_DIRECT = {"sv": ("dan-swe",)}

_HIDDEN = re.compile(r"\b[Xx]qz([a-z]+)\b")
_ARTICLE = re.compile(r"^(?:l'|(?:la|le|les|el|los|las|il|lo|gli|i|els) )")
_ELIDED = {
    "fr": re.compile(r"\b([Dd]|[Ll]|[Qq]u|[Jj]usqu)[ea] (?=[AEIOUYÀÂÉÈÊÎÔaeiouàâéèêîô])"),
    "it": re.compile(r"\b([Ll]|[Dd]el|[Nn]el|[Aa]l|[Dd]al|[Ss]ul|[Uu]n)l?[oa] (?=[AEIOUÈaeiou])"),
}


def modes(source: str, target: str) -> tuple[str, ...]:
    """The translations to chain, by their Apertium names, from one language to another."""
    return _DIRECT.get(target) or (_TO_SPANISH[source], *_FROM_SPANISH[target])


def in_language(name: str, language: str) -> str:
    """The name of the set made of another: ``gum_en.train`` in French is ``gum_en_in_fr.train``."""
    dataset, _, part = name.partition(".")
    return f"{dataset}_in_{language}.{part}"


def hide(text: Text) -> str:
    """The sentence with an unknown word in the place of each name."""
    pieces, position = [], 0
    for number, (start, end, _) in enumerate(text.spans):
        pieces += [text.text[position:start], _code(number)]
        position = end
    return "".join([*pieces, text.text[position:]])


def reveal(
    hidden: str, names: Sequence[tuple[str, str]], language: str, dataset: str
) -> Text | None:
    """Put (name, label) pairs back in their places; None where one is not there exactly once."""
    found = [_number(match[1]) for match in _HIDDEN.finditer(hidden)]
    if sorted(found) != list(range(len(names))):
        return None
    hidden = " ".join(hidden.split())
    text, spans, position = "", [], 0
    for match in _HIDDEN.finditer(hidden):
        name, label = names[_number(match[1])]
        text += hidden[position : match.start()]
        if elided := _ELIDED.get(language):
            tail = text[-8:] + name
            text = text[:-8] + elided.sub(r"\1'", tail)[: -len(name)]
        spans.append((len(text), len(text) + len(name), label))
        text += name
        position = match.end()
    return Text(text + hidden[position:], tuple(spans), language, dataset)


def translate(lines: Sequence[str], chain: Sequence[str]) -> list[str]:
    """Translate each line by itself."""
    for mode in chain:
        lines = _translate(lines, mode)
    return list(lines)


def translated(texts: Sequence[Text], language: str) -> Iterator[Text]:
    """Yield ``texts`` in ``language``, those that keep all their names."""
    source = texts[0].language
    chain = modes(source, language)
    names = sorted({(t.text[a:b], label) for t in texts for a, b, label in t.spans})
    theirs = [name for name, label in names if _is_translatable(name, label, source)]
    translations = dict(zip(theirs, translate(theirs, chain), strict=True)) | territories(
        source, language
    )
    for text, line in zip(texts, translate([hide(t) for t in texts], chain), strict=True):
        pairs = []
        for start, end, label in text.spans:
            name = text.text[start:end]
            pairs.append((_name(name, translations.get(name, "") if label != "PER" else ""), label))
        if made := reveal(line, pairs, language, text.dataset):
            yield made


def territories(source: str, target: str) -> dict[str, str]:
    """Countries and continents, by their names in one language, in another (CLDR)."""
    theirs, ours = Locale(source).territories, Locale(target).territories
    return {name: ours[code] for code, name in theirs.items() if code in ours}


def _translate(lines: Sequence[str], mode: str) -> list[str]:
    # Apertium takes a full stop at the end of a line for one that it has put there itself.
    text = "".join(f"{line.removesuffix('.')}\n" for line in lines)
    command = ["apertium", "-u", "-f", "line", mode]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    made = done.stdout.removesuffix("\n").split("\n")
    if len(made) == len(lines):
        stops = ("." * line.endswith(".") for line in lines)
        return [line + stop for line, stop in zip(made, stops, strict=True)]
    if len(lines) == 1:
        return [" ".join(made)]
    # Somewhere a line was lost or cut in two: look for it in the halves.
    middle = len(lines) // 2
    return _translate(lines[:middle], mode) + _translate(lines[middle:], mode)


def _is_translatable(name: str, label: str, source: str) -> bool:
    """English names of places come out as what the words mean, unless they are single words."""
    words = len(name.split())
    return (label == "ORG" and words > 1) or (label == "LOC" and (source != "en" or words == 1))


def _name(name: str, made: str) -> str:
    """The translated name without an article before it, or the name where that is none."""
    if not name[:1].islower():
        made = _ARTICLE.sub("", made)
    made = " ".join(made.split())
    return made if made and made[:1].islower() == name[:1].islower() else name


def _code(number: int) -> str:
    letters = ""
    while True:
        number, digit = divmod(number, 20)
        letters = "bcdfghjklmnprstvwxzy"[digit] + letters
        if not number:
            return f"Xqz{letters}"


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 20 + "bcdfghjklmnprstvwxzy".find(letter)
    return number


def main() -> None:
    """Read the command line and translate."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder for the translations")
    args = parser.parse_args()
    if shutil.which("apertium") is None:
        packages = " ".join(PACKAGES.read_text("utf-8").split())
        sys.exit(f"Apertium is not installed; on Debian and Ubuntu: apt-get install {packages}")
    args.out.mkdir(parents=True, exist_ok=True)
    for names, language in ROUTES:
        for name in names:
            made = translated(list(read(args.data, name)), language)
            count = write(args.out, in_language(name, language), made)
            print(f"{in_language(name, language)}: {count:,} sentences", flush=True)


if __name__ == "__main__":
    main()
