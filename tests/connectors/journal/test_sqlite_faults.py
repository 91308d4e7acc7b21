"""What the SQLite journal does when the disk is full, the file locked or not writable: it says so, keeps nothing half, and heals."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.journal.sqlite import SqliteJournal, open_journal
from connectors.journal.sqlite.file import wal_path
from connectors.ports.clock import SystemClock
from connectors.ports.journal import NewRecord, Unavailable

BIG = NewRecord("signal", b"b" * 100_000)
SMALL = NewRecord("signal", b"s")


async def on_writer(journal: SqliteJournal, pragma: str) -> None:
    """Run a pragma on the writer's own connection, outside a transaction."""
    connection = journal._committer._connection
    assert connection is not None
    await journal.append("quiet", [SMALL])
    await asyncio.to_thread(lambda: connection.execute(pragma).fetchone())


async def healed(journal: SqliteJournal) -> None:
    while journal.fault is not None:
        await asyncio.sleep(0.05)


def test_a_full_page_limit_refuses_appends_and_work_goes_on_afterwards(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
        assert journal.fault is None
        await journal.append("inputs", [SMALL])
        await on_writer(journal, "PRAGMA max_page_count = 60")
        with pytest.raises(Unavailable, match="SQLITE_FULL") as refusal:
            for _ in range(10):
                await journal.append("inputs", [BIG])
        assert refusal.value.retry_after_s > 0
        assert "SQLITE_FULL" in (journal.fault or "")
        head = await journal.head("inputs")
        with pytest.raises(Unavailable):
            async with journal.unit() as unit:
                unit.put("state", "half", b"never")
                unit.append("inputs", BIG)
                unit.append("inputs", BIG)
        assert await journal.get("state", "half") is None
        await on_writer_now(journal, "PRAGMA max_page_count = 100000")
        assert await journal.append("inputs", [BIG]) == head + 1
        assert journal.fault is None
        await journal.close()

    asyncio.run(main())


async def on_writer_now(journal: SqliteJournal, pragma: str) -> None:
    connection = journal._committer._connection
    assert connection is not None
    await asyncio.to_thread(lambda: connection.execute(pragma).fetchone())


def test_a_full_disk_stops_acknowledgements_and_loses_none(
    small_disk: Callable[[int], Path], fill_up: Callable[[Path], Path]
) -> None:
    async def main(folder: Path) -> None:
        path = folder / "j.sqlite"
        journal = open_journal(path, clock=SystemClock())
        acked = [await journal.append("inputs", [BIG]) for _ in range(5)]
        ballast = fill_up(folder)
        refused = 0
        for _ in range(20):
            try:
                acked.append(await journal.append("inputs", [BIG]))
            except Unavailable:
                refused += 1
        assert refused
        assert journal.fault is not None
        assert [e.offset for e in await journal.read("inputs", after=0)] == acked
        ballast.unlink()
        async with asyncio.timeout(30):
            await healed(journal)
        acked.append(await journal.append("inputs", [BIG]))
        assert acked == list(range(1, len(acked) + 1))
        await journal.close()
        again = open_journal(path, clock=SystemClock())
        assert [e.offset for e in await again.read("inputs", after=0)] == acked
        await again.close()

    asyncio.run(main(small_disk(4096)))


def test_a_foreign_lock_is_waited_for_then_reported_and_healed_without_a_sender(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        journal = open_journal(path, clock=SystemClock())
        await journal.append("inputs", [SMALL])
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(journal.append("inputs", [SMALL]) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        assert "SQLITE_BUSY" in (journal.fault or "")
        foreign.execute("ROLLBACK")
        foreign.close()
        async with asyncio.timeout(30):
            await healed(journal)
        assert await journal.append("inputs", [SMALL]) == 2
        await journal.close()

    asyncio.run(main())


def test_a_connection_that_turned_read_only_is_reported_and_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
        await on_writer(journal, "PRAGMA query_only = 1")
        with pytest.raises(Unavailable, match="SQLITE_READONLY"):
            await journal.append("inputs", [SMALL])
        assert "readonly" in (journal.fault or "")
        await on_writer_now(journal, "PRAGMA query_only = 0")
        assert await journal.append("inputs", [SMALL]) == 1
        assert journal.fault is None
        await journal.close()

    asyncio.run(main())


def test_after_an_error_of_unknown_extent_the_file_is_opened_anew(tmp_path: Path) -> None:
    async def main() -> None:
        journal = open_journal(tmp_path / "j.sqlite", clock=SystemClock())
        await journal.append("inputs", [SMALL])
        before = journal._committer._connection

        def broken(_: object) -> None:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error

        with pytest.raises(Unavailable, match="SQLITE_IOERR_FSYNC"):
            await journal._submit(broken)
        assert await journal.append("inputs", [SMALL]) == 2
        assert journal._committer._connection is not before
        assert [e.offset for e in await journal.read("inputs", after=0)] == [1, 2]
        await journal.close()

    asyncio.run(main())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="make the folder writable"):
        open_journal(tmp_path / "file" / "j.sqlite", clock=SystemClock())


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_text("this is no database at all, but long enough to be looked at" * 20)
    with pytest.raises(Unavailable, match="cannot open the journal"):
        open_journal(tmp_path / "j.sqlite", clock=SystemClock())


def test_a_stuck_reader_shows_in_the_length_of_the_log(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "j.sqlite"
        journal = open_journal(path, clock=SystemClock())
        await journal.append("inputs", [SMALL])
        stuck = sqlite3.connect(path, isolation_level=None)
        stuck.execute("BEGIN")
        stuck.execute("SELECT count(*) FROM batches").fetchone()
        for _ in range(40):
            await journal.append("inputs", [NewRecord("signal", b"x" * 1_000_000)])
        assert journal.wal_bytes > 40_000_000
        assert journal.stats()["wal_bytes"] == journal.wal_bytes
        stuck.close()
        await journal.close()
        assert not wal_path(path).exists() or wal_path(path).stat().st_size == 0

    asyncio.run(main())
