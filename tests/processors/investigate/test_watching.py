"""Watching an investigation, and what may happen in the moment in which it pauses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.ports.journal import INPUTS, recorded
from processors.investigate import Commands, Investigate
from processors.investigate.breaker import FAILURES, FIRST_S, Breaker
from processors.investigate.events import Asking, Began, Ended, Event, Recorded, Writing
from processors.investigate.rows import INVESTIGATIONS, QUEUE, Task
from processors.investigate.run import Held, Run
from processors.investigate.watching import Watching
from schemas import Command, Investigation
from tests.support.model_server import Says
from tests.support.talk import GOOD, INCIDENT, SIGNALS, asks, by_turn, playbook, prepare, talk


async def begun(w: Any, t: Any) -> tuple[Held, Task, Investigation, bytes]:
    """A job as a worker holds it."""
    await w.select(INCIDENT, SIGNALS, playbook="looks")
    await t.investigate.intake.step()
    job = await w.journal.claim(QUEUE, owner="mine", ttl_s=60, timeout_s=0)
    task = Task.from_json(job.payload)
    before = await w.journal.get(INVESTIGATIONS, task.investigation_id)
    return Held(job), task, Investigation.from_json(before), before


def test_an_investigation_is_a_generator_of_its_events(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            async with talk(w, [asks(("look.more", {})), GOOD]) as t:
                held, task, investigation, before = await begun(w, t)
                run = Run(held, task, investigation, playbook(), [], means=t.means, before=before)
                events: list[Event] = [event async for event in run.events()]
                assert isinstance(events[0], Began) and isinstance(events[-1], Ended)
                assert [each.name for each in events if isinstance(each, Asking)] == [
                    "look.first",
                    "default",
                    "look.more",
                    "default",
                ]
                written = "".join(
                    each.piece.text for each in events if isinstance(each, Writing) and each.piece.kind == "text"
                )
                assert written == "Let me look."
                names = [each.step.name for each in events if isinstance(each, Recorded)]
                assert names == [step["name"] for step in await t.steps()]

    asyncio.run(main())


def test_who_stops_listening_stops_it_and_another_worker_goes_on(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            async with talk(w, lambda _: Says(calls=GOOD.calls, wait_s=0.2)) as t:
                held, task, investigation, before = await begun(w, t)
                events = Run(held, task, investigation, playbook(), [], means=t.means, before=before).events()
                async for event in events:
                    if isinstance(event, Asking) and event.kind == "model":
                        break
                await events.aclose()
                w.clock.advance(seconds=61)
                assert await t.investigate.workers.one(owner="heir")
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_anybody_follows_an_investigation_a_worker_runs(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            watching = Watching()
            async with talk(w, [GOOD]) as t:
                t.means.watch = watching.tell
                await w.select(INCIDENT, SIGNALS, playbook="looks")
                await t.investigate.intake.step()
                identity = (await w.journal.scan(INVESTIGATIONS))[0][0]

                async def follow() -> list[Event]:
                    return [event async for event in watching.follow(identity)]

                following = asyncio.ensure_future(follow())
                await asyncio.sleep(0)
                await t.investigate.workers.one()
                events = await following
                assert isinstance(events[0], Began) and isinstance(events[-1], Ended)

    asyncio.run(main())


class Meanwhile:
    """A journal before whose `at`-th unit something happens."""

    def __init__(self, journal: Any, at: int, act: Any) -> None:
        self._journal, self._left, self._act = journal, at, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    @asynccontextmanager
    async def unit(self, **arguments: Any) -> AsyncIterator[Any]:
        self._left -= 1
        if self._left == 0:
            await self._act()
        async with self._journal.unit(**arguments) as unit:
            yield unit


def test_what_comes_in_the_moment_of_pausing_wakes_it_at_once(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook("analyst: {may_wait: 1h}"))
            waits = Says(calls=(("wait", {"reason": "a person"}),))
            async with talk(w, by_turn(waits, GOOD)) as t:

                async def speak() -> None:
                    identity = (await w.journal.scan(INVESTIGATIONS))[0][0]
                    said = {"investigation_id": identity, "text": "Go on."}
                    command = Command(id="cmd_1", kind="steer", author="human:ada", origin="cli", at=0, data=said)
                    await w.journal.append(INPUTS, [recorded(command)])
                    await Commands(w.journal).step()

                await w.select(INCIDENT, SIGNALS, playbook="looks")
                await t.investigate.intake.step()
                # Begin, tool, look, weighed, set aside, answer: the seventh unit is the pause.
                t.means.journal = Meanwhile(w.journal, 7, speak)
                t.means.spending = None
                first = Investigate(t.means.journal, w.archive, w.tools, w.library, owner="x", means=t.means)
                assert await first.workers.one() and (await w.kinds())[-1] == "investigation.paused"
                assert await first.workers.one(), "it is due although nobody came after it had paused"
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_try() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    assert breaker.lets(0.0)
    breaker.failed(0.0)
    assert not breaker.lets(FIRST_S - 1)
    assert breaker.lets(FIRST_S + 1) and not breaker.lets(FIRST_S + 1), "one tries"
    breaker.failed(FIRST_S + 1)
    assert not breaker.lets(2 * FIRST_S + 2), "twice as long"
    assert breaker.lets(3 * FIRST_S + 2)
    breaker.succeeded()
    assert breaker.lets(3 * FIRST_S + 2) and breaker.failures == 0


@pytest.mark.parametrize("stops", [True, False])
def test_who_tried_and_was_stopped_leaves_the_try_to_the_next(stops: bool) -> None:
    breaker = Breaker()
    breaker.failed(0.0, for_good=True)
    assert breaker.lets(1000.0)
    if stops:
        breaker.left()
    assert breaker.lets(1000.0) is stops
