"""How fast the journal is, as ratios to bare SQLite measured in the same run: `python tests/bench/journal.py [--json] [--folder DIR]`."""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from connectors.journal.sqlite import SqliteJournal, open_journal
from connectors.journal.sqlite.file import connect_writer
from connectors.ports.clock import SystemClock
from connectors.ports.journal import INPUTS, NewRecord

WRITERS = 64
RECORD = os.urandom(1024)


def bare(folder: Path, *, group: int, seconds: float) -> float:
    """Records/s of SQLite alone: a loop of BEGIN, one blob row of `group` records, COMMIT; the journal's own pragmas."""
    connection = connect_writer(folder / f"bare-{time.monotonic_ns()}.sqlite")
    connection.execute(
        "CREATE TABLE batches (place INTEGER PRIMARY KEY, count INTEGER, accepted_at INTEGER, frames BLOB)"
    )
    done = 0
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO batches VALUES (?, ?, 0, ?)", (done + 1, group, RECORD * group))
        connection.execute("COMMIT")
        done += group
    connection.close()
    return done / passed


async def bare_group(folder: Path, *, writers: int, seconds: float) -> float:
    """Records/s of the least that could serve `writers` tasks: a list, a thread that commits what is in it as one blob row, and one
    call back into the loop per commit; no stream, no key, no limit, no tail, no error handling."""
    connection = connect_writer(folder / f"group-{time.monotonic_ns()}.sqlite")
    connection.execute(
        "CREATE TABLE batches (place INTEGER PRIMARY KEY, count INTEGER, accepted_at INTEGER, frames BLOB)"
    )
    loop = asyncio.get_running_loop()
    waiting: list[tuple[bytes, asyncio.Future[int]]] = []
    wake = threading.Semaphore(0)
    done = 0

    def settle(batch: list[tuple[bytes, asyncio.Future[int]]], first: int) -> None:
        for offset, (_, future) in enumerate(batch, first):
            future.set_result(offset)

    def commit() -> None:
        nonlocal waiting
        place = 1
        while wake.acquire():
            batch, waiting = waiting, []
            if not batch:
                return
            connection.execute("BEGIN IMMEDIATE")
            frames = b"".join([record for record, _ in batch])
            connection.execute("INSERT INTO batches VALUES (?, ?, 0, ?)", (place, len(batch), frames))
            connection.execute("COMMIT")
            loop.call_soon_threadsafe(settle, batch, place)
            place += len(batch)

    async def write() -> None:
        nonlocal done
        while time.perf_counter() < end:
            future: asyncio.Future[int] = loop.create_future()
            waiting.append((RECORD, future))
            if len(waiting) == 1:
                wake.release()
            await future
            done += 1

    thread = threading.Thread(target=commit)
    thread.start()
    started = time.perf_counter()
    end = started + seconds
    await asyncio.gather(*(write() for _ in range(writers)))
    passed = time.perf_counter() - started
    wake.release()
    await asyncio.to_thread(thread.join)
    connection.close()
    return done / passed


async def appended(journal: SqliteJournal, *, writers: int, batch: int, seconds: float) -> float:
    """Records/s of `writers` tasks, each awaiting its own acknowledgement."""
    records = [NewRecord("signal", RECORD, "key")] * batch
    done = 0
    started = time.perf_counter()
    end = started + seconds

    async def write() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await journal.append(INPUTS, records)
            done += batch

    await asyncio.gather(*(write() for _ in range(writers)))
    return done / (time.perf_counter() - started)


async def worked(journal: SqliteJournal, *, workers: int, seconds: float) -> float:
    """Units/s: each moves a position, writes a row and appends a decision."""
    done = 0
    started = time.perf_counter()
    end = started + seconds

    async def work(name: str) -> None:
        nonlocal done
        at = await journal.position(name, INPUTS)
        while time.perf_counter() < end:
            async with journal.unit() as unit:
                unit.move(name, INPUTS, old=at, new=at + 1)
                unit.put("incidents", f"{name}-{at % 100}", RECORD)
                unit.append("decisions", NewRecord("decision", RECORD, name))
            at += 1
            done += 1

    await asyncio.gather(*(work(f"worker-{n}") for n in range(workers)))
    return done / (time.perf_counter() - started)


