"""Reading rows and positions."""

from connectors.journal.kafka.database import Database


async def position(database: Database, consumer: str, stream: str) -> int:
    found = await database.rows(
        'SELECT "offset" FROM positions WHERE consumer = %s AND stream = %s', (consumer, stream)
    )
    return found[0][0] if found else 0


async def get(database: Database, space: str, key: str) -> bytes | None:
    found = await database.rows("SELECT value FROM spaces WHERE space = %s AND key = %s", (space, key))
    return found[0][0] if found else None


async def scan(
    database: Database, space: str, prefix: str, after: str | None, limit: int | None
) -> list[tuple[str, bytes]]:
    """Keys compare by code point (collation C)."""
    found = await database.rows(
        """SELECT key, value FROM spaces
           WHERE space = %s AND key >= %s AND (%s::text IS NULL OR key < %s) AND (%s::text IS NULL OR key > %s)
           ORDER BY key LIMIT %s""",
        (space, prefix, (beyond := _beyond(prefix)), beyond, after, after, limit),
        binary=True,
    )
    return [(key, value) for key, value in found]


async def added(database: Database, space: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Rows of a space behind a place, in the order in which they were made: an update leaves a row where it is."""
    found = await database.rows(
        "SELECT added, value FROM spaces WHERE space = %s AND added > %s ORDER BY added LIMIT %s", (space, after, limit)
    )
    return [(place, value) for place, value in found]


def _beyond(prefix: str) -> str | None:
    """The least text above everything that begins so; None when there is none."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if following == 0xD800:
            following = 0xE000  # what lies between stands for no character
        if following <= 0x10FFFF:
            return prefix[:place] + chr(following)
    return None
