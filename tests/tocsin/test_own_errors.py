"""Tocsin's own errors: never to our own door, and never a storm."""

import socket

import pytest

from connectors.ports.clock import ManualClock
from tocsin.own_errors import PER_HOUR, Budget, feeds_back, start_own_errors

DOOR = ("127.0.0.1", 8710)


@pytest.mark.parametrize(
    "dsn",
    [
        "http://key@127.0.0.1:8710/1",
        "http://key@localhost:8710/1",
        "http://key@[::1]:8710/1",
        "http://key@0.0.0.0:8710/7",
        "http://key@LOCALHOST:8710/7",
    ],
)
def test_a_dsn_that_leads_to_our_own_door_is_known(dsn: str) -> None:
    assert feeds_back(dsn, *DOOR)
    said = start_own_errors(dsn, host=DOOR[0], port=DOOR[1], version="1", clock=ManualClock(0))
    assert said is not None and "own door" in said


def test_a_door_on_every_address_is_met_by_every_name_of_this_machine() -> None:
    for name in (socket.gethostname(), "127.0.0.2", "[::1]"):
        assert feeds_back(f"http://key@{name}:8710/1", "0.0.0.0", 8710), name
    assert not feeds_back("http://key@192.0.2.1:8710/1", "0.0.0.0", 8710)
    assert not feeds_back("http://key@name.invalid:8710/1", "::", 8710)


@pytest.mark.parametrize(
    ("dsn", "host", "port"),
    [
        ("https://key@sentry.example/1", "0.0.0.0", 8710),
        ("http://key@127.0.0.1:9000/1", "127.0.0.1", 8710),
        ("https://key@tocsin.example/1", "tocsin.example", 8710),
    ],
)
def test_any_other_is_somebody_elses(dsn: str, host: str, port: int) -> None:
    assert not feeds_back(dsn, host, port)


@pytest.mark.parametrize(
    ("dsn", "host", "port"),
    [("https://key@tocsin.example/1", "tocsin.example", 443), ("http://key@127.0.0.1/1", "0.0.0.0", 80)],
)
def test_a_port_that_is_not_written_is_the_schemes(dsn: str, host: str, port: int) -> None:
    assert feeds_back(dsn, host, port)


def test_without_a_dsn_nothing_is_sent() -> None:
    assert start_own_errors(None, host="127.0.0.1", port=1, version="1", clock=ManualClock(0)) is not None


@pytest.mark.parametrize("dsn", ["nonsense", "http://127.0.0.1:8710/1", "http://key@host:port/1", "http://key@host/"])
def test_what_is_no_dsn_is_said_and_stops_nothing(dsn: str) -> None:
    said = start_own_errors(dsn, host="127.0.0.1", port=1, version="1", clock=ManualClock(0))
    assert said is not None and "is no DSN" in said


def test_no_more_than_the_budget_goes_within_any_hour() -> None:
    clock = ManualClock(0)
    budget = Budget(clock)
    assert sum(budget.take() for _ in range(PER_HOUR + 20)) == PER_HOUR
    clock.advance(seconds=3599)
    assert not budget.take()
    clock.advance(seconds=1)
    assert budget.take()
