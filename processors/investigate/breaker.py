"""A circuit breaker: who failed again and again is left alone for a while, then tried once."""

from dataclasses import dataclass

FAILURES = 4
"""In a row, after which it opens."""
FIRST_S = 15.0
LONGEST_S = 300.0
UNUSABLE_S = 300.0
"""Wrong credentials do not heal by themselves, and a new key needs no restart of ours to be tried."""


@dataclass(slots=True)
class Breaker:
    """Of one model. Times are a monotonic clock's seconds, passed in."""

    failures: int = 0
    opened: int = 0
    until: float = 0.0
    trying: bool = False

    def lets(self, now: float) -> bool:
        """Whether to ask: it is closed, or its time is over and nobody tries it yet. Who is let through then is the one that tries."""
        if self.until == 0.0:
            return True
        if now < self.until or self.trying:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        """It answered."""
        self.failures = self.opened = 0
        self.until, self.trying = 0.0, False

    def failed(self, now: float, *, for_good: bool = False) -> None:
        """It did not. `for_good`: until somebody changes the configuration."""
        self.failures += 1
        if for_good or self.trying or self.failures >= FAILURES:
            pause = UNUSABLE_S if for_good else min(LONGEST_S, FIRST_S * 2**self.opened)
            self.opened += 1
            self.until, self.trying = now + pause, False

    def left(self) -> None:
        """Who tried was told to stop before it knew."""
        self.trying = False
