"""The tables of the journal file, as the newest migration leaves them.

A row of `batches` is what one commit appended to one stream; its primary key `place` is the stream's number and the first offset in
one integer, so that appending and reading in order need no second index.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.sql import ClauseElement

SPAN = 1 << 40
"""Offsets a stream may have: `place` = number of the stream * SPAN + offset."""

metadata = MetaData()

streams = Table(
    "streams",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("floor", BigInteger, nullable=False, server_default=text("0"), comment="the last offset dropped"),
    Column("floor_at", BigInteger, nullable=False, server_default=text("0"), comment="when that one was accepted"),
    UniqueConstraint("name"),
)

batches = Table(
    "batches",
    metadata,
    Column("place", Integer, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("frames", LargeBinary, nullable=False, comment="see framing.py"),
)

keys = Table(
    "keys",
    metadata,
    Column("stream", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("stream", "key", "offset"),
    sqlite_with_rowid=False,
)

spaces = Table(
    "spaces",
    metadata,
    Column("space", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("space", "key"),
)

positions = Table(
    "positions",
    metadata,
    Column("consumer", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    PrimaryKeyConstraint("consumer", "stream"),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    Column("owner", Text, nullable=False, comment="empty: free"),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False, comment="empty once finished"),
    Column("due", BigInteger, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("attempt", BigInteger, nullable=False, server_default=text("0"), comment="also the token of its lease"),
    Column("owner", Text, nullable=False, server_default=text("''"), comment="empty: not held"),
    Column("free_at", BigInteger, nullable=False, comment="due, or while held the end of the lease"),
    Column("finished", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("queue", "id"),
    Index("jobs_open", "queue", text("priority DESC"), "due", "seq", sqlite_where=text("finished = 0")),
)

_DIALECT = SQLiteDialect(paramstyle="named")


def sql(statement: ClauseElement) -> str:
    """A Core statement as text with `:name` parameters, compiled once, to be run on a bare connection."""
    return str(statement.compile(dialect=_DIALECT))
