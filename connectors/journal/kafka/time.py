"""Journal time of one process among several: the database's clock, carried on by this machine's, never going back."""

from connectors.ports.clock import Clock

_SECOND = 1_000_000


class JournalTime:
    """Follows `clock` until it is told the time of a clock that all processes share; then that, whatever this machine's clock says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor: tuple[int, float] | None = None
        self._latest = 0

    def now(self) -> int:
        """Microseconds, not below any moment told before nor below any acceptance seen."""
        anchor = self._anchor
        at = self._clock.now() if anchor is None else _later(anchor, self._clock.monotonic())
        if at > self._latest:
            self._latest = at
        return self._latest

    def saw(self, accepted_at: int) -> None:
        """An entry was accepted then: it is not earlier now."""
        if accepted_at > self._latest:
            self._latest = accepted_at

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def follow(self, shared: int, asked: float, answered: float) -> int:
        """The shared clock said `shared` between two monotonic moments; returns by how many microseconds this machine's is ahead."""
        middle = (asked + answered) / 2
        self._anchor = (shared, middle)
        return self._clock.now() - shared - round((self._clock.monotonic() - middle) * _SECOND)


def _later(anchor: tuple[int, float], monotonic: float) -> int:
    return anchor[0] + round((monotonic - anchor[1]) * _SECOND)
