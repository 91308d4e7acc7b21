"""Where the programs under test keep their journal: in their folder, or on a real Kafka and PostgreSQL.

with standing_on(Shared(kafka, postgres)):          # a fixture of tests/flows and tests/chaos does, for each ground
    file = configure(folder, config)                # names a tenant of its own for each folder
    waiting(folder)                                 # what the program over that folder has still to do
"""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.journal.sqlite.file import connect_reader
from connectors.journal.sqlite.tables import SPAN
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS


class Job(NamedTuple):
    """Work that is not finished."""

    queue: str
    id: str
    due: int
    owner: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a program is: its positions, its open jobs, the ends of its streams (0 for none), what waits to be published."""

    positions: Mapping[tuple[str, str], int]
    jobs: tuple[Job, ...]
    ends: Mapping[str, int]
    outbox: int = 0


class NotNow(Exception):
    """The journal cannot be looked at at the moment: it is not made yet, or its servers are away."""


class Ground(Protocol):
    """What journals stand on."""

    name: str

    def section(self, folder: Path) -> dict[str, Any]:
        """The `journal` of the `tocsin.yaml` in a folder."""


class Embedded:
    """One SQLite file in the data folder."""

    name = "embedded"

    def section(self, folder: Path) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Shared:
    """Kafka (bootstrap servers) and PostgreSQL (the URL of a database); each folder has a tenant of its own there."""

    kafka: str
    postgres: str
    name: str = "kafka and postgres"

    def section(self, folder: Path) -> dict[str, Any]:
        tenant = "t" + hashlib.sha256(bytes(folder.resolve())).hexdigest()[:16]
        return {"kafka": self.kafka, "postgres": self.postgres, "tenant": tenant}


GROUNDS = ("embedded", "shared")
"""Their names as parameters of tests."""

_present: Ground = Embedded()


def present() -> Ground:
    """Where `configure` puts journals now."""
    return _present


@contextmanager
def standing_on(ground: Ground) -> Iterator[None]:
    """While the block runs, in all threads."""
    global _present
    before, _present = _present, ground
    try:
        yield
    finally:
        _present = before


@contextmanager
def chosen(request: pytest.FixtureRequest, name: str | None = None) -> Iterator[None]:
    """The ground of that name, or which the parameter of a fixture names; its servers are those of the whole run."""
    if (name or request.param) == "embedded":
        yield
        return
    kafka, postgres = request.getfixturevalue("kafka"), request.getfixturevalue("postgres")
    with standing_on(Shared(kafka.address, postgres.fresh_database())):
        yield


def standing(folder: Path) -> Standing:
    """Of the program whose `tocsin.yaml` is in a folder, running or not. What came first is read last, so that nothing slips through
    between two looks. Raises NotNow."""
    settings = json.loads((folder / "tocsin.yaml").read_text()).get("journal") or {}
    try:
        return _shared(settings) if settings else _embedded(folder / "data" / "journal.db")
    except (sqlite3.OperationalError, psycopg.OperationalError, psycopg.errors.UndefinedTable, KafkaError) as error:
        raise NotNow(str(error)) from error


def _embedded(journal: Path) -> Standing:
    connection = connect_reader(journal)
    try:
        positions = connection.execute('SELECT consumer, stream, "offset" FROM positions').fetchall()
        jobs = connection.execute("SELECT queue, id, due, owner FROM jobs WHERE finished = 0").fetchall()
        ends = {
            name: max(0, _newest(connection, number * SPAN) - number * SPAN)
            for number, name in connection.execute("SELECT number, name FROM streams").fetchall()
        }
    finally:
        connection.close()
    return Standing(
        {(consumer, stream): offset for consumer, stream, offset in positions}, tuple(map(Job._make, jobs)), ends
    )


def _newest(connection: sqlite3.Connection, first: int) -> int:
    newest = "SELECT coalesce(max(place + count - 1), 0) FROM batches WHERE place BETWEEN ? AND ?"
    return int(connection.execute(newest, (first, first + SPAN - 1)).fetchone()[0])


def _shared(settings: Mapping[str, str]) -> Standing:
    search_path = f"-c search_path=tocsin_{settings['tenant']}"
    with psycopg.connect(settings["postgres"], autocommit=True, connect_timeout=5, options=search_path) as connection:
        positions = connection.execute('SELECT consumer, stream, "offset" FROM positions').fetchall()
        jobs = connection.execute("SELECT queue, id, due, owner FROM jobs WHERE NOT finished").fetchall()
        [[outbox]] = connection.execute("SELECT count(*) FROM outbox").fetchall()
    ends = asyncio.run(_ends(settings["kafka"], settings["tenant"]))
    return Standing(
        {(consumer, stream): offset for consumer, stream, offset in positions},
        tuple(map(Job._make, jobs)),
        ends,
        outbox,
    )


async def _ends(kafka: str, tenant: str) -> dict[str, int]:
    partitions = {TopicPartition(f"tocsin.{tenant}.{stream}", 0): stream for stream in (INPUTS, DECISIONS)}
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, request_timeout_ms=5_000)
    try:
        await consumer.start()
        async with asyncio.timeout(10):
            return {partitions[at]: end for at, end in (await consumer.end_offsets(list(partitions))).items()}
    except TimeoutError as error:
        raise NotNow("no broker says where the streams end") from error
    finally:
        await consumer.stop()


_FOLLOWERS = {INPUTS: ("triage", "act", "record"), DECISIONS: ("investigate", "act", "record")}


def waiting(folder: Path) -> tuple[list[str], list[str]]:
    """What is still to be done: at once, and later (jobs that were put off, positions that lag). Raises NotNow."""
    found, now = standing(folder), SystemClock().now()
    at_once = [f"{found.outbox} records in the outbox"] if found.outbox else []
    later: list[str] = []
    for job in found.jobs:
        (later if job.due > now and not job.owner else at_once).append(f"job {job.queue}/{job.id}")
    for stream, consumers in _FOLLOWERS.items():
        for consumer in consumers:
            if found.positions.get((consumer, stream), 0) < found.ends.get(stream, 0):
                # These two write down now and then only how far they are.
                (later if consumer in ("act", "record") else at_once).append(f"{consumer} in {stream}")
    return at_once, later
