"""How fast the whole embedded line is, and how long a signal waits: `python tests/bench/line.py [--json] [--folder DIR]`.

`line`: a thousand rules, one signal in ten leads to a decision; signals are appended in batches of 100, decided by triage, and recorded
in the ledger, in one process pinned to one core; nothing is investigated. `latency`: single appends at 1,000 signals/s, from the call
of append to the moment at which `playbook.selected` can be read; one signal in ten selects one.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import uvloop

from connectors.journal.sqlite import SqliteJournal, open_journal
from connectors.ledger import open_ledger
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from processors.record import Record
from processors.triage.loop import run as run_triage
from rules.engine import Engine
from rules.load import load_texts
from rules.ruleset import RuleSet
from schemas import Signal, to_rfc3339
from tests.bench.rules import rule_file, signals
from tocsin.garbage import spare_what_stays

RULES = 1000
BATCH = 100


@asynccontextmanager
async def triaging(folder: Path, ruleset: RuleSet):
    """A journal with triage and the recorder running over it."""
    clock = SystemClock()
    journal = open_journal(folder / "journal.db", clock=clock)
    record = Record(
        journal, lambda epoch, head: open_ledger(folder / "ledger", clock=clock, epoch=epoch, head=head), owner="bench"
    )
    parts = [
        asyncio.create_task(run_triage(journal, Engine(ruleset), owner="bench")),
        asyncio.create_task(record.run()),
    ]
    try:
        await journal.wait(DECISIONS, after=0)  # the rules are in force
        yield journal
    finally:
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)
        await journal.close()


async def line(folder: Path, ruleset: RuleSet, payloads: list[bytes]) -> dict[str, float]:
    async with triaging(folder, ruleset) as journal:
        began, cpu = time.perf_counter(), time.process_time()
        for first in range(0, len(payloads), BATCH):
            await journal.append(INPUTS, [NewRecord("signal", payload) for payload in payloads[first : first + BATCH]])
        while await journal.position("triage", INPUTS) < await journal.head(INPUTS):
            await asyncio.sleep(0.002)
        triaged = time.perf_counter() - began
        while await journal.position("record", INPUTS) < await journal.head(INPUTS):
            await asyncio.sleep(0.01)
        recorded, used = time.perf_counter() - began, time.process_time() - cpu
        decisions = await journal.head(DECISIONS)
    number = len(payloads)
    return {
        "signals decided": number / triaged,
        "signals decided and in the ledger": number / recorded,
        "signals per CPU second": number / used,
        "decisions per signal": decisions / number,
    }


async def latency(folder: Path, seconds: float) -> dict[str, float]:
    ruleset = load_texts(
        {"latency.yaml": 'rules: [{name: tenth, when: labels.open == "yes", group_by: [group_key], playbook: default}]'}
    )
    async with triaging(folder, ruleset) as journal:
        sent: dict[str, float] = {}
        waits: list[float] = []
        watching = asyncio.create_task(_watch(journal, sent, waits))
        loop = asyncio.get_running_loop()
        start, tasks = loop.time(), []
        for number in range(round(seconds * 1000)):
            await asyncio.sleep(max(0.0, start + number / 1000 - loop.time()))
            now = journal.now()
            signal = Signal.observed(
                source="bench", occurrence_id=str(number), type="alert", severity="error", title="x" * 60, service="checkout",
                labels={"open": "yes" if number % 10 == 0 else "no"}, occurred_at=now, received_at=now, group_key=f"g{number}",
                body="x" * 400,
            )  # fmt: skip
            sent[signal.id] = time.perf_counter()
            tasks.append(asyncio.create_task(journal.append(INPUTS, [NewRecord("signal", signal.to_json())])))
        await asyncio.gather(*tasks)
        while len(waits) < len(tasks) // 10:
            await asyncio.sleep(0.01)
        watching.cancel()
    waits.sort()
    return {"p50": waits[len(waits) // 2] * 1e3, "p99": waits[int(len(waits) * 0.99)] * 1e3, "worst": waits[-1] * 1e3}


async def _watch(journal: SqliteJournal, sent: dict[str, float], waits: list[float]) -> None:
    after = 0
    while True:
        await journal.wait(DECISIONS, after=after)
        for entry in await journal.read(DECISIONS, after=after):
            after = entry.offset
            decision = orjson.loads(entry.payload)
            if decision["kind"] == "playbook.selected":
                waits.append(time.perf_counter() - sent[decision["data"]["signal_ids"][0]])


def fresh(payloads: list[bytes]) -> list[bytes]:
    """The same signals as if they happened now."""
    now = to_rfc3339(SystemClock().now())
    return [orjson.dumps({**orjson.loads(payload), "occurred_at": now, "received_at": now}) for payload in payloads]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk decides much")
    parser.add_argument("--signals", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the latency measurement")
    chosen = parser.parse_args()
    chance = random.Random(7)
    ruleset = load_texts({"bench.yaml": rule_file(RULES, chance, selective=True)})
    payloads = fresh(signals(chosen.signals, chance))
    spare_what_stays()  # as `tocsin up` does
    cores = os.sched_getaffinity(0)
    figures: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        os.sched_setaffinity(0, {min(cores)})
        for turn in range(chosen.rounds):
            for name, value in runner.run(line(_made(Path(folder) / f"line-{turn}"), ruleset, payloads)).items():
                figures.setdefault(f"line: {name}", []).append(value)
        os.sched_setaffinity(0, cores)
        for name, value in runner.run(latency(_made(Path(folder) / "latency"), chosen.seconds)).items():
            figures[f"latency: {name}"] = [value]
    for name, values in figures.items():
        unit = "ms" if name.startswith("latency") else "" if "per signal" in name else "1/s"
        best = min(values) if unit == "ms" else max(values)
        row = {"name": name, "median": statistics.median(values), "best": best, "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:44} {row['median']:>12,.2f} {best:>12,.2f} {unit}")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
