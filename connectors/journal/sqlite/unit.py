"""A unit of work: what shall happen together, collected first, then checked and done inside one commit."""

import sqlite3

from connectors.journal.collected import CollectedUnit, Pair, new_positions, new_rows
from connectors.journal.sqlite import jobs, leases
from connectors.journal.sqlite.state import Group
from connectors.ports.journal import NewRecord


class SqliteUnit(CollectedUnit):
    """`stage` does what was collected."""

    def stage(self, group: Group) -> None:
        """All checks first, so that a unit that fails has written nothing. Raises Conflict and LeaseLost."""
        if self.lease is not None:
            leases.check(group, self.lease)
        positions = new_positions(self.moves, lambda at: group.position(*at))
        rows, _ = new_rows(self.rows, lambda at: _row(group.connection, at))
        jobs.check(group, self.jobs)
        for (consumer, stream), offset in positions.items():
            group.move(consumer, stream, offset)
        _write_rows(group.connection, rows)
        jobs.change(group, self.jobs)
        by_stream: dict[str, list[NewRecord]] = {}
        for stream, record in self.records:
            by_stream.setdefault(stream, []).append(record)
        for stream, records in by_stream.items():
            group.append(stream, records)


def _row(connection: sqlite3.Connection, at: Pair) -> bytes | None:
    found = connection.execute("SELECT value FROM spaces WHERE space = ? AND key = ?", at).fetchone()
    return None if found is None else bytes(found[0])


def _write_rows(connection: sqlite3.Connection, rows: dict[Pair, bytes | None]) -> None:
    kept = [(*at, value) for at, value in rows.items() if value is not None]
    gone = [at for at, value in rows.items() if value is None]
    if kept:
        connection.executemany(
            "INSERT INTO spaces (space, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
            kept,
        )
    if gone:
        connection.executemany("DELETE FROM spaces WHERE space = ? AND key = ?", gone)
