"""Dropping what is old and passed by everybody: the broker deletes below an offset, which costs it nothing."""

from connectors.journal.kafka import marks
from connectors.journal.kafka.database import Database
from connectors.journal.kafka.streams import Streams
from connectors.journal.kafka.topics import Topics

PAGE = 1_000


async def drop(database: Database, topics: Topics, streams: Streams, stream: str, before: int) -> int:
    """As the port's `retain`. A mark is kept where the stream begins from now on, as what led to it will be gone."""
    tail = await streams.tail(stream)
    if tail is None:
        return 0
    low, end = await streams.cursors.start(stream), await streams.cursors.end(stream)
    passed = await _passed(database, stream)
    most = end if passed is None else min(end, passed)
    upto = await _accepted_before(database, streams, stream, before, low, most)
    if upto <= low:
        return 0
    reached = await streams.cursors.reckoned(stream, upto)
    await marks.keep(database, stream, reached)
    await topics.delete_before(stream, upto)
    tail.drop(upto)
    await streams.cursors.leave(stream, upto)
    await marks.forget_before(database, stream, upto)
    await database.rows("DELETE FROM keys WHERE stream = %s AND number <= %s", (stream, reached.number))
    return upto - low


async def _passed(database: Database, stream: str) -> int | None:
    """The offset every consumer is done with; None when there is no consumer."""
    [(least,)] = await database.rows(
        'SELECT min("offset") FROM positions WHERE stream = %s AND "offset" > 0', (stream,)
    )
    return None if least is None else int(least)


async def _accepted_before(database: Database, streams: Streams, stream: str, before: int, low: int, most: int) -> int:
    """The journal's offset of the last entry up to `most` that was accepted before `before`."""
    upto = max(low, min(most, (await marks.before_moment(database, stream, before)).next))
    while upto < most:
        entries = await streams.read(stream, upto, min(PAGE, most - upto))
        old = [entry for entry in entries if entry.accepted_at < before]
        if old:
            upto = old[-1].offset
        if not old or len(old) < len(entries):
            break
    return upto
