"""What the writer knows by heart (stream numbers, heads, positions, leases), and what a commit in the making adds to it."""

import sqlite3
from collections import ChainMap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.journal.sqlite.framing import pack
from connectors.journal.sqlite.tables import SPAN
from connectors.ports.journal import DECISIONS, Lease, NewRecord

INDEXED = frozenset({DECISIONS})
"""Streams whose records can be found by their key."""


@dataclass(slots=True)
class State:
    """What is committed. Only the writer's thread changes it; others may look up single entries at any time."""

    numbers: dict[str, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    last_at: int = 0

    def load(self, connection: sqlite3.Connection) -> None:
        """Learn everything anew from the file."""
        newest = (
            "SELECT place + count - 1, accepted_at FROM batches WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
        )
        for number, name, floor, floor_at in connection.execute("SELECT number, name, floor, floor_at FROM streams"):
            found = connection.execute(newest, (number * SPAN, number * SPAN + SPAN - 1)).fetchone()
            head, at = (found[0] - number * SPAN, found[1]) if found else (floor, floor_at)
            self.numbers[name] = number
            self.heads[name] = head
            self.last_at = max(self.last_at, at)
        for consumer, stream, offset in connection.execute('SELECT consumer, stream, "offset" FROM positions'):
            self.positions[consumer, stream] = offset
        for row in connection.execute("SELECT name, owner, token, expires_at FROM leases"):
            self.leases[row[0]] = Lease(*row)


@dataclass(frozen=True, slots=True)
class Appended:
    """What one commit added to one stream."""

    stream: str
    first: int
    accepted_at: int
    records: Sequence[NewRecord]
    size: int


class Group:
    """One transaction in the making. Everything else goes to the connection at once; appends are gathered, to be one row per
    stream, and what the State knows is kept aside until the commit succeeded."""

    def __init__(self, connection: sqlite3.Connection, state: State, now: int) -> None:
        self.connection = connection
        self.now = now
        self.awake: set[str] = set()
        """Queues in which a job may have become free."""
        self.dropped: dict[str, int] = {}
        """Streams of which records up to an offset were dropped."""
        self._state = state
        self._records: dict[str, list[NewRecord]] = {}
        self._numbers: dict[str, int] = {}
        self._positions: ChainMap[tuple[str, str], int] = ChainMap({}, state.positions)
        self._leases: ChainMap[str, Lease] = ChainMap({}, state.leases)

    def head(self, stream: str) -> int:
        return self._state.heads.get(stream, 0) + len(self._records.get(stream, ()))

    def append(self, stream: str, records: Iterable[NewRecord]) -> int:
        """Returns the offset of the first."""
        gathered = self._records.get(stream)
        if gathered is None:
            gathered = self._records[stream] = []
        first = self._state.heads.get(stream, 0) + len(gathered) + 1
        gathered.extend(records)
        return first

    def position(self, consumer: str, stream: str) -> int:
        return self._positions.get((consumer, stream), 0)

    def move(self, consumer: str, stream: str, offset: int) -> None:
        self._positions[consumer, stream] = offset
        self.connection.execute(
            'INSERT INTO positions (consumer, stream, "offset") VALUES (?, ?, ?)'
            ' ON CONFLICT (consumer, stream) DO UPDATE SET "offset" = excluded."offset"',
            (consumer, stream, offset),
        )

    def passed(self, stream: str) -> int | None:
        """The offset every consumer of the stream is done with; None when it has no consumer."""
        return min((offset for (_, of), offset in self._positions.items() if of == stream), default=None)

    def lease(self, name: str) -> Lease | None:
        return self._leases.get(name)

    def hold(self, lease: Lease) -> None:
        self._leases[lease.name] = lease
        self.connection.execute(
            "INSERT INTO leases (name, owner, token, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET owner = excluded.owner, token = excluded.token, expires_at = excluded.expires_at",
            (lease.name, lease.owner, lease.token, lease.expires_at),
        )

    def number(self, stream: str) -> int | None:
        return self._numbers.get(stream) or self._state.numbers.get(stream)

    def flush(self) -> list[Appended]:
        """Write what was gathered, one row per stream."""
        done: list[Appended] = []
        for stream, records in self._records.items():
            if not records:
                continue
            number = self.number(stream) or self._introduce(stream)
            first = self._state.heads.get(stream, 0) + 1
            frames = pack(records)
            self.connection.execute(
                "INSERT INTO batches (place, count, accepted_at, frames) VALUES (?, ?, ?, ?)",
                (number * SPAN + first, len(records), self.now, frames),
            )
            if stream in INDEXED:
                self.connection.executemany(
                    'INSERT INTO keys (stream, "key", "offset") VALUES (?, ?, ?)',
                    [(number, record.key, offset) for offset, record in enumerate(records, first) if record.key],
                )
            done.append(Appended(stream, first, self.now, records, len(frames)))
        return done

    def publish(self) -> None:
        """The transaction is durable: what it did is now what is known."""
        state = self._state
        state.numbers.update(self._numbers)
        state.positions.update(self._positions.maps[0])
        state.leases.update(self._leases.maps[0])
        for stream, records in self._records.items():
            if records:
                state.heads[stream] = state.heads.get(stream, 0) + len(records)
                state.last_at = self.now

    def _introduce(self, stream: str) -> int:
        number = self.connection.execute("INSERT INTO streams (name) VALUES (?)", (stream,)).lastrowid
        if number is None:
            raise sqlite3.DatabaseError(f"no number was given to the stream {stream!r}")
        self._numbers[stream] = number
        return number
