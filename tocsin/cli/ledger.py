"""`tocsin ledger`: is it whole, and what does it say."""

import asyncio
from typing import Annotated

import duckdb
import orjson
import typer
from rich.table import Table
from rich.text import Text

from connectors.ledger import connect, verify
from connectors.ports.clock import SystemClock
from connectors.ports.ledger import Head
from processors.record import HEAD_KEY, LEDGER_SPACE
from processors.record.loop import CONSUMER as RECORDER
from schemas.printed import LedgerCheck
from tocsin.cli.output import (
    NO,
    UNREACHABLE,
    USAGE,
    Config,
    Json,
    busy,
    complain,
    configured,
    emit,
    explained,
    fail,
    show,
)
from tocsin.compose import opened
from tocsin.config import Loaded
from tocsin.folder import DataFolder
from tocsin.store import viewed
from tocsin.story import counted, plain

app = typer.Typer(help="The record of what was observed and decided.", no_args_is_help=True)


@app.command("verify")
def verify_(config: Config = None, as_json: Json = False) -> None:
    """Check the hash chain, record by record; exit 1 naming what was edited, removed, reordered or cut."""
    loaded = configured(config)
    folder = DataFolder(loaded.data)
    if not folder.ledger.is_dir():
        fail(
            UNREACHABLE,
            f"no ledger in {folder.ledger}: nothing was recorded yet, or another configuration is meant (--config)",
        )
    with explained(), busy("verifying"):
        found = verify(folder.ledger, head=known_head(loaded))
    if as_json:
        said = tuple(str(each) for each in found.findings)
        emit(
            LedgerCheck(
                holds=found.holds,
                records=found.records,
                segments=found.segments,
                redacted=found.redacted,
                findings=said,
            )
        )
    else:
        for finding in found.findings:
            complain(str(finding))
        state = "whole" if found.holds else counted(len(found.findings), "finding")
        where = f"{counted(found.records, 'record')} in {counted(found.segments, 'segment')}"
        show(f"{where}, {found.redacted:,} redacted: {state}")
    if not found.holds:
        raise typer.Exit(NO)


@app.command()
def accept(config: Config = None) -> None:
    """Go on from the ledger as it lies there, restored or moved aside: the journal forgets which record it knew as the last."""

    async def forget(loaded: Loaded) -> Head | None:
        async with opened(loaded, clock=SystemClock()) as program:
            journal = program.journal
            lease = await journal.acquire(RECORDER, owner=f"{program.owner}/accept", ttl_s=10)
            if lease is None:
                fail(UNREACHABLE, "a recorder is at work, or was killed seconds ago: stop it, and try again")
            row = await journal.get(LEDGER_SPACE, HEAD_KEY)
            async with journal.unit(lease=lease) as unit:
                unit.delete(LEDGER_SPACE, HEAD_KEY)
            await journal.release(lease)
        return None if row is None else Head(**orjson.loads(row))

    loaded = configured(config)
    with explained():
        known = asyncio.run(forget(loaded))
    if known is None:
        show("The journal knew of no record: there was nothing to forget.")
    else:
        show(
            f"The journal no longer asks for record {known.seq:,} ({known.hash}). Keep this line: it shows what is missing."
        )
    show("The recorder goes on from what lies in the folder, and records again what the journal still holds.")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="DuckDB SQL over the views ledger, decisions and signals")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask the ledger; reads only, whether the program runs or not."""

    with explained():
        database = connect(DataFolder(configured(config).data).ledger)
        try:
            cursor = database.execute(query)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            fail(USAGE, str(error))
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(dict(zip(names, row, strict=True)), default=str).decode())
        return
    table = Table(*names)
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row))
    show(table)


@app.command()
def export(config: Config = None) -> None:
    """Print every decision, one JSON object a line, in the order of the ledger."""
    with explained():
        database = connect(DataFolder(configured(config).data).ledger)
        cursor = database.execute("select payload from ledger where kind = 'decision' order by seq")
        while rows := cursor.fetchmany(1000):
            for (payload,) in rows:
                if payload is not None:
                    typer.echo(payload)


def known_head(loaded: Loaded) -> Head | None:
    """The chain's end as the journal knows it, so that a cut tail shows; None when there is no journal to ask."""

    async def look() -> bytes | None:
        try:
            async with viewed(loaded.configuration.journal, DataFolder(loaded.data), clock=SystemClock()) as (
                reader,
                _,
            ):
                return await reader.get(LEDGER_SPACE, HEAD_KEY)
        except FileNotFoundError:
            return None

    row = asyncio.run(look())
    return None if row is None else Head(**orjson.loads(row))
