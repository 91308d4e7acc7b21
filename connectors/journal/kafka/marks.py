"""Marks: how far the reckoning of a stream had come at some offsets, so that nobody has to begin at the beginning.

What a mark says follows from the stream alone, so whoever gets there first writes it, and all would write the same.
"""

from connectors.journal.kafka.database import Database
from connectors.journal.kafka.wire import Reckoning

EVERY = 2_000
"""Offsets between two marks: so many messages at most are read again to know where one stands."""


async def keep(database: Database, stream: str, reckoning: Reckoning) -> None:
    """Raises Busy, Unavailable; the mark is then left to the next reader."""
    await database.rows(
        'INSERT INTO marks (stream, "offset", floor, number) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING',
        (stream, reckoning.next, reckoning.floor, reckoning.number),
    )


async def at_or_before(database: Database, stream: str, offset: int) -> Reckoning:
    """The nearest at or before Kafka's `offset`; the beginning when there is none."""
    found = await database.rows(
        'SELECT "offset", floor, number FROM marks WHERE stream = %s AND "offset" <= %s ORDER BY "offset" DESC LIMIT 1',
        (stream, offset),
    )
    return Reckoning(*found[0]) if found else Reckoning()


async def before_moment(database: Database, stream: str, moment: int) -> Reckoning:
    """The last before which everything was accepted before `moment`."""
    found = await database.rows(
        'SELECT "offset", floor, number FROM marks WHERE stream = %s AND floor < %s ORDER BY floor DESC, "offset" DESC LIMIT 1',
        (stream, moment),
    )
    return Reckoning(*found[0]) if found else Reckoning()


async def before_number(database: Database, stream: str, number: int) -> Reckoning:
    """The last before which stands a lower number of the outbox than `number`."""
    found = await database.rows(
        'SELECT "offset", floor, number FROM marks WHERE stream = %s AND number < %s ORDER BY "offset" DESC LIMIT 1',
        (stream, number),
    )
    return Reckoning(*found[0]) if found else Reckoning()


async def forget_before(database: Database, stream: str, offset: int) -> None:
    """What is below has been dropped from the stream."""
    await database.rows('DELETE FROM marks WHERE stream = %s AND "offset" < %s', (stream, offset))
