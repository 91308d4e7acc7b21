"""Looking whether brokers and database are as the journal needs them, without changing anything there."""

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

import psycopg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from psycopg import sql

from connectors.journal.kafka.belonging import compared
from connectors.journal.kafka.cursors import Cursors
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.following import TOLERATED_S
from connectors.journal.kafka.migrations import MIGRATIONS, oldest
from connectors.journal.kafka.presence import present
from connectors.journal.kafka.standing import held
from connectors.journal.kafka.topics import Topics
from connectors.ports.brokers import Brokers, CertificatesUnreadable
from connectors.ports.clock import Clock
from connectors.ports.journal import DECISIONS, INPUTS, Busy, JournalError, Unavailable

UNATTENDED_S = 30.0
"""A lease that ran out so long ago has nobody who stands by."""
_EACH = 10
"""Connections of one process, with those it makes for a moment."""
_SECOND = 1_000_000


class Look(NamedTuple):
    """One thing that was looked at; `fix` says what to do about a fault."""

    grade: Literal["ok", "note", "fault"]
    about: str
    found: str
    fix: str = ""


async def examine_servers(
    brokers: Brokers, postgres_url: str, *, clock: Clock, tenant: str, replicas: int
) -> AsyncIterator[Look]:
    """Everything that can be seen from this machine. Raises nothing of its own: what cannot be reached is a fault that is told."""
    database = Database(postgres_url, f"tocsin_{tenant}", most=2)
    try:
        known: list[str] | None = None
        try:
            async for look in _database(database, clock):
                yield look
            tables = await _version(database)
            if tables == 0:
                known = []
                yield Look("note", "tables", f"schema {database.schema!r} is not there; the first start makes it")
            elif tables > len(MIGRATIONS):
                yield await _newer(database, tables)
            elif tables < len(MIGRATIONS):
                found = f"schema {database.schema!r} has version {tables} of {len(MIGRATIONS)}"
                yield Look("note", "tables", f"{found}; the next start of this version brings it up to date")
            else:
                yield Look("ok", "tables", f"schema {database.schema!r}, version {tables}")
                known = [name for (name,) in await database.rows("SELECT name FROM streams")]
                async for look in _work(database):
                    yield look
        except (Unavailable, Busy, psycopg.Error) as error:
            yield Look("fault", "database", str(error), "check journal.postgres, and that this machine is let in")
        async for look in _brokers(brokers, database, tenant, replicas, known):
            yield look
    finally:
        await database.close()


async def _database(database: Database, clock: Clock) -> AsyncIterator[Look]:
    [(version, most, used, lasting, path)] = await database.rows(
        """SELECT current_setting('server_version'), current_setting('max_connections')::int,
             (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
             current_setting('synchronous_commit'), current_setting('search_path')"""
    )
    free = most - used
    yield Look("ok", "database", f"PostgreSQL {version}, {used} of {most} connections in use")
    if free < _EACH:
        yield Look(
            "fault",
            "connections",
            f"{free} are free, a process needs up to {_EACH}",
            "raise max_connections, or run less",
        )
    if lasting in ("off", "local"):
        yield Look(
            "fault",
            "durability",
            f"synchronous_commit is {lasting!r}: what was decided may be lost with a machine",
            "set synchronous_commit to on for this user or database",
        )
    if path.strip('"') != database.schema:
        yield Look(
            "fault",
            "pooler",
            "a setting of one statement does not hold for the next: a pooler in transaction mode stands between",
            "connect to PostgreSQL itself, or to a pooler in session mode",
        )
    before = clock.now()
    shared = await database.clock()
    ahead = ((before + clock.now()) / 2 - shared) / _SECOND
    told = f"this machine's is {abs(ahead):.3f} s {'ahead of' if ahead >= 0 else 'behind'} the database's"
    if abs(ahead) > TOLERATED_S:
        yield Look(
            "fault", "clock", told, "set it right (NTP): log lines and other programs' times are compared with it"
        )
    else:
        yield Look("ok", "clock", told)


async def _newer(database: Database, tables: int) -> Look:
    found = f"schema {database.schema!r} has version {tables}, this Tocsin knows up to {len(MIGRATIONS)}"
    async with database.connection() as connection:
        fit = len(MIGRATIONS) >= await oldest(connection)
    if fit:
        return Look("note", "tables", f"{found} and can work beside the newer one that made it", "finish the upgrade")
    return Look("fault", "tables", found, "use the newer Tocsin that made it")


