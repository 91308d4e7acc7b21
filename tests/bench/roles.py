"""The five roles as processes over one broker and one database: `python tests/bench/roles.py [--json]`.

`roles: request`: one signal a request at 1,000 a second, from the first byte sent to the moment at which `playbook.selected` can be read by
another process; one signal in ten selects one. `roles: shared`: queued investigations, each of which waits for a tool, done by four
processes with one worker each; the ideal is the sum of what each took by itself, divided by four. Broker, database, load and roles
share the machine's cores.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson
import uvloop

from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from processors.investigate.rows import INVESTIGATIONS
from schemas import Investigation, Signal
from tests.bench.processes import STILL_S, Measured, Stuck, reached, started
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import Postgres, postgres_server
from tests.support.probe_tool import Probe
from tests.support.server import Server
from tocsin import compose
from tocsin.config import JournalSettings, load
from tocsin.folder import DataFolder
from tocsin.store import open_store
from tocsin.up import running

RATE = 1_000
CONNECTIONS = 32
WORKERS = 4
SLOW_S = 0.25
ANSWER_S = 30.0
"""How long the door may take for one request."""
RULES = 'rules: [{name: tenth, when: labels.open == "yes", group_by: [labels.n], playbook: waiting}]'
PLAYBOOK = """---
name: waiting
description: Asks one slow tool.
gather: [bench.slow]
tools: [bench.slow]
---
# Wait
"""


def folder_of(place: Path, journal: Mapping[str, object]) -> Path:
    """A folder with a configuration of its own, and rules and playbooks that all share; returns the configuration's file."""
    place.mkdir()
    (place / "rules").mkdir()
    (place / "rules" / "bench.yaml").write_text(RULES)
    (place / "playbooks").mkdir()
    (place / "playbooks" / "waiting.md").write_text(PLAYBOOK)
    file = place / "tocsin.yaml"
    settings = {"listen": "127.0.0.1:0", "data": "data", "journal": dict(journal), "shipped_rules": False}
    file.write_text(json.dumps({**settings, "workers": {"investigate": 1}}))
    return file


def connected_with_a_slow_tool(real: Any) -> Any:
    """`compose.connect` that offers `bench.slow` too."""

    async def wait() -> str:
        await asyncio.sleep(SLOW_S)
        return "waited"

    def connect(instances: Any) -> compose.Connected:
        found = real(instances)
        return replace(found, tools={**found.tools, "bench.slow": Probe("bench.slow", wait)})

    return connect


async def run_role(file: Path, names: Sequence[str]) -> None:
    """A process's part, until it is killed. Says on its output where its door is, once it runs."""
    compose.connect = connected_with_a_slow_tool(compose.connect)
    loaded = load(file, folder=file.parent, environment=os.environ)
    async with compose.opened(loaded, clock=SystemClock()) as program, running(program, tuple(names)) as now:
        print(now.address.url if now.address else "-", flush=True)
        await asyncio.Event().wait()


def role(file: Path, *names: str) -> AbstractContextManager[Measured]:
    """A process with these roles, once it runs; it tells the address of its door ("-" where it has none)."""
    return started("+".join(names), [__file__, "--role", str(file), ",".join(names)], file.with_suffix(".log"))


