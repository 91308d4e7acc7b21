"""How the work on a journal stands: how far behind each consumer is, who holds which lease, and since when."""

from dataclasses import dataclass

from connectors.journal.kafka.cursors import Cursors
from connectors.journal.kafka.database import Database

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Lag:
    """A consumer of a stream has so many entries before it."""

    consumer: str
    stream: str
    entries: int


@dataclass(frozen=True, slots=True)
class Held:
    """A lease (of jobs there are none here): `owner` is empty when nobody has it, `left_s` negative when it ran out unnoticed."""

    name: str
    owner: str
    age_s: float
    left_s: float
    takeovers: int


async def lags(database: Database, cursors: Cursors) -> list[Lag]:
    """By consumer and stream. Raises Unavailable."""
    rows = await database.rows('SELECT consumer, stream, "offset" FROM positions ORDER BY consumer, stream')
    heads = {stream: await cursors.end(stream) for stream in {stream for _, stream, _ in rows}}
    return [Lag(consumer, stream, max(0, heads[stream] - offset)) for consumer, stream, offset in rows]


async def held(database: Database, now: int) -> list[Held]:
    """By name; `now` is journal time. Raises Unavailable."""
    rows = await database.rows("SELECT name, owner, token, since, expires_at FROM leases ORDER BY name")
    return [
        Held(
            name,
            owner,
            (now - since) / _SECOND if owner and since else 0.0,
            (until - now) / _SECOND if owner else 0.0,
            token - 1,
        )
        for name, owner, token, since, until in rows
    ]
