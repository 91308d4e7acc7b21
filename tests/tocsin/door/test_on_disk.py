"""The door over the journal that is shipped: what was acknowledged is on disk, once, in order."""

import asyncio
import json
from pathlib import Path

import httpx
from starlette.applications import Starlette

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS
from connectors.ports.spaces import QUARANTINE
from processors.ingest import Ingest, Redactor
from schemas import Decision, Signal
from tests.support.hmac_source import HmacSource
from tocsin.door import IngestDoor, RouteTable, door, serve


def test_every_acknowledged_request_is_found_after_a_restart_and_its_poison_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    async def fed() -> list[str]:
        journal = open_journal(path, clock=SystemClock())
        table = RouteTable([HmacSource(name="open")])
        ingest = Ingest(journal, redactor=Redactor(b"k" * 32), clock=SystemClock())
        app = door(IngestDoor(ingest, table, loopback=True), Starlette())
        accepted: list[str] = []
        async with serve(app, "127.0.0.1", 0) as address, httpx.AsyncClient(base_url=address.url) as http:

            async def post(sender: int) -> None:
                for each in range(20):
                    items = [
                        {"id": f"{sender}-{each}-a"},
                        {"id": f"{sender}-{each}-b"},
                        *([each] if each % 5 == 0 else []),
                    ]
                    reply = await http.post("/in/open", content=json.dumps({"items": items}))
                    assert reply.status_code == 202
                    accepted.extend(str(item["id"]) for item in items if isinstance(item, dict))

            await asyncio.gather(*(post(sender) for sender in range(8)))
        await journal.close()
        return accepted

    async def found() -> tuple[list[Signal], list[Decision], int]:
        journal = open_journal(path, clock=SystemClock())
        inputs = await journal.read(INPUTS, after=0, limit=1000)
        decisions = await journal.read(DECISIONS, after=0, limit=1000)
        kept = await journal.scan(QUARANTINE)
        await journal.close()
        return (
            [Signal.from_json(entry.payload) for entry in inputs],
            [Decision.from_json(entry.payload) for entry in decisions],
            len(kept),
        )

    accepted = asyncio.run(fed())
    signals, decisions, kept = asyncio.run(found())
    ids = [signal.occurrence_id for signal in signals]
    assert sorted(ids) == sorted(accepted) and len(ids) == 320
    for sender in range(8):  # each sender waited for its reply before it went on
        mine = [each for each in ids if each.startswith(f"{sender}-")]
        assert mine == [f"{sender}-{each}-{part}" for each in range(20) for part in "ab"]
    assert kept == len(decisions) == len({decision.id for decision in decisions}) == 4
