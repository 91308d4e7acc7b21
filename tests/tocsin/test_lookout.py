"""The lookout: what was accepted before the disk was full is paged for, once, with everything still to be written."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from connectors.journal.emergency import EmergencyJournal
from connectors.journal.sqlite import SqliteArchive, SqliteJournal, open_journal
from connectors.ports.clock import ManualClock, SystemClock
from connectors.ports.journal import INPUTS, NewRecord
from connectors.ports.meters import NullMeters
from playbooks.library import load_library
from processors.act import Ringer
from processors.investigate import Intake, Workers
from processors.triage.loop import Triage
from rules.engine import Engine
from schemas import Incident, Signal
from tests.support.action_port import ScriptedPort
from tests.support.rule_world import at, rules, signal
from tocsin.bell import EmergencyBell
from tocsin.lookout import Lookout

RULES = "rules:\n  - {name: alerts, when: type == 'alert', group_by: [service], playbook: default}\n"
CRITICAL: dict[str, Any] = {"severity": "critical"}


class Told(BaseModel):
    """What a pager is told."""

    model_config = ConfigDict(extra="ignore")

    summary: str = ""
    body: str = ""


class Pager(ScriptedPort):
    """Takes what the bell tells."""

    arguments = Told

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> BaseModel:
        return Told.model_validate(arguments)


class House:
    """A journal, the processors up to the investigation, moved by hand, and a pager."""

    def __init__(self, journal: SqliteJournal, folder: Path, triage: Triage, engine: Engine) -> None:
        self.journal, self.triage = journal, triage
        self.port = Pager("page", "at_least_once")
        self.notes = EmergencyJournal(folder / "emergency", slots=8)
        bell = EmergencyBell(engine, Ringer(self.notes, {"page": self.port}), {"page": self.port}, severity="critical")
        self.fault: str | None = None
        archive = SqliteArchive(journal)
        library = load_library()
        self.intake = Intake(journal, library)
        self.workers = Workers(journal, archive, {}, library, owner="test")
        self.lookout = Lookout(
            journal,
            archive,
            engine,
            bell,
            fault=lambda: self.fault,
            clock=SystemClock(),
            every_s=0.001,
            patience_s=0.01,
        )

    async def accept(self, *signals: Signal) -> None:
        await self.journal.append(INPUTS, [NewRecord("signal", each.to_json()) for each in signals])

    async def decide(self) -> None:
        while self.triage.position < await self.journal.head(INPUTS):
            await self.triage.step()

    async def look(self) -> list[str]:
        await self.lookout.look("no space left on the device")
        return self.port.effects


@asynccontextmanager
async def house(folder: Path, text: str = RULES, clock: ManualClock | None = None) -> AsyncIterator[House]:
    journal, engine = open_journal(folder / "journal.db", clock=clock or ManualClock(at(0))), Engine(rules(text))
    lease = await journal.acquire("triage", owner="test", ttl_s=60)
    assert lease is not None
    triage = Triage(journal, engine, lease, ttl_s=60, meters=NullMeters())
    await triage.restore()
    made = House(journal, folder, triage, engine)
    try:
        yield made
    finally:
        made.notes.close()
        await journal.close()


async def undecided(house: House) -> None:
    """Accepted, and that is all."""


async def not_taken_in(house: House) -> None:
    await house.decide()


async def under_way(house: House) -> None:
    await house.decide()
    await house.intake.step()


STAGES = [undecided, not_taken_in, under_way]


@pytest.mark.parametrize("stage", STAGES)
def test_an_accepted_signal_is_paged_for_once_however_far_it_came(
    stage: Callable[[House], Any], tmp_path: Path
) -> None:
    async def go() -> None:
        async with house(tmp_path) as here:
            await here.accept(signal("a", **CRITICAL), signal("b", **CRITICAL))
            await stage(here)
            before = await here.journal.head(INPUTS), await here.journal.head("decisions")
            (first,) = await here.look()
            assert await here.look() == [first]
            assert (await here.journal.head(INPUTS), await here.journal.head("decisions")) == before
            # However far the work has come meanwhile, it is the same page.
            await under_way(here)
            assert await here.look() == [first]

    asyncio.run(go())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "signals",
    [
        [signal("a", severity="error")],
        [signal("a", rehearsal=True, **CRITICAL)],
        [signal("a", **CRITICAL), signal("a", 5, status="resolved")],
    ],
    ids=["less severe", "a rehearsal", "over already"],
)
def test_nobody_is_woken_for_what_is_less_severe_over_or_a_rehearsal(
    stage: Callable[[House], Any], signals: list[Signal], tmp_path: Path
) -> None:
    async def go() -> None:
        async with house(tmp_path) as here:
            await here.accept(*signals)
            await stage(here)
            assert await here.look() == []

    asyncio.run(go())


def test_what_was_investigated_waits_for_nobody(tmp_path: Path) -> None:
    async def go() -> None:
        async with house(tmp_path) as here:
            await here.accept(signal("a", **CRITICAL))
            await under_way(here)
            assert await here.workers.one()
            await here.decide()
            await here.intake.step()
            assert await here.look() == []

    asyncio.run(go())


def test_it_looks_only_when_the_journal_could_not_write_for_a_while(tmp_path: Path) -> None:
    async def go() -> None:
        async with house(tmp_path) as here:
            await here.accept(signal("a", **CRITICAL))
            running = asyncio.create_task(here.lookout.run())
            await asyncio.sleep(0.05)
            assert here.port.calls == []
            here.fault = "no space left on the device"
            async with asyncio.timeout(10):
                while not here.port.effects:
                    await asyncio.sleep(0.001)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(go())


def test_a_group_that_would_wait_is_paged_for_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        port, notes = Pager("page", "at_least_once"), EmergencyJournal(tmp_path / "emergency", slots=8)
        engine = Engine(rules(RULES.replace("playbook: default", "playbook: default, group_wait: 5m, muted: [night]")
                              + "times: {night: [{times: [{start_time: '00:00', end_time: '01:00'}]}]}\n"))  # fmt: skip
        bell = EmergencyBell(engine, Ringer(notes, {"page": port}), {"page": port}, severity="critical")
        await bell.ring([signal("a", **CRITICAL)], "the disk is full")
        notes.close()
        assert len(port.effects) == 1

    asyncio.run(main())


def test_a_group_that_waited_when_the_disk_filled_is_paged_for(tmp_path: Path) -> None:
    async def main() -> None:
        clock = ManualClock(at(0))
        paced = RULES.replace("playbook: default", "playbook: default, group_wait: 5m")
        async with house(tmp_path, paced, clock) as here:
            await here.accept(signal("a", **CRITICAL))
            await here.decide()
            (first,) = await here.look()
            await here.intake.step()
            assert await here.look() == [first], "paged for already"

    asyncio.run(main())


def test_a_group_whose_wait_is_over_meanwhile_is_paged_for(tmp_path: Path) -> None:
    async def main() -> None:
        clock = ManualClock(at(0))
        paced = RULES.replace("playbook: default", "playbook: default, group_wait: 5m")
        async with house(tmp_path, paced, clock) as here:
            await here.accept(signal("a", **CRITICAL))
            await here.decide()
            await here.intake.step()
            assert await here.look() == [], "its investigation has not been asked for"
            clock.advance(seconds=301)
            assert len(await here.look()) == 1

    asyncio.run(main())
