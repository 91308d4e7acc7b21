"""Journal time: never back, and never still for long."""

from typing_extensions import override

from connectors.journal.sqlite.time import JournalTime
from connectors.ports.clock import Clock
from schemas.time import SECOND

NOON = 1_795_000_000 * SECOND
HOUR = 3600 * SECOND


class Settable(Clock):
    """A clock somebody sets while its counter goes on."""

    def __init__(self) -> None:
        self.wall, self.counter = NOON, 5.0

    @override
    def now(self) -> int:
        return self.wall

    @override
    def monotonic(self) -> float:
        return self.counter

    def pass_time(self, seconds: float) -> None:
        self.wall += round(seconds * SECOND)
        self.counter += seconds


def test_it_is_the_clocks_and_not_below_what_was_accepted_last() -> None:
    clock = Settable()
    assert JournalTime(clock, 0).now() == NOON
    assert JournalTime(clock, NOON + HOUR).now() == NOON + HOUR


def test_it_goes_on_while_a_clock_that_was_set_back_catches_up() -> None:
    clock = Settable()
    time = JournalTime(clock, 0)
    told = [time.now()]
    clock.wall -= HOUR
    for _ in range(1000):
        clock.pass_time(0.01)
        told.append(time.now())
    assert told == sorted(told) and told[1] >= told[0]
    assert NOON + 8 * SECOND < told[-1] < NOON + 10 * SECOND
    clock.pass_time(11 * 3600)
    assert time.now() == clock.now()


def test_asking_often_does_not_hold_it_up() -> None:
    clock = Settable()
    time = JournalTime(clock, NOON + HOUR)
    for _ in range(100_000):
        clock.counter += 0.000_000_7
        time.now()
    assert time.now() - (NOON + HOUR) > 40_000