def request_of(host: str, number: int) -> bytes:
    signal = {
        "id": f"r{number}", "title": f"r{number}", "type": "alert", "severity": "error", "service": "checkout",
        "labels": {"open": "yes" if number % 10 == 0 else "no", "n": f"r{number}"}, "message": "x" * 400,
    }  # fmt: skip
    body = json.dumps(signal).encode()
    head = f"POST /in/generic HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def request_to_playbook(ingest: Measured, triage: Measured, journal: Any, seconds: float) -> dict[str, float]:
    """Latencies in ms. Raises Stuck, TimeoutError when a request is not answered."""
    host, _, port = ingest.told.removeprefix("http://").partition(":")
    number = round(seconds * RATE)
    sent: dict[str, float] = {}
    waits: list[float] = []
    watching = asyncio.create_task(_watch(journal, sent, waits))
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def send() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (index := await queue.get()) >= 0:
            sent[f"r{index}"] = time.perf_counter()
            async with asyncio.timeout(ANSWER_S):
                writer.write(request_of(host, index))
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise Stuck(f"the door refused: {head!r}; {ingest.last_words()}")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
        writer.close()

    async def waited() -> int:
        if watching.done():
            watching.result()
        return len(waits)

    senders = [asyncio.create_task(send()) for _ in range(CONNECTIONS)]
    loop = asyncio.get_running_loop()
    start = loop.time()
    for index in range(number):
        await asyncio.sleep(max(0.0, start + index / RATE - loop.time()))
        queue.put_nowait(index)
    for _ in senders:
        queue.put_nowait(-1)
    await asyncio.gather(*senders)
    await reached(waited, number // 10, "playbooks selected", (ingest, triage), every_s=0.01)
    watching.cancel()
    waits = sorted(waits[len(waits) // 2 :])  # the first half warms up the broker's compiler, connections and caches
    return {
        "roles: request to playbook.selected: p50 ms": waits[len(waits) // 2],
        "roles: request to playbook.selected: p99 ms": waits[int(len(waits) * 0.99)],
    }


async def _watch(journal: Any, sent: dict[str, float], waits: list[float]) -> None:
    after = await journal.head(DECISIONS)
    while True:
        await journal.wait(DECISIONS, after=after)
        for entry in await journal.read(DECISIONS, after=after):
            after = entry.offset
            decision = orjson.loads(entry.payload)
            if decision["kind"] == "playbook.selected":
                waits.append((time.perf_counter() - sent[decision["data"]["incident"]["group"]["labels.n"]]) * 1000)


async def shared(
    place: Path, settings: Mapping[str, object], triage: Measured, journal: Any, number: int
) -> dict[str, float]:
    """Four processes that wait for work, then all of it within a moment. Raises Stuck."""
    done: list[tuple[int, int]] = []

    async def count() -> int:
        done[:] = await _done(journal)
        return len(done)

    with ExitStack() as stack:
        workers = [
            stack.enter_context(role(folder_of(place / f"investigate{index}", settings), "investigate"))
            for index in range(WORKERS)
        ]
        now = journal.now()
        for first in range(0, number, 100):
            signals = [
                Signal.observed(
                    source="generic", occurrence_id=f"s{n}", type="alert", severity="error", title=f"s{n}",
                    service="checkout", labels={"open": "yes", "n": f"s{n}"}, occurred_at=now, received_at=now,
                    group_key=f"s{n}",
                )
                for n in range(first, first + 100)
            ]  # fmt: skip
            await journal.append(INPUTS, [NewRecord("signal", signal.to_json()) for signal in signals])
        await reached(count, number, "investigations ended", (triage, *workers), every_s=2)
    took = (max(end for _, end in done) - min(start for start, _ in done)) / 1e6
    ideal = sum(end - start for start, end in done) / 1e6 / WORKERS
    return {
        "roles: shared investigations: s": took,
        "roles: shared investigations: mean s": ideal * WORKERS / number,
        "roles: shared investigations: ratio to the ideal": took / ideal,
    }


async def _done(journal: Any) -> list[tuple[int, int]]:
    """When each ended investigation began and ended, by journal time."""
    rows = [orjson.loads(row) for _, row in await journal.scan(INVESTIGATIONS)]
    ended = [Investigation.from_json(orjson.dumps(row)) for row in rows if row.get("finished_at")]
    return [(one.started_at or 0, one.finished_at or 0) for one in ended]


@asynccontextmanager
async def looking(place: Path, settings: Mapping[str, object], triage: Measured) -> AsyncIterator[Any]:
    """The journal, seen by a process that is none of the roles. Raises Stuck."""
    store = await open_store(JournalSettings.model_validate(settings), DataFolder(place / "look"), clock=SystemClock())
    try:
        if not await store.journal.wait(DECISIONS, after=0, timeout_s=STILL_S):
            raise Stuck(f"the rules were not in force within {STILL_S:.0f} s; {triage.last_words()}")
        yield store.journal
    finally:
        await store.journal.close()


async def measure(place: Path, kafka: Server, postgres: Postgres, seconds: float, number: int) -> dict[str, float]:
    settings = {"kafka": kafka.address, "postgres": postgres.fresh_database(), "tenant": "requests"}
    with (
        role(folder_of(place / "triage", settings), "triage") as triage,
        role(folder_of(place / "ingest", settings), "ingest") as ingest,
    ):
        async with looking(place, settings, triage) as journal:
            figures = await request_to_playbook(ingest, triage, journal, seconds)
    settings = {**settings, "tenant": "shared"}
    with role(folder_of(place / "triage2", settings), "triage") as triage:
        async with looking(place, settings, triage) as journal:
            return figures | await shared(place, settings, triage, journal, number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load, of which the second half counts")
    parser.add_argument("--investigations", type=int, default=1_000)
    parser.add_argument("--role", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if chosen.role:
            file, names = chosen.role
            runner.run(run_role(Path(file), names.split(",")))
            return
        with tempfile.TemporaryDirectory() as place, kafka_server() as kafka, postgres_server() as postgres:
            figures = runner.run(measure(Path(place), kafka, postgres, chosen.seconds, chosen.investigations))
    for name, value in figures.items():
        unit = "ratio" if "ratio" in name else name.rsplit(" ", 1)[1]
        row = {"name": name, "median": value, "best": value, "unit": unit}
        print(json.dumps(row) if chosen.json else f"{name:60} {value:>10,.2f} {unit}")


if __name__ == "__main__":
    main()
