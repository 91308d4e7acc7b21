"""Opening the journal: tables and topics made or checked, clocks compared, then the tasks that keep it going."""

import os
import re
import socket
import uuid
from contextlib import AsyncExitStack

import psycopg

from connectors.journal.kafka.appender import Appender
from connectors.journal.kafka.belonging import published
from connectors.journal.kafka.committer import Committer
from connectors.journal.kafka.cursors import Cursors
from connectors.journal.kafka.database import BROKEN, Database
from connectors.journal.kafka.following import ClockFollower
from connectors.journal.kafka.journal import KafkaJournal
from connectors.journal.kafka.migrations import migrate
from connectors.journal.kafka.notices import Notices
from connectors.journal.kafka.presence import Presence
from connectors.journal.kafka.relay import Relay
from connectors.journal.kafka.streams import Streams
from connectors.journal.kafka.subscriptions import Subscriptions
from connectors.journal.kafka.time import JournalTime
from connectors.journal.kafka.topics import Topics, gone
from connectors.journal.kafka.waiters import Waiters
from connectors.ports.brokers import Brokers, CertificatesUnreadable, Security
from connectors.ports.clock import Clock
from connectors.ports.journal import DECISIONS, INPUTS, JournalError, Unavailable

QUEUED_MOST = 10_000
QUEUED_BYTES = 64 << 20
TAIL_BYTES = 16 << 20
CONNECTIONS = 8
_TENANT = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")


async def open_kafka_journal(
    kafka_url: str,
    postgres_url: str,
    *,
    clock: Clock,
    security: Security | None = None,
    version: str = "",
    tenant: str = "default",
    replicas: int = 1,
    connections: int = CONNECTIONS,
    queued_most: int = QUEUED_MOST,
    queued_bytes: int = QUEUED_BYTES,
    tail_bytes: int = TAIL_BYTES,
    shared_clock: bool = True,
) -> KafkaJournal:
    """Open a tenant's journal, or make it: `kafka_url` names brokers (`HOST:PORT,...`), `postgres_url` a database
    (`postgresql://...`), `security` how brokers and processes know each other (plain connections without), `version` what this
    process tells the others of itself (nothing: it only looks). Any number of processes open the same at once.

    Topics are made with `replicas` copies; their `min.insync.replicas` is one less (durable against the loss of a machine from 3 on).
    At most `queued_most` appends or `queued_bytes` wait to be published before Busy; `tail_bytes` of the newest entries of each stream
    that is read stay in memory. `shared_clock`: journal time is the database's, carried on by this machine's monotonic clock;
    otherwise it is `clock`'s, which then has to be right on all machines.

    Raises Unavailable when brokers or database cannot be reached (they are not waited for: open again); JournalError when a topic
    is set up wrongly, the tables were made by a newer Tocsin or certificates cannot be read; ValueError for a tenant's name that is none.
    """
    if not _TENANT.fullmatch(tenant):
        raise ValueError(
            f"tenant {tenant!r}: lower-case letters, digits and '_', at most 40, not beginning with '_', as it names topics and tables"
        )
    brokers = Brokers.at(kafka_url, security)
    try:
        brokers.options()
    except CertificatesUnreadable as error:
        raise JournalError(f"journal.{error}") from error
    owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
    client_id = f"tocsin-{tenant}"
    async with AsyncExitStack() as undo:
        database = Database(postgres_url, f"tocsin_{tenant}", most=connections)
        undo.push_async_callback(database.close)
        await _migrate(database)
        time, waiters = JournalTime(clock), Waiters()
        following = ClockFollower(database, time)
        undo.push_async_callback(following.close)
        if shared_clock:
            await following.start()
        topics = Topics(brokers, tenant=tenant, replicas=replicas, client_id=client_id)
        undo.push_async_callback(topics.close)
        await _make_topics(database, topics)
        appender = Appender(brokers, topics, time, client_id=client_id, most=queued_most, most_bytes=queued_bytes)
        undo.push_async_callback(appender.close)
        committer = Committer(database, time, waiters, most=2 * queued_most)
        undo.push_async_callback(committer.close)
        cursors = Cursors(brokers, topics, database, client_id=client_id)
        subscriptions = Subscriptions(brokers, client_id=client_id)
        streams = Streams(topics, cursors, subscriptions, database, time, waiters, committer, tail_bytes=tail_bytes)
        undo.push_async_callback(streams.close)
        for stream in (INPUTS, DECISIONS):
            streams.identities[stream], number = await published(database, topics, cursors, stream)
            committer.saw(stream, number)
        relay = Relay(database, committer, appender, streams, time, owner=owner)
        notices = Notices(database, waiters, relay.wake)
        presence = Presence(database, time, following, owner=owner, version=version)
        if version:
            presence.start()
        undo.pop_all()
        return KafkaJournal(
            database, topics, appender, committer, streams, relay, notices, following, presence, time, waiters
        )


async def _migrate(database: Database) -> None:
    connection = await database.connect()
    try:
        await migrate(connection, database.schema)
    except BROKEN as error:
        raise Unavailable(f"the tables could not be made in PostgreSQL: {error}") from error
    except psycopg.Error as error:
        raise Unavailable(
            f"the tables could not be made in PostgreSQL: {error}; the user needs the right to create a schema in this database"
        ) from error
    finally:
        await connection.close()


async def _make_topics(database: Database, topics: Topics) -> None:
    """A stream that is known in the database is not made again: were its topic gone, that would hide it."""
    known = {name for (name,) in await database.rows("SELECT name FROM streams")}
    for stream in (INPUTS, DECISIONS):
        if stream in known and not await topics.exists(stream):
            raise Unavailable(gone(topics.partition(stream).topic), retry_after_s=10.0)
        await topics.ensure(stream)
        await database.rows("INSERT INTO streams (name) VALUES (%s) ON CONFLICT DO NOTHING", (stream,))
