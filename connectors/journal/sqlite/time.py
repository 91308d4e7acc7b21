"""Journal time: the clock's, except that it never goes back."""

import threading

from connectors.ports.clock import Clock


class JournalTime:
    """May be asked from any thread."""

    def __init__(self, clock: Clock, at_least: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = at_least

    def now(self) -> int:
        """Microseconds, not below any moment told before nor below the last acceptance."""
        with self._lock:
            self._latest = max(self._latest, self._clock.now())
            return self._latest
