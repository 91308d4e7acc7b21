"""A triage loop on a journal of its own, step by step."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from connectors.journal.sqlite import SqliteJournal, open_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import DECISIONS, INPUTS, Entry, NewRecord
from connectors.ports.meters import NullMeters
from processors.triage.loop import Triage
from rules.engine import Engine
from schemas.decision import Decision
from tests.support.rule_world import kind_of


async def give(journal: SqliteJournal, *records: object) -> None:
    await journal.append(INPUTS, [NewRecord(kind_of(record), record.to_json()) for record in records])  # type: ignore[arg-type,attr-defined]


async def decided(journal: SqliteJournal) -> list[Decision]:
    return [Decision.from_json(entry.payload) for entry in await journal.read(DECISIONS, after=0, limit=10_000)]


async def all_inputs(journal: SqliteJournal) -> list[Entry]:
    return list(await journal.read(INPUTS, after=0, limit=10_000))


async def holding(
    journal: SqliteJournal, engine: Engine, owner: str = "one", ttl_s: float = 15.0, kind: type[Triage] = Triage
) -> Triage:
    lease = await journal.acquire("triage", owner=owner, ttl_s=ttl_s)
    assert lease is not None
    loop = kind(journal, engine, lease, ttl_s=ttl_s, meters=NullMeters())
    await loop.restore()
    return loop


async def drain(loop: Triage) -> None:
    """Until every input is decided about."""
    while await loop.journal.head(INPUTS) > loop.position:
        await loop.step()


def on_journal(path: Path, clock: ManualClock, what: Callable[[SqliteJournal], Awaitable[None]]) -> None:
    async def go() -> None:
        journal = open_journal(path / "journal.db", clock=clock)
        try:
            await what(journal)
        finally:
            await journal.close()

    asyncio.run(go())


class Trap(Engine):
    """An engine with a fault: it breaks on signals titled "trap", after it has changed the state."""

    def advance(self, state, item, *, kind, now):  # type: ignore[no-untyped-def]
        title = item.get("title", "")
        out = super().advance(state, item, kind=kind, now=now)
        if title == "trap":
            raise RuntimeError("a fault of ours")
        return out
