"""Killed at random moments under load, and started again: nothing acknowledged is lost, nothing is decided or done twice."""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

from tests.support.crash import balance, is_up, read_books, settle, start
from tests.support.linear_server import LinearServer
from tests.support.program import Child, cli, to_linear
from tests.support.senders import KEY, Sender, alerts, sentry_event
from tests.support.webhook_receiver import receiving

KILLS = int(os.environ.get("TOCSIN_KILLS", "20"))
SEED = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SENDERS = 4
PROBLEMS = 30
"""Groups of alerts; and a third as many problems that an SDK reports."""
LONGEST_LIFE_S = 2.0
STARTING_S = 1.5
PATIENCE_S = 600.0
"""An action whose answer was lost again and again is tried at last after 2, then 10 minutes."""


class Town:
    """Senders who never rest, all with their own numbers drawn from one seed."""

    def __init__(self) -> None:
        self.url = ""
        self.closing = Event()
        self.senders = [Sender(lambda: self.url) for _ in range(SENDERS)]

    def send(self, number: int) -> None:
        """One sender's day. What is under way when the town closes is still delivered."""
        draw, sender, sent = random.Random(SEED + number), self.senders[number], 0
        while not self.closing.is_set():
            sent += 1
            if draw.random() < 0.3:
                token = f"{number:08x}{sent:024x}"
                sender.deliver(sentry_event(f"problem{draw.randrange(PROBLEMS // 3)}", token))
            else:
                tokens = tuple(f"s{number}n{sent}i{index}" for index in range(draw.randint(1, 4)))
                severity = draw.choice(("critical", "warning"))
                sender.deliver(alerts(f"alarm{draw.randrange(PROBLEMS)}", tokens, severity=severity))
            sleep(draw.random() * 0.1)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """While the block runs; leaving it waits for what is under way."""
        with ThreadPoolExecutor(SENDERS) as threads:
            days = [threads.submit(self.send, number) for number in range(SENDERS)]
            try:
                yield
            finally:
                self.closing.set()
            for day in days:
                day.result(PATIENCE_S)

    @property
    def acked(self) -> list[str]:
        """Every token somebody was told to have arrived."""
        return [token for sender in self.senders for token in sender.acked]


def live_and_die(town: Town, life: Child, draw: random.Random) -> bool:
    """Kill it at a random moment, one time in four while it starts; whether it was up by then."""
    end = monotonic() + draw.uniform(0, STARTING_S) if draw.random() < 0.25 else None
    try:
        while life.process.poll() is None and (end is None or monotonic() < end):
            if not town.url and is_up(life):
                town.url = life.url
                end = end or monotonic() + draw.uniform(0, LONGEST_LIFE_S)
            sleep(0.005)
        assert life.process.poll() is None, f"it ended by itself: {life.stderr.read_text()[-3000:]}"
    finally:
        was_up, town.url = bool(town.url), ""
        life.kill()
    return was_up


@pytest.mark.chaos
@pytest.mark.timeout(PATIENCE_S + 30 * KILLS)
def test_random_kills_under_load_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    draw, town = random.Random(SEED), Town()
    with LinearServer() as linear, receiving() as receiver:
        config: dict[str, Any] = {
            "connectors": {
                "linear": to_linear(linear),
                "webhook": {"targets": {"oncall": {"url": receiver.url, "pager": True}}},
                "sentry": {"projects": {"4": {"keys": [KEY]}}},
            }
        }
        with town.awake():
            up = sum(live_and_die(town, start(tmp_path, config, wait=False), draw) for _ in range(KILLS))
            life = start(tmp_path, config)
            town.url = life.url
        try:
            settle(tmp_path, within_s=PATIENCE_S)
            assert life.terminate() == 0
        finally:
            life.kill()
        print(
            f"TOCSIN_SEED={SEED}: {KILLS} kills, {up} of them while it was up, {len(town.acked)} signals acknowledged,",
            end=" ",
        )
        books = read_books(tmp_path)
        repeats = sum(len(ids) - 1 for ids in books.signals.values())
        print(
            f"{sum(each.again for each in town.senders)} sent again, {repeats} accepted again, {len(linear.issues)} issues"
        )
        assert [refusal for sender in town.senders for refusal in sender.refused] == []
        assert len(town.acked) > 10 * KILLS
        balance(books, town.acked, linear, [headers["webhook-id"] for headers, _ in receiver.got])
        assert cli("ledger", "verify", config=life.config).exit_code == 0
