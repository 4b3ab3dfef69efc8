"""Which entry of a table of word vectors stands for a word: as it is, or without its ending.

Such tables know names in one form ("Washington"); Hungarian, Turkish, Romanian and the Slavic
languages write them with endings ("Washingtonban", "Washington'da", "Washingtonu").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_SLAVIC = (
    "a e i o u y em im in om ou ov ev im ím ým ja je jo ju jem jom ach ami ama iem ego ého emu omu "
    "ova ove ovi ovo ovu ino inu ina ine skou skom skim skej skog skega ského ském ovej "
    "ovou ovom ovoj ového ovho ovim ovih"
)
_HUNGARIAN = (
    "n t i at et ot öt ek ok on en ön ba be ban ben ból ből ra re ról ről nak nek nál nél tól "
    "től hoz hez höz ig ért ként ja je ában ében ából éből ára ére ának ének ával ével ához éhez "
    "át ét val vel bal bel dal del gal gel kal kel lal lel mal mel nal nel ral rel sal sel tal tel "
    "zal zel okban ekben"
)
_TURKISH = (
    "a e ı i u ü la le lı li da de ta te dan den tan ten daki deki taki teki ya ye yı yi yu yü na "
    "ne nı ni ın in un ün nın nin nun nün"
)
_ENDINGS = {
    **dict.fromkeys(("bs", "cs", "hr", "pl", "sk", "sl", "sr"), _SLAVIC),
    "hu": _HUNGARIAN,
    "ro": "a i u le ul ei ii lui ilor elor ului",
    "tr": _TURKISH,
}
ENDINGS = {language: frozenset(endings.split()) for language, endings in _ENDINGS.items()}
"""What stands at the end of names, and of no name by itself, by language (ISO 639-1)."""
_NONE: frozenset[str] = frozenset()
_LONGEST = max(len(ending) for endings in ENDINGS.values() for ending in endings)
_RESTORED = dict.fromkeys(("bs", "cs", "hr", "pl", "sk", "sl", "sr"), "aoe")
"""Vowels that the base form may end in where a word has an ending: Prahe, Praha."""
_SHORTENED = {"á": "a", "é": "e"}
"""Hungarian vowels before an ending, and at the end of the base form: Amerikában, Amerika."""
_SHORTEST = 3
"""Letters of the shortest base form."""
_DIALECTS = {"bs": "hr", "sr": "hr"}
"""Languages that share the words of another."""


def own(word: str, language: str) -> str:
    """How a table lists a word in small letters that may mean something else in other languages."""
    return f"{_DIALECTS.get(language, language)} {word}"


def known_form(word: str, language: str, is_known: Callable[[str], bool]) -> str:
    """Return the entry that stands for ``word``; where there is none, the word in small letters.

    Entries are names, as they are written in every language, words of one language as ``own``
    lists them, and words in small letters.

    Args:
        word: as the text has it.
        language: ISO 639-1 code of the text.
        is_known: whether the table has an entry.
    """
    return next(filter(is_known, _forms(word, language)), word.lower())


def _forms(word: str, language: str) -> Iterator[str]:
    small = word.lower()
    yield from _written(word)
    yield own(small, language)
    yield small
    stem, apostrophe, _ = word.replace("’", "'").partition("'")
    if apostrophe and len(stem) > 1:
        yield from _written(stem)
        return
    endings = ENDINGS.get(language, _NONE)
    for length in range(min(_LONGEST, len(word) - _SHORTEST), 0, -1):
        if word[-length:] in endings:
            bases = _bases(word[:-length], language)
            if word[0].isupper():
                yield from bases
            yield from (own(base.lower(), language) for base in bases)


def _written(word: str) -> Iterator[str]:
    yield word
    if word.isupper():
        yield word.title()


def _bases(stem: str, language: str) -> list[str]:
    bases = [stem, *(stem + vowel for vowel in _RESTORED.get(language, ""))]
    if language == "hu" and stem[-1] in _SHORTENED:
        bases.append(stem[:-1] + _SHORTENED[stem[-1]])
    return bases
