"""Killed at random moments under load, and started again: nothing acknowledged is lost, nothing is decided or done twice."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.support.crash import balance, is_up, read_books, settle, start
from tests.support.linear_server import LinearServer
from tests.support.program import Child, cli, to_linear
from tests.support.senders import KEY
from tests.support.town import PATIENCE_S, SEED, Town
from tests.support.webhook_receiver import receiving

KILLS = int(os.environ.get("TOCSIN_KILLS", "20"))
LONGEST_LIFE_S = 5.0
"""Long enough for some work: what is begun in nine lives and ended in none is given up, as it may be what kills them."""
STARTING_S = 1.5
PLACES = 2


class Place:
    """Where the program is, while it is up."""

    def __init__(self) -> None:
        self.url = ""


def live_and_die(place: Place, life: Child, draw: random.Random) -> bool:
    """Kill it at a random moment, one time in four while it starts; whether it was up by then."""
    end = monotonic() + draw.uniform(0, STARTING_S) if draw.random() < 0.25 else None
    try:
        while life.process.poll() is None and (end is None or monotonic() < end):
            if not place.url and is_up(life):
                place.url = life.url
                end = end or monotonic() + draw.uniform(0, LONGEST_LIFE_S)
            sleep(0.005)
        assert life.process.poll() is None, f"it ended by itself: {life.stderr.read_text()[-3000:]}"
    finally:
        was_up, place.url = bool(place.url), ""
        life.kill()
    return was_up


def killed_again_and_again(folder: Path, kills: int, seed: int) -> Path:
    """A program of its own that is killed so often under load, with books that balance in the end; returns its configuration."""
    folder.mkdir()
    draw, place = random.Random(seed), Place()
    town = Town(where=lambda: place.url, seed=seed)
    with LinearServer() as linear, receiving() as receiver:
        config: dict[str, Any] = {
            "connectors": {
                "linear": to_linear(linear, deadline_s=1),
                "webhook": {"targets": {"oncall": {"url": receiver.url, "pager": True, "deadline_s": 2}}},
                "sentry": {"projects": {"4": {"keys": [KEY]}}},
            }
        }
        with town.awake():
            up = sum(live_and_die(place, start(folder, config, wait=False), draw) for _ in range(kills))
            life = start(folder, config)
            place.url = life.url
        try:
            settle(folder, within_s=PATIENCE_S)
            assert life.terminate() == 0
        finally:
            life.kill()
        books = read_books(folder)
        repeats = sum(len(ids) - 1 for ids in books.signals.values())
        print(
            f"{town.told()}, {repeats} accepted again; {kills} kills, {up} while it was up; {len(linear.issues)} issues"
        )
        assert town.refused == []
        assert len(town.acked) > 5 * kills
        balance(books, town.acked, linear, [headers["webhook-id"] for headers, _ in receiver.got])
    return life.config


@pytest.mark.chaos
@pytest.mark.timeout(PATIENCE_S + 30 * KILLS)
def test_random_kills_under_load_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """In several places side by side, as most of a life is waiting."""
    folders = [tmp_path / f"place{number}" for number in range(PLACES)]
    kills = [KILLS // PLACES + (number < KILLS % PLACES) for number in range(PLACES)]
    with ThreadPoolExecutor(PLACES) as threads:
        files = list(threads.map(killed_again_and_again, folders, kills, [SEED + 100 * n for n in range(PLACES)]))
    assert sum(kills) == KILLS
    for file in files:
        assert cli("ledger", "verify", config=file).exit_code == 0
