"""One process writes, many read; the tables are brought up to date by whoever comes first."""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy import inspect as inspect_engine

from connectors.journal.sqlite import InUse, open_journal, open_reader
from connectors.journal.sqlite.file import connect_writer
from connectors.journal.sqlite.migrations import MIGRATIONS, migrate
from connectors.journal.sqlite.tables import metadata
from connectors.ports.clock import ManualClock, SystemClock
from connectors.ports.journal import JournalError, LeaseLost, NewRecord, Unavailable

WRITER = """
import sys, time
from pathlib import Path
from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
journal = open_journal(Path(sys.argv[1]), clock=SystemClock())
print("open", flush=True)
sys.stdin.readline()
journal.close_now()
"""


def some(text: str) -> NewRecord:
    return NewRecord("signal", text.encode(), "k")


def test_a_second_writing_process_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(InUse, match=f"written by process {child.pid}"):
            open_journal(path, clock=SystemClock())
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.wait(20) == 0
    open_journal(path, clock=SystemClock()).close_now()


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
    with pytest.raises(InUse, match=str(os.getpid())):
        open_journal(tmp_path / "j.sqlite", clock=SystemClock())
    journal.close_now()


def test_what_a_process_held_that_is_gone_is_free_for_the_next_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        path, clock = tmp_path / "j.sqlite", ManualClock(5_000_000)
        journal = open_journal(path, clock=clock)
        lease = await journal.acquire("triage", owner="me", ttl_s=100)
        async with journal.unit() as unit:
            unit.enqueue("q", "j", b"job")
        job = await journal.claim("q", owner="me", ttl_s=100, timeout_s=0)
        assert lease is not None and job is not None
        await journal.close()

        again = open_journal(path, clock=clock)
        for held in (lease, job.lease):
            with pytest.raises(LeaseLost):
                await again.renew(held, ttl_s=100)
        taken = await again.acquire("triage", owner="other", ttl_s=100)
        claimed = await again.claim("q", owner="other", ttl_s=100, timeout_s=0)
        assert taken is not None and taken.token == lease.token + 1
        assert claimed is not None and (claimed.attempt, claimed.payload) == (2, b"job")
        for gone in (lease, job.lease):
            with pytest.raises(LeaseLost):
                async with again.unit(lease=gone) as unit:
                    unit.put("state", "k", b"never")
        assert await again.get("state", "k") is None
        await again.close()

    asyncio.run(main())


