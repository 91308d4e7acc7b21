"""What a million live groups take, and how fast a standby takes them over: `python tests/bench/state.py [--json] [--groups N]`.

Groups are opened by the engine, one alert each, with rows taken and encoded every 500 inputs as triage does, and stored in a PostgreSQL of
its own. `state: snapshot` is one consistent copy of all their rows, read by another process while this one goes on deciding and storing: what is
stored is the state as of the last commit, so nothing has to stop for it. `state: takeover` is from asking for the lease to the first decision by a process that knew nothing, over Kafka and
PostgreSQL, under the 6 s lease the roles run with.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import psycopg
import uvloop

from connectors.journal.kafka import open_kafka_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from connectors.ports.spaces import TRIAGE
from processors.triage.loop import run as run_triage
from rules.engine import Engine
from rules.load import load_texts
from rules.ruleset import RuleSet
from schemas import Signal
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import postgres_server
from tocsin.garbage import spare_what_stays

RULE = "{name: alerts, when: type == 'alert', group_by: [labels.alertname, labels.pod], resolve_after: 1d, playbook: default}"
TENANT = "million"
BATCH = 500


def resident() -> float:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def alert(number: int, at: int) -> Signal:
    labels = {
        "alertname": "HighLatency",
        "cluster": "prod-3",
        "team": "payments",
        "pod": f"checkout-{number}",
        "instance": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:9100",
    }
    return Signal.observed(
        source="alertmanager", occurrence_id=f"{number:016x}", type="alert", severity="error", service="checkout",
        title=f"p99 of checkout-{number} is above 2 s", labels=labels, occurred_at=at, received_at=at, group_key=f"g{number}",
        remember_s=60,
    )  # fmt: skip


def opened(ruleset: RuleSet, groups: int, postgres: str) -> dict[str, float]:
    """Open so many groups and store them; what that took of this process, and what a copy of them takes beside it."""
    engine = Engine(ruleset)
    state = engine.state()
    begun = SystemClock().now()
    before, took = resident(), []
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"SET search_path TO tocsin_{TENANT}")

        def batch(first: int, last: int) -> None:
            for number in range(first, last):
                at = begun + number
                item = orjson.loads(alert(number, at).to_json())
                started = time.thread_time()
                engine.advance(state, item, kind="signal", now=at)
                took.append(time.thread_time() - started)
            puts, _ = state.take_changes()
            rows = {key: orjson.dumps(row) for key, row in puts.items()}
            state.rest()
            with connection.cursor() as cursor, cursor.copy("COPY spaces (space, key, value) FROM STDIN") as copy:
                for key, value in rows.items():
                    if key.startswith("group/"):
                        copy.write_row((TRIAGE, key, value))

        for first in range(0, groups, BATCH):
            batch(first, min(first + BATCH, groups))
        figures = {
            "state: memory of the groups: MB": (resident() - before) / 1e6,
            "state: one advance: p50 ms": _part_of(took, 0.5) * 1e3,
            "state: one advance: p99 ms": _part_of(took, 0.99) * 1e3,
        }
        took.clear()
        number, started = groups, time.perf_counter()
        with subprocess.Popen(
            [sys.executable, __file__, "--part", "copy", "", postgres], stdout=subprocess.PIPE
        ) as copying:
            while copying.poll() is None:
                batch(number, number + BATCH)
                number += BATCH
            passed = time.perf_counter() - started
            told = copying.stdout.read() if copying.stdout is not None else b""
    found = json.loads(told)
    if found["rows"] < groups:
        raise RuntimeError(f"the copy has {found['rows']} of {groups} groups: this measures nothing")
    return figures | {
        "state: snapshot: s": found["s"],
        "state: decided during a snapshot: 1/s": (number - groups) / passed,
        "state: one advance during a snapshot: p99 ms": _part_of(took, 0.99) * 1e3,
    }


def copied(postgres: str) -> dict[str, float]:
    """Seconds that one consistent copy of all stored groups takes, to a file."""
    table = f"tocsin_{TENANT}.spaces"
    with tempfile.TemporaryFile() as file, psycopg.connect(postgres) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        counted = connection.execute(f"SELECT count(*) FROM {table} WHERE space = %s", (TRIAGE,)).fetchone()
        started = time.perf_counter()
        statement = f"COPY (SELECT key, value FROM {table} WHERE space = '{TRIAGE}') TO STDOUT (FORMAT binary)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for block in copy:
                file.write(block)
        file.flush()
        os.fsync(file.fileno())
        passed = time.perf_counter() - started
    return {"s": passed, "rows": float(counted[0] if counted else 0)}


def _part_of(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def takeover(kafka: str, postgres: str, ruleset: RuleSet) -> dict[str, float]:
    """Seconds until a process that knew nothing has decided about a signal."""
    journal = await open_kafka_journal(kafka, postgres, clock=SystemClock(), tenant=TENANT)
    try:
        await journal.append(INPUTS, [NewRecord("signal", alert(-1, journal.now()).to_json())])
        head = await journal.head(DECISIONS)
        spare_what_stays()
        before, started = resident(), time.perf_counter()
        running = asyncio.create_task(run_triage(journal, Engine(ruleset), owner="standby", ttl_s=6.0))
        while not running.done() and await journal.head(DECISIONS) == head:
            await asyncio.sleep(0.05)
        took = time.perf_counter() - started
        if running.done():
            running.result()
        figures = {"state: takeover: s": took, "state: memory after takeover: MB": (resident() - before) / 1e6}
        running.cancel()
        await asyncio.wait({running})
        return figures
    finally:
        await journal.close()


async def made(kafka: str, postgres: str, ruleset: RuleSet) -> None:
    """The tables, and the rules in force: who takes over later has none to bring into force."""
    journal = await open_kafka_journal(kafka, postgres, clock=SystemClock(), tenant=TENANT)
    running = asyncio.create_task(run_triage(journal, Engine(ruleset), owner="first", ttl_s=6.0))
    while not running.done() and not await journal.position("triage", INPUTS):
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait({running})
    await journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--groups", type=int, default=1_000_000)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    ruleset = load_texts({"bench.yaml": f"rules: [{RULE}]"})
    if chosen.part:
        part, kafka_address, postgres_url = chosen.part
        if part == "open":
            found: Mapping[str, Any] = opened(ruleset, chosen.groups, postgres_url)
        elif part == "copy":
            found = copied(postgres_url)
        else:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(takeover(kafka_address, postgres_url, ruleset))
        print(json.dumps(found))
        return
    figures: dict[str, float] = {}
    with kafka_server() as kafka, postgres_server() as postgres:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(made(kafka.address, postgres.url(), ruleset))
        for part in ("open", "take"):
            figures |= _part(part, kafka.address, postgres.url(), chosen.groups)
    for name, value in figures.items():
        unit = name.rsplit(" ", 1)[1]
        row = {"name": name, "median": value, "best": value, "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:44} {value:>12,.2f} {unit}")


def _part(part: str, kafka: str, postgres: str, groups: int) -> dict[str, float]:
    """In a process of its own, whose memory is its own."""
    command = [sys.executable, __file__, "--groups", str(groups), "--part", part, kafka, postgres]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
