"""Incidents like one among 100,000 in the embedded journal: the tool's whole answer, in CPU time of the process.

`python tests/bench/similar.py [--json] [--incidents N]`. Titles, services, rules and labels vary as a busy year's would; the second
figure is of the worst case, where every incident is like every other.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from connectors.journal.sqlite import SqliteArchive, open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.tool import ToolContext
from connectors.stream.similar import IncidentsSimilar, Similar, SimilarQuestion
from schemas import Incident
from schemas.time import SECOND

WORDS = [
    "timeout",
    "connection",
    "refused",
    "payment",
    "order",
    "cart",
    "null",
    "pointer",
    "index",
    "memory",
    "disk",
    "latency",
    "error",
    "failed",
    "queue",
    "lag",
    "replica",
    "certificate",
    "expired",
    "database",
    "pool",
    "exhausted",
    "rate",
    "high",
    "cpu",
    "throttle",
    "quota",
    "deadlock",
    "panic",
]
ASKED = 20


def incidents(count: int, now: int, *, alike: bool) -> Iterator[Incident]:
    """Made by a fixed seed."""
    chance = random.Random(7)
    rare = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600)]
    services = [f"service-{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200)]
    for number in range(count):
        title = " ".join([*chance.choices(WORDS, k=4), *chance.choices(rare, k=5), str(number)])
        at = now - (count - number) * SECOND
        yield Incident(
            id=f"inc_{number}",
            rule="errors" if alike else chance.choice(["errors", "alerts", "bursts"]),
            group={},
            group_id=f"g{number // 3}",
            severity="error",
            title="connection pool exhausted" if alike else title,
            service="checkout" if alike else chance.choice(services),
            labels={
                "env": "production",
                "team": "shop" if alike else chance.choice("abcdef"),
                "pod": f"p-{chance.getrandbits(32):08x}",
            },
            first_seen=at,
            last_seen=at,
            opened_at=at,
        )


async def measured(folder: Path, count: int, *, alike: bool) -> tuple[list[float], float]:
    """(CPU milliseconds of each answer, CPU seconds until everything was indexed)."""
    clock = SystemClock()
    now = clock.now()
    journal = open_journal(folder / "journal.sqlite", clock=clock)
    try:
        made = list(incidents(count + ASKED, now, alike=alike))
        for first in range(0, len(made), 2_000):
            async with journal.unit() as unit:
                for each in made[first : first + 2_000]:
                    unit.put("incidents", each.id, each.to_json())
        archive, tool = SqliteArchive(journal), IncidentsSimilar()

        async def ask(incident: Incident) -> Similar:
            return await tool.call(SimilarQuestion(), ToolContext(incident, (), archive, now))

        began = time.process_time()
        while not (await ask(made[-1])).complete:
            pass
        indexed = time.process_time() - began
        spent: list[float] = []
        for each in made[-ASKED:]:
            began = time.process_time()
            answer = await ask(each)
            spent.append((time.process_time() - began) * 1000)
            assert answer.compared == count + ASKED - 1 and answer.incidents
    finally:
        await journal.close()
    return spent, indexed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--incidents", type=int, default=100_000)
    chosen = parser.parse_args()
    for name, alike in (("similar", False), ("similar, all alike", True)):
        with tempfile.TemporaryDirectory() as folder:
            spent, indexed = asyncio.run(measured(Path(folder), chosen.incidents, alike=alike))
        rows = [
            (f"{name}: CPU of an answer", statistics.median(spent), min(spent), "ms"),
            (f"{name}: CPU until indexed", indexed, indexed, "s"),
        ]
        for row, median, best, unit in rows:
            told = {"name": row, "median": median, "best": best, "unit": unit}
            print(json.dumps(told) if chosen.json else f"{row:44} {median:>12,.2f} {unit} (best {best:,.2f})")


if __name__ == "__main__":
    main()
