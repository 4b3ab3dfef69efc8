"""A run that is killed, at whatever moment, and run again comes to what an undisturbed one does.

``KILLS`` is the number of random moments, spread over the whole run (8 by default), ``KILL_SEED``
repeats those of an earlier time.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.integration.kills import (
    BATCHES,
    Moment,
    World,
    has_elected,
    has_read,
    is_committing,
)
from tests.integration.same_store import assert_same, assert_whole

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the direct runner forks there")

KILLS = int(os.environ.get("KILLS", "8"))
SEED = os.environ.get("KILL_SEED") or str(random.SystemRandom().randrange(10**6))
TRIES = 5
"""A machine that is quicker than just before may be done before the kill: then it comes earlier."""

Worlds = tuple[World, Path]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """A store before a change, and the one that an undisturbed run makes of it."""
    world = World(tmp_path_factory.mktemp("world"))
    store = world.undisturbed()
    assert len(list(store.glob("runs/*.json"))) == 1 + BATCHES
    assert_whole(store)
    return world, store


@pytest.mark.parametrize("number", range(KILLS))
def test_a_random_moment(worlds: Worlds, number: int) -> None:
    world, undisturbed = worlds
    share = (number + random.Random(f"{SEED} {number}").random()) / KILLS
    store = killed(world, has_read(0), share * world.seconds)
    world.finish(store)
    assert_same(store, undisturbed)
    assert_whole(store)


@pytest.mark.parametrize(
    ("moment", "delay"),
    [(has_elected(2), 0.0), (is_committing(2), 0.0), (is_committing(4), 0.005)],
    ids=["election", "manifest", "index"],
)
def test_the_commit(worlds: Worlds, moment: Moment, delay: float) -> None:
    world, undisturbed = worlds
    store = killed(world, moment, delay)
    world.finish(store)
    assert_same(store, undisturbed)
    assert_whole(store)


def test_the_commit_to_elasticsearch(
    worlds: Worlds, elasticsearch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, undisturbed = worlds
    server = {"url": elasticsearch_url, "index": "test-kill"}
    monkeypatch.setitem(world.settings, "elasticsearch", server)
    store = killed(world, is_committing(3), 0.0)
    world.finish(store)
    assert_same(store, undisturbed, but="index")
    assert_whole(store, elasticsearch=server)


def killed(world: World, moment: Moment, delay: float) -> Path:
    """A store in which a run was killed so many seconds after a moment; says what it left."""
    for _ in range(TRIES):
        store = world.copy("killed")
        left = world.kill(store, moment, delay)
        if left is not None:
            print(f"seed {SEED}: killed {delay:.3f} s after the moment, {left}")
            return store
        delay *= 0.7
    raise AssertionError(f"the run ended before it could be killed, {TRIES} times")
