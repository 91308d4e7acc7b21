"""Driven: resources that are used up and what uses them, in the words of a conclusion."""

from collections.abc import Sequence
from typing import assert_never

from processors.analyst.words import tick
from processors.evidence.dominant import HEAVY
from processors.evidence.drivers import Driver, Link, Wait

MOST = 3
SAID = 150
"""Characters of a statement."""


def driven(drivers: Sequence[Driver], link: Link | None = None) -> str:
    """What is used up and by what; of several which is the root, if one brings the others. Nothing without any."""
    if not drivers:
        return ""
    if link is None:
        return _capital(f"{_where(drivers[0])}: {_because(drivers[0])}")
    others = [each for each in drivers if each is not link.root][: MOST - 1]
    shown = (link.root, *others)
    parts = "; ".join(f"({number}) {_where(each)}: {_because(each)}" for number, each in enumerate(shown, 1))
    number = {2: "Two", 3: "Three"}[len(shown)]
    return f"{number} resources are used up at once, {_belongs(link)}: {parts}"


def _belongs(link: Link) -> str:
    match link.kind:
        case "same":
            return "by the same load, which is the root cause of both"
        case "linked":
            return f"and they move together (correlation {link.together:.2f}): the root cause is the first, which most of the load is about, and what follows is brought or made worse by it"
        case "apart":
            return "and they do not move together: each has its own cause"
        case "unknown":
            return "and nothing tells whether one brings the other; most of the load is about the first, the likelier root cause"
        case _:
            assert_never(link.kind)


def unloaded(driver: Driver) -> str:
    """What takes the load away, as a step for a person."""
    match driver.kind:
        case "client":
            return "find who holds sessions open and end the idle ones; bound its pool and close what it opens"
        case "cpu" | "read":
            if driver.statement is not None:
                return f"look at the plan of {tick(driver.statement, 80)}: add the index it lacks, or stop it meanwhile"
            return "find the statements that take the most time, and look at their plans"
        case "log" | "write":
            return "slow down or split what writes so much, and make room meanwhile"
        case "lock":
            return "find the session that holds the lock, and end it"
        case _:
            assert_never(driver.kind)


def _where(driver: Driver) -> str:
    return driver.full.says + (f" on {tick(driver.full.service, 60)}" if driver.full.service else "")


def _because(driver: Driver) -> str:
    share = f"{tick(driver.wait, 60)}, {driver.load:.3g} of {driver.whole:.3g} active sessions"
    said = f"on {tick(driver.instance, 60)} " if driver.instance is not None else ""
    said += f"{_does(driver.kind)} ({share})"
    if driver.statement is None or driver.kind == "client":
        return said
    said += f", {driver.part:.0%} of that for {tick(driver.statement, SAID)}"
    if driver.kind in ("cpu", "read") and driver.each is not None and driver.each >= HEAVY:
        said += (
            f", about {driver.each:.2g} s of work a call: it reads far more than it returns, as a full table scan (sequential scan) does where an"
            " index is missing"
        )
    return said


def _does(kind: Wait) -> str:
    match kind:
        case "client":
            return (
                "sessions are held open and idle, or idle in transaction, waiting for their client: connections are taken and not given back, as"
                " with a connection pool leak"
            )
        case "cpu":
            return "sessions compute"
        case "read":
            return "sessions wait for reads from disk"
        case "write":
            return "sessions wait for writes to disk: a write-heavy workload"
        case "log":
            return "sessions wait for the write-ahead log: a write-heavy workload"
        case "lock":
            return "sessions wait for locks others hold"
        case _:
            assert_never(kind)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
