"""Dropping a lot goes in steps between which the writer writes."""

import asyncio
from pathlib import Path

from connectors.journal.sqlite import open_journal
from connectors.journal.sqlite.retention import STEP_BYTES
from connectors.ports.clock import ManualClock
from connectors.ports.journal import NewRecord


def test_appends_go_on_between_the_steps_and_the_room_is_used_again(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        clock = ManualClock(1_000_000)
        journal = open_journal(path, clock=clock, tail_bytes=0)
        big = [NewRecord("signal", b"x" * 250_000)] * 4
        for _ in range(24):
            await journal.append("inputs", big)
        clock.advance(seconds=10)
        order: list[str] = []

        async def append() -> None:
            while "retained" not in order:
                await journal.append("decisions", [NewRecord("decision", b"d")])
                order.append("appended")

        async def retain() -> int:
            dropped = await journal.retain("inputs", before=clock.now())
            order.append("retained")
            return dropped

        dropped, _ = await asyncio.gather(retain(), append())
        assert dropped == 96
        steps = 24_000_000 // STEP_BYTES
        assert order.index("retained") >= steps
        await journal.close()
        size = path.stat().st_size
        again = open_journal(path, clock=clock)
        for _ in range(20):
            await again.append("inputs", big)
        assert [e.offset for e in await again.read("inputs", after=0, limit=2)] == [97, 98]
        await again.close()
        assert path.stat().st_size <= size * 1.05

    asyncio.run(main())
