"""How fast one owner of triage works off what waits in Kafka: `python tests/bench/triage.py [--json]`.

A thousand rules, one signal in ten leads to a decision, as in `line.py`. `tocsin run triage` has brought its rules into force and is stopped;
signals are appended in batches of 100; then it is started again, and decides about all of them: reading from Kafka, state and positions
into PostgreSQL, decisions through the outbox back to Kafka. Counted from its first commit to its last, by where its position stands. Broker
and database run beside it on the machine's cores.
"""

import argparse
import asyncio
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
import uvloop

from connectors.journal.kafka import open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from tests.bench.line import BATCH, RULES, fresh
from tests.bench.processes import Measured, Stuck, reached, started
from tests.bench.rules import rule_file, signals
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import postgres_server

LOOK_S = 0.02
AT_ONCE = 16
"""Appends under way while the topic is filled."""


def folder_of(place: Path, journal: dict[str, str]) -> Path:
    """A folder with configuration and rules; returns the configuration's file."""
    (place / "rules").mkdir(parents=True)
    (place / "rules" / "bench.yaml").write_text(rule_file(RULES, random.Random(7), selective=True))
    file = place / "tocsin.yaml"
    file.write_text(json.dumps({"data": "data", "journal": journal, "shipped_rules": False}))
    return file


def triage(file: Path) -> AbstractContextManager[Measured]:
    """`tocsin run triage`, which says nothing on its output."""
    return started(
        "triage", ["-m", "tocsin", "run", "triage", "--config", str(file)], file.with_suffix(".log"), tells=False
    )


class Standing:
    """How far triage has come, by the rows of the database alone: whoever looks takes no part."""

    def __init__(self, url: str, tenant: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._tenant = tenant
        self.seen: list[tuple[float, float, int]] = []
        """(seconds, seconds of CPU of the process, position)."""

    def position(self) -> int:
        try:
            rows = self._connection.execute(
                f"SELECT \"offset\" FROM tocsin_{self._tenant}.positions WHERE consumer = 'triage'"  # type: ignore[arg-type]
            ).fetchall()
        except psycopg.errors.UndefinedTable:
            return 0
        return int(rows[0][0]) if rows else 0

    async def watched(self, process: Measured) -> int:
        """The position, kept with the process's CPU time."""
        used, at = process.cpu_s, self.position()
        self.seen.append((time.perf_counter(), used, at))
        return at

    def decided(self) -> int:
        """Numbers given to decisions."""
        rows = self._connection.execute(
            f"SELECT number FROM tocsin_{self._tenant}.streams WHERE name = '{DECISIONS}'"  # type: ignore[arg-type]
        ).fetchall()
        return int(rows[0][0])

    def close(self) -> None:
        self._connection.close()


async def filled(journal: dict[str, str], payloads: list[bytes]) -> int:
    """Append all; returns the offset of the last."""
    opened = await open_kafka_journal(
        journal["kafka"], journal["postgres"], clock=SystemClock(), tenant=journal["tenant"]
    )
    try:
        batches = [
            [NewRecord("signal", payload) for payload in payloads[first : first + BATCH]]
            for first in range(0, len(payloads), BATCH)
        ]
        last = 0
        for first in range(0, len(batches), AT_ONCE):
            some = batches[first : first + AT_ONCE]
            offsets = await asyncio.gather(*(opened.append(INPUTS, batch) for batch in some))
            last = max(last, *(at + len(batch) - 1 for at, batch in zip(offsets, some, strict=True)))
        return last
    finally:
        await opened.close()


async def worked_off(place: Path, journal: dict[str, str], payloads: list[bytes]) -> dict[str, float]:
    """Raises Stuck."""
    file = folder_of(place, journal)
    standing = Standing(journal["postgres"], journal["tenant"])
    try:
        with triage(file) as process:

            async def position() -> int:
                return standing.position()

            await reached(position, 1, "the rules in force", (process,), every_s=LOOK_S)
            process.process.send_signal(signal.SIGTERM)
            try:
                process.process.wait(30)
            except subprocess.TimeoutExpired as error:
                raise Stuck(f"triage does not end; {process.last_words()}") from error
        begin, before = standing.position(), standing.decided()
        end = await filled(journal, payloads)
        with triage(file) as process:
            await reached(lambda: standing.watched(process), end, "signals decided", (process,), every_s=LOOK_S)
        first, last = next(each for each in standing.seen if each[2] > begin), standing.seen[-1]
        if last[2] <= first[2]:
            raise Stuck("everything was decided between two looks: ask for more signals")
        number = last[2] - first[2]
        return {
            "signals": number / (last[0] - first[0]),
            "signals per CPU second": number / (last[1] - first[1]),
            "decisions per signal": (standing.decided() - before) / len(payloads),
        }
    finally:
        standing.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    payloads = fresh(signals(chosen.signals, random.Random(7)))
    figures: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as place,
        kafka_server() as kafka,
        postgres_server() as postgres,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        for turn in range(chosen.rounds):
            journal = {"kafka": kafka.address, "postgres": postgres.fresh_database(), "tenant": f"bench{turn}"}
            for name, value in runner.run(worked_off(Path(place) / f"{turn}", journal, payloads)).items():
                figures.setdefault(f"triage: {name}", []).append(value)
    for name, values in figures.items():
        unit = "" if "per signal" in name else "1/s"
        row = {"name": name, "median": statistics.median(values), "best": max(values), "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:44} {row['median']:>12,.2f} {row['best']:>12,.2f} {unit}")


if __name__ == "__main__":
    main()
