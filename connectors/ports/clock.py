"""The clock: the one way to ask what time it is."""

import time
from typing import Protocol

from typing_extensions import override

from schemas.time import SECOND


class Clock(Protocol):
    """Wall time and a monotonic counter; everything that needs a time is given one of these, or `now`."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC. May step backwards when the machine's clock is set; the journal's time does not."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going backwards."""


class SystemClock(Clock):
    """The machine's clock."""

    @override
    def now(self) -> int:
        return time.time_ns() // 1000

    @override
    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still until it is moved: for tests, replays and backtests."""

    def __init__(self, now: int) -> None:
        self._now = now

    @override
    def now(self) -> int:
        return self._now

    @override
    def monotonic(self) -> float:
        return self._now / SECOND

    def advance(self, *, seconds: float) -> None:
        """Move forward; a negative distance raises ValueError."""
        if seconds < 0:
            raise ValueError(f"a clock moves forward, asked for {seconds!r} s")
        self._now += round(seconds * SECOND)
