"""Where triage stands when it begins: the stored rows, and what was decided since they were written, decided once more.

Rows are stored less often than decisions: of many inputs at once they would be written again and again. Two positions in the inputs say
how far each has come, CONSUMER for the decisions and STORED for the rows. Between the two nothing is lost, for the same inputs lead from the
same rows to the same state; the decisions they lead to stand in the journal already, and are thrown away.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass

import orjson

from connectors.ports.journal import INPUTS, Journal
from connectors.ports.spaces import TRIAGE
from processors.triage import rulesets
from processors.triage.fold import Broken, fold
from rules.engine import Engine
from rules.state import State

CONSUMER = "triage"
STORED = "triage-rows"
PAGE = 5_000
"""Rows read at a time, the next ones while these are taken in; between two pages whoever takes over can see to its lease."""
BATCH = 500
"""Rows taken in or inputs decided at a time before others in the event loop have their turn."""


@dataclass(slots=True)
class Standing:
    """The state after the input at `position`, the last one that was decided about; rows are stored as they were after the one at
    `stored`."""

    state: State
    stored: int
    position: int


async def progress(journal: Journal) -> tuple[int, int]:
    """Up to which input rows are stored, and up to which decisions are."""
    position, stored = await journal.position(CONSUMER, INPUTS), await journal.position(STORED, INPUTS)
    # Until the second position first moves, rows are stored with every decision, as in versions that did not have it.
    return stored or position, position


async def standing(
    journal: Journal,
    engine: Engine,
    *,
    poison: MutableMapping[int, str] | None = None,
    turn: Callable[[], Awaitable[object]] | None = None,
) -> Standing:
    """Read it from the journal. `poison`: inputs that are set aside and why, to which is added what the engine breaks on; `turn` is awaited
    between pages of rows."""
    poison = {} if poison is None else poison
    while True:
        found = await _rows(journal, engine, turn)
        try:
            await _catch_up(journal, engine, found, poison)
        except Broken as broken:
            # As it was when it was decided: set aside, and the rest decided without it.
            poison[broken.offset] = str(broken)
            continue
        return found


async def _rows(journal: Journal, engine: Engine, turn: Callable[[], Awaitable[object]] | None) -> Standing:
    stored, position = await progress(journal)
    state = engine.state()
    page = asyncio.ensure_future(journal.scan(TRIAGE, limit=PAGE))
    try:
        while rows := await page:
            page = asyncio.ensure_future(journal.scan(TRIAGE, after=rows[-1][0], limit=PAGE))
            for first in range(0, len(rows), BATCH):
                state.take_in((key, orjson.loads(row)) for key, row in rows[first : first + BATCH])
                await asyncio.sleep(0)
            if turn is not None:
                await turn()
    finally:
        page.cancel()
    return Standing(state, stored, position)


async def _catch_up(journal: Journal, engine: Engine, found: Standing, poison: MutableMapping[int, str]) -> None:
    """Decide again about what was decided after the rows were written. Raises Broken."""
    version = rulesets.in_force(found.state)
    if version is not None and found.stored < found.position:
        await rulesets.fetch(journal, engine, version)
    after = found.stored
    while after < found.position:
        limit = min(BATCH, found.position - after)
        entries = [e for e in await journal.read(INPUTS, after=after, limit=limit) if e.offset <= found.position]
        if not entries:
            return
        await rulesets.fetch_asked_for(journal, engine, entries)
        fold(engine, found.state, entries, poison)
        after = entries[-1].offset
    found.state.erring.clear()
