"""Appends and works from 64 tasks until it is killed; says on its output what was acknowledged, after it was."""

import asyncio
import os
import sys
from pathlib import Path

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import NewRecord

CONSUMERS = 16


async def main(path: Path, run: str) -> None:
    journal = open_journal(path, clock=SystemClock())

    async def append(task: int) -> None:
        n = 0
        while True:
            names = [f"{run}-{task}-{n}-{part}" for part in range(1 + n % 3)]
            first = await journal.append("inputs", [NewRecord("signal", name.encode() * 20) for name in names])
            os.write(1, b"".join(b"a %d %s\n" % (first + part, name.encode()) for part, name in enumerate(names)))
            n += 1

    async def work(task: int) -> None:
        consumer = f"c{task}"
        at = await journal.position(consumer, "inputs")
        while True:
            async with journal.unit() as unit:
                unit.move(consumer, "inputs", old=at, new=at + 1)
                unit.put("state", consumer, b"%d" % (at + 1))
                unit.append("decisions", NewRecord("decision", b"%s %d" % (consumer.encode(), at + 1), consumer))
                unit.enqueue("q", f"{consumer}-{at + 1}", b"")
            at += 1
            os.write(1, b"u %s %d\n" % (consumer.encode(), at))

    await asyncio.gather(*(append(n) for n in range(64 - CONSUMERS)), *(work(n) for n in range(CONSUMERS)))


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
