"""The steps that lead from an empty database to the tables of today; a step that was released is never changed.

Each tenant has a schema of its own, so that no statement names the tenant and none can reach another's rows.
"""

from typing import LiteralString

from psycopg import AsyncConnection, sql

from connectors.ports.journal import JournalError

MIGRATIONS: tuple[tuple[LiteralString, ...], ...] = (
    (
        """CREATE TABLE streams (name text COLLATE "C" PRIMARY KEY, number bigint NOT NULL DEFAULT 0)""",
        """CREATE TABLE outbox (stream text COLLATE "C" NOT NULL, number bigint NOT NULL, at bigint NOT NULL, kind text NOT NULL,
           key text NOT NULL, payload bytea NOT NULL, trace bytea, PRIMARY KEY (stream, number))""",
        """CREATE TABLE keys (stream text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, number bigint NOT NULL,
           PRIMARY KEY (stream, key, number))""",
        """CREATE TABLE marks (stream text COLLATE "C" NOT NULL, "offset" bigint NOT NULL, floor bigint NOT NULL,
           number bigint NOT NULL, PRIMARY KEY (stream, "offset"))""",
        "CREATE INDEX marks_floor ON marks (stream, floor)",
        """CREATE TABLE spaces (space text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value bytea NOT NULL,
           PRIMARY KEY (space, key))""",
        """CREATE TABLE positions (consumer text COLLATE "C" NOT NULL, stream text COLLATE "C" NOT NULL,
           "offset" bigint NOT NULL, epoch bigint NOT NULL, PRIMARY KEY (consumer, stream))""",
        """CREATE TABLE leases (name text COLLATE "C" PRIMARY KEY, owner text NOT NULL, token bigint NOT NULL,
           expires_at bigint NOT NULL)""",
        """CREATE TABLE jobs (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text COLLATE "C" NOT NULL,
           id text COLLATE "C" NOT NULL, payload bytea NOT NULL, due bigint NOT NULL, priority bigint NOT NULL,
           attempt bigint NOT NULL DEFAULT 0, owner text NOT NULL DEFAULT '', free_at bigint NOT NULL,
           finished boolean NOT NULL DEFAULT false, UNIQUE (queue, id))""",
        "CREATE INDEX jobs_open ON jobs (queue, priority DESC, due, seq) WHERE NOT finished",
    ),
    ("""CREATE TABLE attempts (process text COLLATE "C" PRIMARY KEY, number bigint NOT NULL)""",),
    (
        "ALTER TABLE spaces ADD COLUMN added bigint GENERATED ALWAYS AS IDENTITY",
        "CREATE INDEX spaces_added ON spaces (space, added)",
    ),
    (
        "ALTER TABLE leases ADD COLUMN since bigint NOT NULL DEFAULT 0",
        """CREATE TABLE processes (owner text COLLATE "C" PRIMARY KEY, version text NOT NULL, ahead bigint NOT NULL,
           seen_at bigint NOT NULL)""",
    ),
    ("ALTER TABLE streams ADD COLUMN topic_id text NOT NULL DEFAULT ''",),
    ("CREATE TABLE compatible (oldest bigint NOT NULL)",),
)
"""Step N brings a tenant's schema to version N (table `version`)."""
OLDEST = 6
"""A program that knows the tables up to this version can work on today's beside us (table `compatible`): steps since then only added what it
passes over. Raised by no more than what the release before knew, so that the processes of two releases can be mixed."""

_LOCK = 0x746F6373696E  # "tocsin": one migration at a time in one database


async def migrate(connection: AsyncConnection[tuple[object, ...]], schema: str) -> int:
    """Bring a tenant's tables up to date in one transaction; returns their version. Processes may call it at once: one works, the
    others wait for it and find nothing to do.

    Raises JournalError when a newer Tocsin made the tables and did not leave them fit for this one, psycopg.Error when they cannot be
    made.
    """
    newest = len(MIGRATIONS)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        await connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        await connection.execute("CREATE TABLE IF NOT EXISTS version (number bigint NOT NULL)")
        row = await (await connection.execute("SELECT coalesce(max(number), 0) FROM version")).fetchone()
        found = int(str(row[0])) if row else 0
        if found > newest:
            if newest >= await oldest(connection):
                return found
            raise JournalError(
                f"schema {schema!r} has version {found!r}, this Tocsin knows up to {newest!r}: use the newer Tocsin that made it"
            )
        for number, step in enumerate(MIGRATIONS[found:], found + 1):
            for statement in step:
                await connection.execute(statement)
            await connection.execute("INSERT INTO version (number) VALUES (%s)", (number,))
        if found < newest:
            await connection.execute("DELETE FROM compatible")
            await connection.execute("INSERT INTO compatible (oldest) VALUES (%s)", (OLDEST,))
    return newest


async def oldest(connection: AsyncConnection[tuple[object, ...]]) -> int:
    """Which tables a program must know at least to work on those of the connection's schema."""
    row = await (await connection.execute("SELECT max(oldest) FROM compatible")).fetchone()
    return int(str(row[0])) if row else 0
