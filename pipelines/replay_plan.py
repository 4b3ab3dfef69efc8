"""What has to be read again for dead letters: single records, whole files, places."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pipelines.batches import Work
from pipelines.dead_letters import Letter
from pipelines.past_settings import reads_alike
from pipelines.settings import Settings
from pipelines.settled import Evidence
from pipelines.state import State, file_of
from pipelines.store import Store
from transforms.document import Rejected
from transforms.files import is_remote
from transforms.read.listing import Listing, SourceError, list_sources
from transforms.read.slices import SourceFile

_MANY = 1_000
"""Ids travel with every slice of a file: of more, reading all of it is cheaper."""

_REST_OF_FILE = ("from ", "after ")
"""With these begin the keys of what stands for all records from there on."""


@dataclass
class Plan:
    """The ``work`` of a run; ``whole`` are the URIs of files of which all records are read.

    ``tried`` are the letters that the run will tell about, ``left`` the others, with the reason.
    """

    work: Work = field(default_factory=Work)
    whole: list[str] = field(default_factory=list)
    tried: list[Letter] = field(default_factory=list)
    left: list[tuple[Letter, str]] = field(default_factory=list)


def plan_replay(settings: Settings, store: Store, state: State, letters: list[Letter]) -> Plan:
    """Look at the files and places that letters are about, and plan what to read of them.

    Of a file that is as it was only the failed records are read. All of it is read if it has
    changed, if it is read in another way now, if nobody knows what is in it from some place on, or
    if very many of its records have failed.
    """
    plan = Plan()
    of_file: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters:
        if letter.stage != "list":
            of_file[file_of(letter.source)].append(letter)
    files = {file.uri: file for file in _read_again(settings, store, of_file, plan)}
    places = [letter for letter in letters if letter.stage == "list"]
    listing = _list_again(settings, store, state, places, plan) if places else Listing((), ())
    for file in listing.files:
        files[file.uri] = file
    ordered = tuple(files[uri] for uri in sorted(files))
    whole = frozenset(file.uri for file in ordered if file.only is None)
    plan.work = Work(ordered, problems=listing.problems, planned=whole)
    return plan


def _read_again(
    settings: Settings, store: Store, of_file: dict[str, list[Letter]], plan: Plan
) -> Iterator[SourceFile]:
    if not of_file:
        return
    evidence = Evidence.gather(store, [one for letters in of_file.values() for one in letters])
    for uri, letters in sorted(of_file.items()):
        file = _find(uri)
        if isinstance(file, str):
            plan.left += [(letter, file) for letter in letters]
            continue
        plan.tried += letters
        if len(letters) <= _MANY and all(
            evidence.version(letter) == file.version
            and _is_of_one_record(letter)
            and not evidence.is_published(letter)
            and reads_alike(settings, store, letter.run_id)
            for letter in letters
        ):
            yield file._replace(only=frozenset(letter.id for letter in letters))
        else:
            plan.whole.append(uri)
            yield file


def _find(uri: str) -> SourceFile | str:
    """The file as it is now, or why it cannot be read."""
    try:
        listing = list_sources([uri])
    except SourceError as error:
        return str(error)
    for problem in listing.problems:
        if problem.source == uri:
            return problem.reason
    return next((file for file in listing.files if file.uri == uri), f"source not found: {uri}")


def _is_of_one_record(letter: Letter) -> bool:
    _, hash_, key = letter.source.partition("#")
    return bool(hash_) and not key.startswith(_REST_OF_FILE)


def _list_again(
    settings: Settings, store: Store, state: State, places: list[Letter], plan: Plan
) -> Listing:
    """What is new at and below the places, under the sources of the runs that found them.

    The sources are listed and not the places: patterns count from a source, and so does its rank.
    """
    files: dict[str, SourceFile] = {}
    problems: dict[str, Rejected] = {}
    for priority, source in enumerate(settings.sources):
        try:
            listing = list_sources([source], settings.include, settings.exclude)
        except SourceError:
            continue
        for file in listing.files:
            files.setdefault(file.uri, file._replace(priority=priority))
        problems |= {problem.source: problem for problem in listing.problems}
    seen = dict(state.versions())
    wanted: dict[str, SourceFile] = {}
    for letter in places:
        inside = [file for file in files.values() if _is_in(file.uri, letter.source)]
        if inside or letter.source in problems or _exists(letter.source):
            plan.tried.append(letter)
            new = [file for file in inside if not store.holds(file.path)]
            wanted |= {file.uri: file for file in new if seen.get(file.uri) != file.version}
        else:
            sources = ", ".join(settings.sources) or "none"
            plan.left.append((letter, f"not found under the sources of its run ({sources})"))
    wanted_problems = [problems[one.source] for one in places if one.source in problems]
    return Listing(tuple(wanted.values()), tuple(wanted_problems))


def _is_in(uri: str, place: str) -> bool:
    return uri == place or uri.startswith(f"{place.rstrip('/')}/")


def _exists(uri: str) -> bool:
    """Whether there is something at a local place, be it a directory with nothing to read."""
    path = unquote(urlsplit(uri).path, errors="surrogateescape")
    return not is_remote(uri) and os.path.lexists(path)