def test_what_was_written_is_there_after_a_restart_and_time_does_not_go_back(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        journal = open_journal(path, clock=ManualClock(5_000_000))
        await journal.append("inputs", [some("a"), some("b")])
        async with journal.unit() as unit:
            unit.put("state", "k", b"v")
            unit.move("triage", "inputs", old=0, new=1)
            unit.enqueue("q", "j", b"job")
        await journal.close()
        again = open_journal(path, clock=ManualClock(1_000_000))
        assert again.now() == 5_000_000
        assert [e.payload for e in await again.read("inputs", after=0)] == [b"a", b"b"]
        assert (await again.head("inputs"), await again.position("triage", "inputs")) == (2, 1)
        assert await again.get("state", "k") == b"v"
        assert await again.append("inputs", [some("c")]) == 3
        assert await again.retain("inputs", before=9_000_000) == 1
        await again.close()

    asyncio.run(main())


def test_offsets_and_time_go_on_after_a_restart_with_everything_dropped(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        journal = open_journal(path, clock=ManualClock(5_000_000))
        await journal.append("decisions", [some("a"), some("b")])
        assert await journal.retain("decisions", before=9_000_000) == 2
        await journal.close()
        again = open_journal(path, clock=ManualClock(1_000_000))
        assert again.now() == 5_000_000
        assert await again.append("decisions", [some("c")]) == 3
        await again.close()

    asyncio.run(main())


def test_a_reader_looks_on_while_another_process_writes_and_after_it_ended(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        journal = open_journal(path, clock=SystemClock())
        await journal.append("inputs", [some("a")])
        reader = open_reader(path, clock=SystemClock())
        assert [e.payload for e in await reader.read("inputs", after=0)] == [b"a"]
        waiting = asyncio.ensure_future(reader.wait("inputs", after=1, timeout_s=20))
        await journal.append("inputs", [some("b")])
        async with journal.unit() as unit:
            unit.put("state", "k", b"v")
            unit.move("c", "inputs", old=0, new=2)
            unit.enqueue("q", "j", b"")
        assert await waiting is True
        assert await reader.wait("inputs", after=2, timeout_s=0.01) is False
        await journal.close()
        late = open_reader(path, clock=SystemClock())
        for one in (reader, late):
            assert [e.offset for e in await one.read("inputs", after=1)] == [2]
            assert len(await one.between("inputs", since=0, until=one.now())) == 2
            assert (await one.head("inputs"), await one.position("c", "inputs"), await one.pending("q")) == (2, 2, 1)
            assert await one.get("state", "k") == b"v"
            assert list(await one.scan("state")) == [("k", b"v")]
            await one.close()
            with pytest.raises(Unavailable):
                await one.head("inputs")

    asyncio.run(main())


def test_a_reader_says_when_there_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no journal"):
        open_reader(tmp_path / "absent.sqlite", clock=SystemClock())
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(JournalError, match="start the program once"):
        open_reader(tmp_path / "empty.sqlite", clock=SystemClock())


def test_the_migrations_lead_to_the_tables_as_declared(tmp_path: Path) -> None:
    connection = connect_writer(tmp_path / "migrated.sqlite")
    assert migrate(connection) == len(MIGRATIONS)
    connection.close()
    shapes = []
    for name in ("migrated", "declared"):
        engine = create_engine(f"sqlite:///{tmp_path / name}.sqlite")
        if name == "declared":
            metadata.create_all(engine)
        found = inspect_engine(engine)
        shapes.append(
            {
                table: (
                    [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(table)],
                    found.get_pk_constraint(table)["constrained_columns"],
                    sorted(u["column_names"] for u in found.get_unique_constraints(table)),
                    [i["name"] for i in found.get_indexes(table)],
                )
                for table in found.get_table_names()
            }
        )
        engine.dispose()
    assert shapes[0] == shapes[1]


def test_two_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    connections = [connect_writer(path) for _ in range(4)]
    begin = threading.Barrier(4)
    outcomes: list[object] = []

    def start(connection: sqlite3.Connection) -> None:
        begin.wait()
        try:
            outcomes.append(migrate(connection))
        except sqlite3.Error as error:
            outcomes.append(error)

    threads = [threading.Thread(target=start, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()
    assert outcomes == [len(MIGRATIONS)] * 4


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    open_journal(path, clock=SystemClock()).close_now()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalError, match="99"):
        open_journal(path, clock=SystemClock())
    with pytest.raises(JournalError, match="99"):
        open_reader(path, clock=SystemClock())


def test_closing_does_not_hang_when_the_loop_is_gone(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())

    async def leave() -> None:
        for n in range(20):
            task = asyncio.ensure_future(journal.append("inputs", [some(str(n))]))
            await asyncio.sleep(0)
            task.cancel()

    asyncio.run(leave())
    gc.collect()
    journal.close_now()
    again = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
    assert asyncio.run(again.head("inputs")) <= 20
    again.close_now()


def test_a_claim_that_is_cancelled_leaves_its_job_to_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=ManualClock(1))
        async with journal.unit() as unit:
            unit.enqueue("q", "j", b"")
        claiming = asyncio.ensure_future(journal.claim("q", owner="gone", ttl_s=1000))
        await asyncio.sleep(0)
        claiming.cancel()
        async with asyncio.timeout(20):
            job = await journal.claim("q", owner="next", ttl_s=1000)
        assert job is not None
        assert job.lease.owner == "next"
        await journal.close()

    asyncio.run(main())


def test_after_closing_one_file_holds_everything(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock(), tail_bytes=0)
        await journal.append("inputs", [some("x")])
        assert len(await journal.read("inputs", after=0)) == 1
        await journal.close()

    asyncio.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j.sqlite", "j.sqlite.lock"]


def test_many_commits_are_merged_into_few(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
        await asyncio.gather(*(journal.append("inputs", [some("x")]) for _ in range(500)))
        stats = journal.stats()
        assert stats["records"] == 500
        assert stats["commits"] < 50
        assert stats["queue_depth"] == stats["queue_bytes"] == 0
        await journal.close()

    asyncio.run(main())
