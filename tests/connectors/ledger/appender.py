"""A process that appends numbered entries until it is killed; says after each batch how far it is durable."""

import asyncio
import sys
from pathlib import Path

from connectors.ledger import open_ledger
from connectors.ports.clock import ManualClock
from connectors.ports.journal import Entry

START = 1_795_000_000_000_000


async def main(folder: Path, epoch: int, batch: int) -> None:
    ledger = open_ledger(folder, clock=ManualClock(START), epoch=epoch, segment_bytes=64 << 10)
    while True:
        first = ledger.position("decisions") + 1
        await ledger.append(
            [
                Entry(
                    "decisions",
                    offset,
                    START + offset,
                    "decision",
                    "k",
                    b'{"n":%d,"x":"%s"}' % (offset, b"x" * (offset % 400)),
                )
                for offset in range(first, first + batch)
            ]
        )
        print(ledger.head().seq, ledger.head().hash, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