async def _version(database: Database) -> int:
    there = await database.rows("SELECT to_regclass(%s) IS NOT NULL", (f"{database.schema}.version",))
    if not there[0][0]:
        return 0
    async with database.connection() as connection:
        cursor = await connection.execute(
            sql.SQL("SELECT coalesce(max(number), 0) FROM {}").format(sql.Identifier(database.schema, "version"))
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _work(database: Database) -> AsyncIterator[Look]:
    now = await database.clock()
    there = await present(database, now)
    if not there:
        yield Look("note", "processes", "none works on this journal at present")
    for version in sorted({each.version for each in there}):
        names = [each.owner.rpartition("/")[0] for each in there if each.version == version]
        yield Look("ok", "processes", f"{len(names)} of version {version}: {', '.join(names)}")
    if len({each.version for each in there}) > 1:
        yield Look(
            "note", "versions", "several are at work", "finish the upgrade; versions may be mixed for one release"
        )
    for each in there:
        if abs(each.ahead_s) > TOLERATED_S:
            off = f"that of {each.owner.rpartition('/')[0]} is {each.ahead_s:+.1f} s off the database's"
            yield Look("fault", "clock", off, "set it right there (NTP)")
    for lease in await held(database, now):
        if lease.owner and lease.left_s < -UNATTENDED_S:
            found = f"{lease.name!r} of {lease.owner!r} ran out {-lease.left_s:.0f} s ago and nobody took it"
            yield Look("fault", "lease", found, "start a process of that role; one more stands by")
        else:
            by = f"held by {lease.owner} for {lease.age_s:.0f} s" if lease.owner else "held by nobody"
            yield Look(
                "ok",
                "lease",
                f"{lease.name!r} {by}, taken over {lease.takeovers} time{'' if lease.takeovers == 1 else 's'}",
            )
    [(waiting,)] = await database.rows("SELECT count(*) FROM outbox")
    yield Look("ok" if waiting < 1_000 else "note", "outbox", f"{waiting} decided records wait to be published")


async def _brokers(
    brokers: Brokers, database: Database, tenant: str, replicas: int, known: list[str] | None
) -> AsyncIterator[Look]:
    """`known`: the streams of the database; None when it could not be asked."""
    fix = "check journal.kafka and journal.security, and that this machine reaches every broker by the name it tells"
    try:
        admin = AIOKafkaAdminClient(**brokers.options(), client_id=f"tocsin-{tenant}", request_timeout_ms=10_000)
    except CertificatesUnreadable as error:
        yield Look("fault", "brokers", f"journal.{error}", "name a file that can be read")
        return
    topics = Topics(brokers, tenant=tenant, replicas=replicas, client_id=f"tocsin-{tenant}")
    cursors = Cursors(brokers, topics, database, client_id=f"tocsin-{tenant}", looking=True)
    try:
        await admin.start()
        count = len((await admin.describe_cluster())["brokers"])
        if count < replicas:
            found = f"{count} at {brokers}, journal.replicas asks for {replicas} copies"
            yield Look("fault", "brokers", found, "add brokers, or set journal.replicas lower")
        else:
            yield Look("ok", "brokers", f"{count} at {brokers}")
        for stream in (INPUTS, DECISIONS):
            yield await _topic(admin, topics, stream, made=stream in (known or ()))
            if known is not None and await topics.exists(stream):
                yield await _belonging(database, topics, cursors, stream, made=stream in known)
    except (KafkaError, OSError, Unavailable) as error:
        yield Look("fault", "brokers", f"Kafka at {brokers} cannot be used: {str(error) or type(error).__name__}", fix)
    finally:
        await admin.close()
        await cursors.close()
        await topics.close()


async def _topic(admin: AIOKafkaAdminClient, topics: Topics, stream: str, *, made: bool) -> Look:
    name = topics.partition(stream).topic
    if not await topics.exists(stream):
        if made:
            return Look("fault", "topic", f"{name} is gone, with what it held", "bring it back, or begin a new tenant")
        return Look("note", "topic", f"{name} is not there; the first start makes it")
    try:
        await topics.check(stream)
    except JournalError as error:
        return Look("fault", "topic", str(error), "set it up as said, then look again")
    [told] = await admin.describe_topics([name])
    [partition] = told["partitions"]
    copies, alive = len(partition["replicas"]), len(partition["isr"])
    found = f"{name}: {alive} of {copies} copies are in step"
    if alive < copies:
        return Look("fault", "topic", found, "see to the broker that is away")
    return Look("ok", "topic", found)


async def _belonging(database: Database, topics: Topics, cursors: Cursors, stream: str, *, made: bool) -> Look:
    """Whether the topic is the one that the database knows, and of the same age."""
    name = topics.partition(stream).topic
    try:
        if not made:
            return _stranger(name, stream, await cursors.end(stream))
        found = await compared(database, topics, cursors, stream)
    except (Unavailable, Busy) as error:
        return Look("fault", "belonging", f"{name} could not be compared with the database: {error}", "look again")
    except JournalError as error:
        return Look("fault", "belonging", str(error), "docs/backup.md says which way back there is")
    told = f"{name} has the id {found.identity}, as at its beginning, and holds {found.end} records"
    if stream == DECISIONS:
        told += f"; decided up to number {found.committed}, published up to {found.number}"
    return Look("ok", "belonging", told)


def _stranger(name: str, stream: str, end: int) -> Look:
    """A topic that is not known in the database."""
    found = f"{name} holds {end} records, and the database knows nothing of them"
    if not end:
        return Look("note", "belonging", f"{name} is empty; the first start takes it")
    if stream == INPUTS:
        return Look("note", "belonging", f"{found}; the first start takes them for new")
    return Look("fault", "belonging", found, "restore the database that belongs to them, or begin a new tenant")
