"""A small world: the real journal on a clock moved by hand, incidents, a scripted remote."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from processors.act import Act, Preparation, Worker
from schemas import Action, Command, Decision, Incident, decide
from schemas.payload import ActionChanged
from tests.support.action_port import Killed

START = 1_795_000_000_000_000


class Incidents:
    """The archive, as far as acting asks it."""

    def __init__(self) -> None:
        self.known: dict[str, Incident] = {}

    async def incident(self, incident_id: str) -> Incident | None:
        return self.known.get(incident_id)


def incident(**fields: Any) -> Incident:
    given = {"id": "inc_1", "rule": "r", "group": {}, "group_id": "g", "severity": "error", "title": "It broke"}
    return Incident(**{**given, "first_seen": START, "last_seen": START, "opened_at": START, **fields})


def action(**fields: Any) -> Action:
    given = {
        "id": "act_1",
        "kind": "wiki.note",
        "arguments": {"text": "hello"},
        "idempotency_key": "key_1",
        "autonomy": "act",
    }
    return Action(**{**given, "incident_id": "inc_1", "proposed_at": START, **fields})


class World:
    def __init__(self, path: Path, *ports: Any, journal_of: Any = lambda journal: journal, ringer: Any = None) -> None:
        self.clock = ManualClock(START)
        self.real = open_journal(path / "journal.db", clock=self.clock)
        self.journal = journal_of(self.real)
        self.incidents = Incidents()
        self.incidents.known["inc_1"] = incident()
        self.ports = {port.kind: port for port in ports}
        self.preparation = Preparation(self.ports, self.incidents)  # type: ignore[arg-type]
        self.ringer = ringer
        self.act = Act(self.journal, self.preparation, ringer=ringer)
        self.workers = 0

    def worker(self) -> Worker:
        self.workers += 1
        return Worker(self.journal, self.preparation, owner=f"worker {self.workers}", ringer=self.ringer)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.real.poke()

    @asynccontextmanager
    async def acting(self):
        task = asyncio.create_task(self.act.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def propose(self, proposed: Action) -> Decision:
        made = decide(
            "action.proposed", at=START, actor="analyst", because="it would help", cause=("dec_c",), data=ActionChanged(action=proposed),
            incident_id=proposed.incident_id, action_id=proposed.id,
        )  # fmt: skip
        offset = await self.real.append(DECISIONS, [NewRecord("decision", made.to_json(), proposed.incident_id)])
        await self._taken(DECISIONS, offset)
        return made

    async def say(self, kind: str, action_id: str = "act_1", *, author: str = "human:ada", number: int = 1) -> None:
        command = Command(
            id=f"cmd_{kind}_{number}",
            kind=kind,
            author=author,
            origin="cli",
            at=START,
            data={"action_id": action_id},
            reason="because",
        )
        offset = await self.real.append(INPUTS, [NewRecord("command", command.to_json())])
        await self._taken(INPUTS, offset)

    async def _taken(self, stream: str, offset: int) -> None:
        async with asyncio.timeout(20):
            while await self.real.position("act", stream) < offset:
                await asyncio.sleep(0.002)

    async def row(self, action_id: str = "act_1") -> Action:
        raw = await self.real.get("actions", action_id)
        assert raw is not None
        return Action.from_json(raw)

    async def work(self, *, for_s: float = 30 * 3600, worker: Worker | None = None) -> None:
        """Let workers do what becomes due, minute by minute; one that is killed is replaced by another."""
        worker, until = worker or self.worker(), self.clock.now() + round(for_s * 1_000_000)
        while await self.real.pending("act") and self.clock.now() < until:
            try:
                while await worker.work_one(timeout_s=0):
                    pass
            except Killed:
                worker = self.worker()
            self.advance(60)

    async def decided(self) -> list[Decision]:
        return [Decision.from_json(entry.payload) for entry in await self.real.read(DECISIONS, after=0)]

    async def kinds(self) -> list[str]:
        """Without the proposal itself."""
        return [decision.kind.removeprefix("action.") for decision in await self.decided()][1:]

    async def outcomes(self) -> list[Command]:
        commands = [
            Command.from_json(entry.payload)
            for entry in await self.real.read(INPUTS, after=0)
            if entry.kind == "command"
        ]
        return [command for command in commands if command.kind == "outcome"]


@pytest.fixture
def make(tmp_path):
    """Values for tests: `world(*ports)`, `action(...)`, `incident(...)`."""
    opened: list[World] = []

    def world(*ports: Any, **settings: Any) -> World:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(World(folder, *ports, **settings))
        return opened[-1]

    yield SimpleNamespace(world=world, action=action, incident=incident, START=START)
    for each in opened:
        each.real.close_now()


def only(found: Sequence[Any]) -> Any:
    assert len(found) == 1, found
    return found[0]
