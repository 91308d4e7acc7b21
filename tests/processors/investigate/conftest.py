"""A journal on disk, with an incident in it whose playbook was selected."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.journal.sqlite import SqliteArchive, open_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from connectors.ports.tool import Tool
from connectors.stream import StreamSettings, connector
from playbooks.library import Library, load_library
from processors.investigate import Investigate, Workers
from schemas import Command, Decision, Incident, Signal, decide
from schemas.payload import IncidentChanged, PlaybookSelected
from tests.support.checkout_story import NOW, night

STREAM_TOOLS = {tool.name: tool for tool in connector.tools(StreamSettings(), "default")}


@dataclass
class World:
    """A journal, its archive, and what tests ask of them."""

    journal: Any
    archive: Any
    clock: ManualClock
    library: Library
    tools: dict[str, Tool] = field(default_factory=lambda: dict(STREAM_TOOLS))

    def processor(self, **settings: Any) -> Investigate:
        return Investigate(
            self.journal, self.archive, self.tools, self.library, **{"owner": "test", "concurrency": 1, **settings}
        )

    def workers(self, journal: Any = None, *, owner: str = "test", ttl_s: float = 60) -> Workers:
        return Workers(journal or self.journal, self.archive, self.tools, self.library, owner=owner, ttl_s=ttl_s)

    async def decisions(self) -> list[Decision]:
        return [Decision.from_json(entry.payload) for entry in await self.journal.read(DECISIONS, after=0, limit=5000)]

    async def kinds(self) -> list[str]:
        return [decision.kind for decision in await self.decisions()]

    async def commands(self) -> list[Command]:
        entries = await self.journal.read(INPUTS, after=0, limit=5000)
        return [Command.from_json(entry.payload) for entry in entries if entry.kind == "command"]

    async def select(
        self, incident: Incident, signals: Sequence[Signal] = (), *, cause: str = "rule", playbook: str | None = None
    ) -> Decision:
        made = decide(
            "playbook.selected",
            at=self.clock.now(),
            actor="rule:errors",
            because="it matched",
            cause=(cause,),
            data=PlaybookSelected(
                playbook=playbook or incident.playbook or "default",
                incident=incident,
                signal_ids=tuple(each.id for each in signals),
            ),
            incident_id=incident.id,
            trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        await self.append(made)
        return made

    async def change(self, kind: Any, incident: Incident, *, at: int, cause: str) -> None:
        data = IncidentChanged(incident=incident)
        await self.append(
            decide(kind, at=at, actor="rule:errors", because="x", cause=(cause,), data=data, incident_id=incident.id)
        )

    async def append(self, decision: Decision) -> None:
        await self.journal.append(
            DECISIONS, [NewRecord("decision", decision.to_json(), key=decision.incident_id or "")]
        )

    async def keep(self, incidents: Sequence[Incident]) -> None:
        async with self.journal.unit() as unit:
            for incident in incidents:
                unit.put("incidents", incident.id, incident.to_json())


Opener = Callable[[], Any]


@pytest.fixture
def world(tmp_path: Path) -> Opener:
    """`async with world() as w:` opens a journal with the night's story in it, its playbook not yet selected."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        clock = ManualClock(NOW)
        journal = await asyncio.to_thread(open_journal, tmp_path / "journal.db", clock=clock)
        try:
            made = World(journal, SqliteArchive(journal), clock, load_library())
            _, _, archive = night()
            await journal.append(
                INPUTS, [NewRecord("signal", each.to_json(), key=each.group_key) for each in archive.kept]
            )
            await made.keep(archive.known)
            yield made
        finally:
            await journal.close()

    return opened
