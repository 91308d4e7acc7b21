"""Where the journal is: one SQLite file in the data folder, or Kafka and PostgreSQL; opened for work, or to look at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connectors.journal.sqlite import SqliteArchive, SqliteJournal, open_journal, open_reader
from connectors.ports.archive import Archive
from connectors.ports.clock import Clock
from connectors.ports.journal import Busy, Entry, Journal, Unavailable
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder

if TYPE_CHECKING:
    from connectors.journal.kafka import Held, KafkaJournal, Lag

FIGURES_S = 5.0
"""How old the figures of a journal that has to ask for them may be."""


class Reading(Protocol):
    """What looking at a journal takes; see `connectors.ports.journal.Journal`."""

    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        """As Journal."""

    async def wait(self, stream: str, *, after: int, timeout_s: float | None = None) -> bool:
        """As Journal."""

    async def head(self, stream: str) -> int:
        """As Journal."""

    async def get(self, space: str, key: str) -> bytes | None:
        """As Journal."""

    async def scan(
        self, space: str, prefix: str = "", *, after: str | None = None, limit: int | None = None
    ) -> Sequence[tuple[str, bytes]]:
        """As Journal."""


@dataclass
class Store:
    """An open journal and what the program asks of it beside the port."""

    journal: Journal
    archive: Archive
    fault: Callable[[], str | None]
    """Why it cannot be written at present; None when all is well."""
    measure: Callable[[], Awaitable[Mapping[str, float]]]
    figures: dict[str, float] = field(default_factory=dict)
    """Counters and gauges by name, as `measure` last gave them."""
    shared: "KafkaJournal | None" = None
    """The journal, when several processes work on it."""
    lags: "Sequence[Lag]" = ()
    held: "Sequence[Held]" = ()
    """How consumers and leases of a shared journal stood when last measured."""

    def figure(self, name: str) -> float:
        """The last one of that name; 0 when there is none."""
        return self.figures.get(name, 0.0)

    async def keep_figures(self) -> None:
        """Until cancelled: measure every FIGURES_S."""
        while True:
            try:
                self.figures.update(await self.measure())
                if self.shared is not None:
                    self.lags, self.held = await self.shared.standing()
            except (Busy, Unavailable):
                pass  # `fault` says so, and the last figures stand
            await asyncio.sleep(FIGURES_S)


async def open_store(settings: JournalSettings, folder: DataFolder, *, clock: Clock, version: str = "") -> Store:
    """Open for work; `version`: what others that share the journal are told of this process, nothing: it only looks. Raises InUse, Unavailable, JournalError, OSError."""
    if settings.kafka is None or settings.postgres is None:
        embedded = open_journal(folder.journal, clock=clock)
        return Store(embedded, SqliteArchive(embedded), lambda: embedded.fault, lambda: _figures_of(embedded))
    from connectors.journal.kafka import KafkaArchive, open_kafka_journal  # 30 MB, for those who have brokers

    shared = await open_kafka_journal(
        settings.kafka,
        settings.postgres.get_secret_value(),
        clock=clock,
        security=settings.security,
        version=version,
        tenant=settings.tenant,
        replicas=settings.replicas,
    )
    return Store(shared, KafkaArchive(shared), lambda: shared.fault, shared.stats, shared=shared)


async def _figures_of(journal: SqliteJournal) -> Mapping[str, float]:
    return journal.stats()


@asynccontextmanager
async def viewed(
    settings: JournalSettings, folder: DataFolder, *, clock: Clock
) -> AsyncIterator[tuple[Reading, Archive]]:
    """Open to look at, whether the program runs or not. Raises FileNotFoundError when the embedded journal is not there; as
    `open_store` otherwise."""
    if settings.kafka is not None:
        store = await open_store(settings, folder, clock=clock)
        try:
            yield store.journal, store.archive
        finally:
            await store.journal.close()
        return
    if not folder.journal.is_file():
        raise FileNotFoundError(f"nothing is recorded in {folder.path}")
    reader = open_reader(folder.journal, clock=clock)
    try:
        yield reader, SqliteArchive(reader)
    finally:
        await reader.close()
