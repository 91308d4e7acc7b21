"""A process that moves a position under a lease of two seconds until it is told that the lease is another's: KAFKA POSTGRES TENANT."""

import asyncio
import sys

from connectors.journal.kafka import open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import LeaseLost, NewRecord, Unavailable


async def main(kafka: str, postgres: str, tenant: str) -> None:
    journal = await open_kafka_journal(kafka, postgres, clock=SystemClock(), tenant=tenant)
    lease = await journal.acquire("child", owner="child", ttl_s=2)
    assert lease is not None
    at = await journal.position("child", "inputs")
    print("working", flush=True)
    try:
        while True:
            try:
                lease = await journal.renew(lease, ttl_s=2)
                async with journal.unit(lease=lease) as unit:
                    unit.move("child", "inputs", old=at, new=at + 1)
                    unit.append("decisions", NewRecord("decision", f"child {at}".encode()))
                at += 1
            except Unavailable:
                # Paused in the middle of a transaction: the database has ended it. Tried again, as processors do.
                continue
            await asyncio.sleep(0.01)
    except LeaseLost as error:
        print(f"LeaseLost: {error}", flush=True)
    await journal.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
