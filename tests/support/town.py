"""A town of senders who never rest while the programs they send to are killed, all with their own numbers drawn from one seed."""

import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import sleep

from tests.support.senders import Sender, alerts, sentry_event

SEED = int(os.environ.get("TOCSIN_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SENDERS = 4
PROBLEMS = 30
"""Groups of alerts; and a third as many problems that an SDK reports."""
PATIENCE_S = 600.0
"""For everything to come to its end."""


class Town:
    """`where` gives the address to send to at the moment, or nothing; it is asked by several threads. `seed`: what its numbers come from."""

    def __init__(self, where: Callable[[], str], *, seed: int = SEED) -> None:
        self._closing, self._seed = Event(), seed
        self._senders = [Sender(where) for _ in range(SENDERS)]

    @contextmanager
    def awake(self) -> Iterator[None]:
        """While the block runs; leaving it waits for what is under way."""
        with ThreadPoolExecutor(SENDERS) as threads:
            days = [threads.submit(self._send, number) for number in range(SENDERS)]
            try:
                yield
            finally:
                self._closing.set()
            for day in days:
                day.result(PATIENCE_S)

    @property
    def acked(self) -> list[str]:
        """Every token somebody was told to have arrived."""
        return [token for sender in self._senders for token in sender.acked]

    @property
    def refused(self) -> list[str]:
        """What was refused for good."""
        return [refusal for sender in self._senders for refusal in sender.refused]

    def told(self) -> str:
        """What the senders have seen, in a line."""
        again = sum(each.again for each in self._senders)
        return f"TOCSIN_SEED={SEED}: {len(self.acked)} signals acknowledged, {again} sent again"

    def _send(self, number: int) -> None:
        """One sender's day. What is under way when the town closes is still delivered."""
        draw, sender, sent = random.Random(self._seed + number), self._senders[number], 0
        while not self._closing.is_set():
            sent += 1
            if draw.random() < 0.3:
                token = f"{number:08x}{sent:024x}"
                sender.deliver(sentry_event(f"problem{draw.randrange(PROBLEMS // 3)}", token))
            else:
                tokens = tuple(f"s{number}n{sent}i{index}" for index in range(draw.randint(1, 4)))
                severity = draw.choice(("critical", "warning"))
                sender.deliver(alerts(f"alarm{draw.randrange(PROBLEMS)}", tokens, severity=severity))
            sleep(draw.random() * 0.1)
