"""`tocsin tail`: decisions as they are made, after some that were made before."""

import asyncio
from typing import Annotated

import typer
from rich.text import Text

from connectors.ports.journal import DECISIONS
from schemas import Decision
from tocsin.cli.look import MOST_DECISIONS, reading
from tocsin.cli.output import Config, Json, configured, emit, explained, show
from tocsin.config import Loaded
from tocsin.store import Reading
from tocsin.story import clock, plain

PAGE = 1_000


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command()(tail)


def tail(
    kind: Annotated[
        str | None, typer.Option(help="Only kinds that begin so, such as action or incident.opened")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what is there and end")] = False,
    lines: Annotated[
        int, typer.Option("-n", min=0, help="How many earlier decisions (of the kind) to begin with")
    ] = 20,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print decisions as they are made."""
    with explained():
        try:
            asyncio.run(_follow(configured(config), kind or "", once=once, lines=lines, as_json=as_json))
        except KeyboardInterrupt:
            return


async def _follow(loaded: Loaded, kind: str, *, once: bool, lines: int, as_json: bool) -> None:
    async with reading(loaded) as (reader, _):
        after = await _beginning(reader, kind, lines)
        while True:
            for entry in await reader.read(DECISIONS, after=after):
                after = entry.offset
                if entry.kind != "decision":
                    continue
                decision = Decision.from_json(entry.payload)
                if decision.kind.startswith(kind):
                    emit(decision) if as_json else show(_line(decision))
            if after >= await reader.head(DECISIONS):
                if once:
                    return
                await reader.wait(DECISIONS, after=after)


async def _beginning(reader: Reading, kind: str, lines: int) -> int:
    """The offset behind which so many decisions of the kind stand, of the last MOST_DECISIONS."""
    head = await reader.head(DECISIONS)
    if not kind:
        return max(0, head - lines)
    first, offsets = head, list[int]()
    mark = f'"kind":"{kind}'.encode()
    while len(offsets) < lines and first > max(0, head - MOST_DECISIONS):
        until, first = first, max(0, first - PAGE)
        page = await reader.read(DECISIONS, after=first, limit=until - first)
        offsets = [entry.offset for entry in page if entry.offset <= until and mark in entry.payload] + offsets
    return offsets[-lines] - 1 if 0 < lines <= len(offsets) else first if lines else head


def _line(decision: Decision) -> Text:
    about = decision.incident_id or decision.action_id or ""
    return Text.assemble(
        (clock(decision.at), "dim"),
        "  ",
        (f"{decision.kind:24}", "bold"),
        (f"{about[:12]:13}", "dim"),
        plain(decision.because),
    )
