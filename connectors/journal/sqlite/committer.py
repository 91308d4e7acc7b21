"""The writer: one thread with the one write connection, which merges whatever waits into one commit."""

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.journal.sqlite.file import connect_writer
from connectors.journal.sqlite.queue import Request, RequestQueue
from connectors.journal.sqlite.state import Appended, Group, State
from connectors.journal.sqlite.tail import Tail
from connectors.journal.sqlite.time import JournalTime
from connectors.journal.sqlite.waiters import Waiters, deliver, queue_topic, stream_topic
from connectors.ports.journal import JournalError, Unavailable

GROUP_MOST = 1_000
GROUP_BYTES = 1 << 20
"""One commit holds at most so many requests, and about so many bytes."""
PROBE_S = 1.0
"""How often a journal that could not write tries by itself whether it can again."""

_SURVIVABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY}
"""Primary codes after which the connection is as good as before, once rolled back. After any other (a failed fsync above all)
nobody knows what the pages hold: the connection is dropped, and opening it again recovers from the log."""

_POISON = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.NotSupportedError)
"""Errors that speak of what was to be stored, not of the file."""


@dataclass(slots=True)
class Counters:
    """What was done since the start."""

    commits: int = 0
    requests: int = 0
    records: int = 0
    failures: int = 0
    last_group: int = 0
    commit_seconds: float = 0.0
    last_commit_seconds: float = 0.0


class Committer:
    """Works off `queue` until that is closed and empty. `fault` says why it cannot write at present."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        state: State,
        now: JournalTime,
        queue: RequestQueue,
        tail: Tail,
    ) -> None:
        self.waiters = Waiters()
        self.fault: str | None = None
        self.counters = Counters()
        self._path = path
        self._connection: sqlite3.Connection | None = connection
        self._state = state
        self._now = now
        self._queue = queue
        self._tail = tail
        # A daemon, so that a program that ends without closing ends: everything acknowledged is durable already.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait until all that waits is written and the file is let go; close the queue first."""
        self._thread.join()

    def figures(self) -> dict[str, float]:
        return asdict(self.counters)

    def _run(self) -> None:
        while True:
            timeout_s = PROBE_S if self.fault else None
            requests = self._queue.take(most=GROUP_MOST, most_bytes=GROUP_BYTES, timeout_s=timeout_s)
            if requests is None:
                break
            if requests:
                self._commit(requests)
            elif self.fault:
                self._probe()
        self._let_go()
        deliver(self.waiters.all())

    def _commit(self, requests: Sequence[Request]) -> None:
        started = time.perf_counter()
        try:
            answers, appended, group = self._transact(requests)
        except sqlite3.Error as error:
            if not isinstance(error, _POISON):
                self._failed(error)
                deliver((future, Unavailable(f"the journal cannot write: {self.fault}")) for _, _, future in requests)
            else:
                self._one_by_one(requests, error)
            return
        except Exception as error:  # noqa: BLE001 - what a request holds that cannot be stored fails that request alone
            self._one_by_one(requests, error)
            return
        self.fault = None
        for stream, upto in group.dropped.items():
            self._tail.drop(stream, upto)
        # The tail before the heads: whoever sees a head must find the entry.
        self._tail.extend(appended)
        group.publish()
        self._count(requests, appended, time.perf_counter() - started)
        topics = [stream_topic(added.stream) for added in appended] + [queue_topic(queue) for queue in group.awake]
        deliver(
            [
                *zip([future for _, _, future in requests], answers, strict=True),
                *self.waiters.news(topics),
            ]
        )

    def _transact(self, requests: Sequence[Request]) -> tuple[list[Any], list[Appended], Group]:
        """One transaction. A request that fails with a JournalError has that as its answer and wrote nothing."""
        connection = self._reconnect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            group = Group(connection, self._state, self._now.now())
            answers: list[Any] = []
            for stage, _, _ in requests:
                try:
                    answers.append(stage(group))
                except JournalError as refusal:
                    answers.append(refusal)
            appended = group.flush()
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        return answers, appended, group

    def _one_by_one(self, requests: Sequence[Request], error: Exception) -> None:
        """One of them holds what cannot be stored; the others shall not suffer."""
        self.counters.failures += 1
        if len(requests) == 1:
            deliver([(requests[0][2], error)])
            return
        for request in requests:
            self._commit([request])

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        if not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_connection()

    def _failed(self, error: sqlite3.Error) -> None:
        self.counters.failures += 1
        name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        self.fault = f"{error} ({name}) at {str(self._path)!r}"
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _SURVIVABLE:
            self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except sqlite3.Error as error:
            self.fault = f"{error} while closing {str(self._path)!r}"

    def _reconnect(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connect_writer(self._path)
            # A commit that was reported as failed may be in the log all the same: learn from the file what holds.
            self._state.load(connection)
            self._tail.clear()
            self._connection = connection
            deliver(self.waiters.all())
        return self._connection

    def _probe(self) -> None:
        """Write something small, so that readiness comes back without a sender having to try."""
        try:
            connection = self._reconnect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "INSERT INTO batches (place, count, accepted_at, frames) VALUES (-1, 0, 0, zeroblob(16384))"
                )
                connection.execute("DELETE FROM batches WHERE place = -1")
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise
        except sqlite3.Error as error:
            self._failed(error)
        else:
            self.fault = None

    def _count(self, requests: Sequence[Request], appended: Sequence[Appended], seconds: float) -> None:
        counters = self.counters
        counters.commits += 1
        counters.requests += len(requests)
        counters.records += sum(len(added.records) for added in appended)
        counters.last_group = len(requests)
        counters.last_commit_seconds = seconds
        counters.commit_seconds += seconds

    def _let_go(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            # Nothing is lost: the next start recovers from the log.
            self.fault = f"{error} at the last checkpoint of {str(self._path)!r}"
        self._drop_connection()
