"""The SQLite journal holds the port's contract."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from connectors.journal.sqlite import SqliteJournal, open_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import Journal
from tests.contracts.journal import JournalContract


class TestSqliteJournal(JournalContract):
    tail_bytes = 1 << 20

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def open(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        return self._open(clock, 10_000)

    def open_tight(self, clock: ManualClock) -> AbstractAsyncContextManager[Journal]:
        return self._open(clock, 10)

    def poke(self, journal: Journal) -> None:
        assert isinstance(journal, SqliteJournal)
        journal.poke()

    @asynccontextmanager
    async def _open(self, clock: ManualClock, most: int) -> AsyncIterator[Journal]:
        journal = open_journal(
            self.folder / "journal.sqlite", clock=clock, queued_most=most, tail_bytes=self.tail_bytes
        )
        try:
            yield journal
        finally:
            await journal.close()


class TestSqliteJournalWithoutTail(TestSqliteJournal):
    """Every read goes to the file."""

    tail_bytes = 0
