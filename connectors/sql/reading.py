"""Running one statement that can only read: a read-only transaction, a time limit, a limit of rows, and always a rollback.

`engine` is what a statement is written for: `:name` placeholders are SQLite's own, and become psycopg's for PostgreSQL.
"""

import asyncio
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.reading import text
from connectors.ports.tool import ToolFailed
from connectors.sql.settings import Database, Scalar

CELL = 500
"""Characters of a value that are shown."""


class Rows(Answer):
    """Rows of one statement. `complete` False: there are more than are read."""

    database: str
    statement: str = Field(description="The query's name, or what was read from a table")
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `:name` for each value. Text of the SQL never comes from a question: from the settings, or composed of quoted names."""

    sql: str
    values: Mapping[str, Scalar | datetime]
    ours: bool = False
    """A constant of this package: SQLite's table of columns looks like a write to its authorizer."""


async def run(name: str, database: Database, statement: Statement, shown: str) -> Rows:
    """Raises ToolFailed with the database's own words."""
    try:
        async with asyncio.timeout(database.timeout_s + 5):
            if database.file is not None:
                columns, rows = await _in_sqlite(database.file, statement, database)
            else:
                columns, rows = await _in_postgres(database, statement)
    except TimeoutError as error:
        raise ToolFailed(
            f"asked {name!r} for {shown}: no answer within {database.timeout_s:g} s; narrow the question"
        ) from error
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        said = " ".join(str(error).split())[:500]
        raise ToolFailed(f"asked {name!r} for {shown}: {type(error).__name__}: {said}") from error
    return Rows(
        database=name,
        statement=shown,
        columns=tuple(columns),
        rows=tuple(tuple(_cell(value) for value in row) for row in rows[: database.most_rows]),
        complete=len(rows) <= database.most_rows,
    )


async def answers(name: str, database: Database) -> str:
    """That it can be read. Raises ToolFailed."""
    await run(name, database, Statement("SELECT 1", {}), "1")
    kind = "the SQLite file" if database.file is not None else "PostgreSQL"
    return f"{kind} answers; {len(database.queries)} queries, {len(database.tables)} tables"


# ------------------------------------------------------------------------------------------------------------- PostgreSQL


async def _in_postgres(database: Database, statement: Statement) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    assert database.url is not None  # noqa: S101 - the settings have one or the other
    limits = f"-c default_transaction_read_only=on -c statement_timeout={round(database.timeout_s * 1000)} -c lock_timeout=1000"
    connection = await psycopg.AsyncConnection.connect(
        database.url.get_secret_value(), connect_timeout=5, options=limits, application_name="tocsin"
    )
    try:
        await connection.set_read_only(True)
        async with connection.cursor() as cursor:
            # Prepared: a statement that hides a second one (`...; COMMIT; DELETE ...`) is refused by the server.
            await cursor.execute(_psycopg(statement), dict(statement.values), prepare=True)
            columns = [each.name for each in cursor.description or ()]
            rows = await cursor.fetchmany(database.most_rows + 1) if cursor.description else []
    finally:
        await connection.rollback()
        await connection.close()
    return columns, rows


def _psycopg(statement: Statement) -> str:
    """`:name` as `%(name)s`, for the names there are values for; a cast (`::`) is left alone."""
    escaped = statement.sql.replace("%", "%%")
    for name in statement.values:
        escaped = re.sub(rf"(?<!:):{name}\b", f"%({name})s", escaped)
    return escaped


# ------------------------------------------------------------------------------------------------------------- SQLite

_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


async def _in_sqlite(
    file: Path, statement: Statement, database: Database
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    address = _address(file)
    # The connection is opened here and used in one thread there; only `interrupt` is called from outside, which SQLite allows.
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    work = asyncio.ensure_future(asyncio.to_thread(_read, connection, statement, database.most_rows + 1))
    try:
        done, _ = await asyncio.wait({work}, timeout=database.timeout_s)
        if not done:
            raise TimeoutError
        return work.result()
    finally:
        if not work.done():
            connection.interrupt()
            await asyncio.wait({work})
            work.exception()
        connection.close()


def _address(file: Path) -> str:
    if not file.is_file():
        raise ToolFailed(f"there is no SQLite file {str(file)!r}; correct sql.databases")
    return f"{file.resolve().as_uri()}?mode=ro"


def _read(
    connection: sqlite3.Connection, statement: Statement, most: int
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    connection.execute("PRAGMA query_only = ON")
    if not statement.ours:
        connection.set_authorizer(_may)
    values = {
        name: _written(value) if isinstance(value, datetime) else value for name, value in statement.values.items()
    }
    cursor = connection.execute(statement.sql, values)
    return [each[0] for each in cursor.description or ()], cursor.fetchmany(most)


def _written(moment: datetime) -> str:
    """As SQLite's own functions write moments: UTC, a space in between, fractions only where there are any."""
    return moment.replace(tzinfo=None).isoformat(sep=" ")


def _may(action: int, _first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """SQLite asks this of each thing a statement would do; what is no reading is denied."""
    if action in _READS and not (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _cell(value: Any) -> Scalar:
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < 2**63 else str(value)
        case float():
            return value if value == value and abs(value) != float("inf") else str(value)
        case Decimal():
            return float(value) if value.is_finite() and len(value.as_tuple().digits) <= 15 else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | memoryview():
            return f"({len(value)} bytes)"
        case str():
            return text(value.replace("\0", "\ufffd").encode("utf-8", "replace").decode(), CELL)
        case UUID():
            return str(value)
        case _:
            return text(f"{value}", CELL)
