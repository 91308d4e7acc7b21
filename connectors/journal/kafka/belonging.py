"""Whether topics and database belong together: that neither was made anew, nor brought back older than the other.

Offsets and numbers are what everything else is counted by. Were they to begin again below what is known, records would be taken for
ones that were read long ago, or for repeats: they would be lost without a word. So nothing goes on then.
"""

from typing import NamedTuple

from connectors.journal.kafka.cursors import Cursors, refuse_gone
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.topics import Topics
from connectors.ports.journal import JournalError


class Compared(NamedTuple):
    """A stream's topic, and what the database knows of it; they belong together."""

    identity: str
    """The id of the topic; empty when the broker tells none and none was known."""
    end: int
    """Kafka's offset after the last message."""
    number: int
    """The last number of the outbox that stands in the topic."""
    committed: int
    """The last number that a unit of work was given."""


async def published(database: Database, topics: Topics, cursors: Cursors, stream: str) -> tuple[str, int]:
    """The id of a stream's topic, and the last number of the outbox that stands there, once it is sure that the topic is the one that
    was there from the beginning, and not newer than the database nor older than what was read from it.

    Raises JournalError saying what was found and what to do; Unavailable.
    """
    identity = await topics.identity(stream)
    await database.rows("UPDATE streams SET topic_id = %s WHERE name = %s AND topic_id = ''", (identity or "", stream))
    found = await compared(database, topics, cursors, stream)
    return found.identity, found.number


async def compared(database: Database, topics: Topics, cursors: Cursors, stream: str) -> Compared:
    """What `published` asks, changing nothing. Raises as it does."""
    name, identity = topics.partition(stream).topic, await topics.identity(stream)
    known = await expected(database, stream)
    if identity is not None and known and identity != known:
        raise JournalError(refuse_anew(name, identity, known, database.schema, stream))
    # Asked first: others read on meanwhile, and the end only grows.
    read = await known_end(database, stream)
    end = await cursors.end(stream)
    if read > end:
        raise JournalError(str(refuse_gone(name, end, read)))
    number = (await cursors.reckoned(stream, end)).number
    # Asked last: what stands in the topic was committed before.
    committed = await last_number(database, stream)
    if committed < number:
        raise JournalError(refuse_older(name, committed, number))
    return Compared(known or identity or "", end, number, committed)


async def expected(database: Database, stream: str) -> str:
    """The id of the topic that the stream began in; empty when it is not known."""
    rows = await database.rows("SELECT topic_id FROM streams WHERE name = %s", (stream,))
    return str(rows[0][0]) if rows else ""


async def last_number(database: Database, stream: str) -> int:
    """The last number that a unit of work was given."""
    rows = await database.rows("SELECT number FROM streams WHERE name = %s", (stream,))
    return int(rows[0][0]) if rows else 0


async def known_end(database: Database, stream: str) -> int:
    """How far somebody is known to have come."""
    [(end,)] = await database.rows(
        """SELECT greatest((SELECT max("offset") FROM marks WHERE stream = %(stream)s),
                           (SELECT max("offset") FROM positions WHERE stream = %(stream)s), 0)""",
        {"stream": stream},
    )
    return int(end)


def refuse_anew(topic: str, found: str, known: str, schema: str, stream: str) -> str:
    """Another topic has its name."""
    return (
        f"the topic {topic!r} has the id {found!r}, this journal began in {known!r}: it was deleted and made anew. What stood in the old one"
        f" and was not read yet is lost here (the ledger keeps what was recorded), and nothing is read from or written to the new one."
        f" Begin a new tenant; or, if you have restored the topic with its offsets, say so: empty the topic_id of {stream!r} in"
        f" the table {schema}.streams"
    )


def refuse_older(topic: str, committed: int, number: int) -> str:
    """The database was brought back from before what the topic holds."""
    return (
        f"PostgreSQL is older than the topic {topic!r}: it has given numbers up to {committed!r}, and {number!r} stands in the topic. An older"
        f" dump was restored under a newer topic; what would be decided now would be taken for repeats and lost, so nothing is decided."
        f" Restore database and topics of one moment, or begin a new tenant"
    )
