"""A journal in memory, as far as ingest asks for one: append, units and rows, and refusals on demand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from connectors.ports.clock import Clock
from connectors.ports.journal import Conflict, Entry, JournalError, Lease, NewRecord, Unit


class _Unit(Unit):
    def __init__(self) -> None:
        self.appended: list[tuple[str, NewRecord]] = []
        self.rows: list[tuple[str, str, bytes, bool]] = []

    def append(self, stream: str, record: NewRecord) -> None:
        self.appended.append((stream, record))

    def put(self, space: str, key: str, value: bytes) -> None:
        self.rows.append((space, key, value, False))

    def create(self, space: str, key: str, value: bytes) -> None:
        self.rows.append((space, key, value, True))


class MemoryJournal:
    """Keeps what is appended while `refusal` is None; raises it otherwise, and keeps nothing. Nothing becomes durable
    while `gate` is a cleared event."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.refusal: JournalError | None = None
        self.streams: dict[str, list[Entry]] = defaultdict(list)
        self.spaces: dict[tuple[str, str], bytes] = {}
        self.commits = 0
        self.gate: asyncio.Event | None = None
        self.waiting = 0

    def now(self) -> int:
        return self.clock.now()

    async def append(self, stream: str, records: Sequence[NewRecord]) -> int:
        await self._durable()
        first = len(self.streams[stream]) + 1
        for record in records:
            self._add(stream, record)
        self.commits += 1
        return first

    def unit(self, *, lease: Lease | None = None) -> AbstractAsyncContextManager[Unit]:
        return self._unit()

    async def get(self, space: str, key: str) -> bytes | None:
        return self.spaces.get((space, key))

    async def read(self, stream: str, *, after: int, limit: int = 500) -> Sequence[Entry]:
        return self.streams[stream][after : after + limit]

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[Unit]:
        unit = _Unit()
        yield unit
        await self._durable()
        for space, key, _, fresh in unit.rows:
            if fresh and (space, key) in self.spaces:
                raise Conflict(f"{key!r} is in {space!r} already")
        for space, key, value, _ in unit.rows:
            self.spaces[space, key] = value
        for stream, record in unit.appended:
            self._add(stream, record)
        self.commits += 1

    async def _durable(self) -> None:
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1
        if self.refusal is not None:
            raise self.refusal

    def _add(self, stream: str, record: NewRecord) -> None:
        entries = self.streams[stream]
        entries.append(Entry(stream, len(entries) + 1, self.now(), record.kind, record.key, record.payload))