async def tailed(journal: SqliteJournal, *, seconds: float) -> float:
    """Records/s of a consumer at the head while 64 writers append batches of 10."""
    at = await journal.head(INPUTS)
    read = 0
    started = time.perf_counter()
    writing = asyncio.ensure_future(appended(journal, writers=WRITERS, batch=10, seconds=seconds))
    while not writing.done():
        if not await journal.wait(INPUTS, after=at, timeout_s=0.1):
            continue
        entries = await journal.read(INPUTS, after=at, limit=500)
        at = entries[-1].offset
        read += len(entries)
    await writing
    return read / (time.perf_counter() - started)


class Figures:
    """What was measured, by name, a value per round."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def note(self, name: str, value: float) -> float:
        self.values.setdefault(name, []).append(value)
        return value

    def rows(self) -> list[dict[str, object]]:
        return [
            {
                "name": name,
                "median": statistics.median(values),
                "least": min(values),
                "most": max(values),
                "unit": "ratio" if ": ratio" in name else "records" if name.endswith("per commit") else "1/s",
            }
            for name, values in self.values.items()
        ]


def compare(
    runner: asyncio.Runner, journal: SqliteJournal, folder: Path, figures: Figures, *, turn: int, seconds: float
) -> None:
    """The journal beside bare SQLite, in slices next to each other and in changing order: the disk's mood changes by the second."""
    for batch, name in ((1, "append"), (100, "append of 100")):
        group = WRITERS if batch == 1 else 900
        figure: dict[str, float] = {}

        def ours(batch: int = batch, name: str = name, figure: dict[str, float] = figure) -> None:
            before = journal.stats()
            figure["ours"] = runner.run(appended(journal, writers=WRITERS, batch=batch, seconds=seconds))
            after = journal.stats()
            commits = after["commits"] - before["commits"]
            figures.note(f"{name}: records per commit", (after["records"] - before["records"]) / commits)

        def loop(group: int = group, figure: dict[str, float] = figure) -> None:
            figure["bare loop"] = bare(folder, group=group, seconds=seconds)

        def grouped(batch: int = batch, figure: dict[str, float] = figure) -> None:
            if batch == 1:
                figure["bare group commit"] = runner.run(bare_group(folder, writers=WRITERS, seconds=seconds))

        parts: list[Callable[[], None]] = [ours, loop, grouped]
        for part in parts[turn % 3 :] + parts[: turn % 3]:
            part()
        figures.note(f"{name}: {WRITERS} writers", figure["ours"])
        for other in [kind for kind in figure if kind != "ours"]:
            figures.note(f"{name}: {other}", figure[other])
            figures.note(f"{name}: ratio to {other}", figure["ours"] / figure[other])


def measure(folder: Path, *, rounds: int, seconds: float) -> list[dict[str, object]]:
    figures = Figures()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for turn in range(rounds):
            journal = open_journal(folder / f"journal-{turn}.sqlite", clock=SystemClock())
            compare(runner, journal, folder, figures, turn=turn, seconds=seconds)
            alone = figures.note("append: 1 writer", runner.run(appended(journal, writers=1, batch=1, seconds=seconds)))
            loop = figures.note("append: 1 writer, bare loop", bare(folder, group=1, seconds=seconds))
            figures.note("append: ratio of 1 writer to bare loop", alone / loop)
            figures.note("units: 1 worker", runner.run(worked(journal, workers=1, seconds=seconds)))
            figures.note(f"units: {WRITERS} workers", runner.run(worked(journal, workers=WRITERS, seconds=seconds)))
            figures.note("read at the head while written", runner.run(tailed(journal, seconds=seconds)))
            runner.run(journal.close())
            for leftover in folder.glob("*.sqlite*"):
                leftover.unlink()
    return figures.rows()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; the disk decides much")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="per figure and round")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        rows = measure(Path(folder), rounds=chosen.rounds, seconds=chosen.seconds)
    if chosen.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, records of 1 KB"
    )
    print(f"{'':48} {'median':>10} {'least':>10} {'most':>10}")
    for row in rows:
        digits = 2 if row["unit"] == "ratio" else 0
        figures = (f"{row[which]:>10,.{digits}f}" for which in ("median", "least", "most"))
        print(f"{row['name']!s:48}", *figures, row["unit"])


if __name__ == "__main__":
    main()
