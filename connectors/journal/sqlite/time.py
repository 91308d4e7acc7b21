"""Journal time: the clock's, except that it never goes back, and never stands still."""

import threading

from connectors.ports.clock import Clock
from schemas.time import SECOND

_PACE = 0.9
"""How fast journal time goes on while the clock is behind it: slower, so that the two meet, and fast enough for waits to end."""


class JournalTime:
    """May be asked from any thread."""

    def __init__(self, clock: Clock, at_least: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = at_least
        self._asked = clock.monotonic()

    def now(self) -> int:
        """Microseconds, not below any moment told before nor below the last acceptance.

        After the machine's clock was set back, time goes on from where it was, at nine tenths of its pace, until the clock has
        caught up: retries, expiries and leases still come to their end.
        """
        with self._lock:
            wall, asked = self._clock.now(), self._clock.monotonic()
            if wall < self._latest:
                wall = self._latest + int(max(0.0, asked - self._asked) * _PACE * SECOND)
            # Less than a microsecond that has passed is kept for the next time.
            if wall > self._latest:
                self._latest, self._asked = wall, asked
            return self._latest
