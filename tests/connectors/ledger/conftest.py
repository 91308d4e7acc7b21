"""Entries as the journal gives them, and ledgers to put them in."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from connectors.ledger import open_ledger
from connectors.ports.clock import ManualClock
from connectors.ports.journal import Entry
from connectors.ports.ledger import Head
from schemas import decide
from schemas.payload import CommandTaken

START = 1_795_000_000_000_000


def entry(offset: int, *, stream: str = "decisions", incident: str = "inc_1") -> Entry:
    decision = decide(
        "command.refused",
        at=START + offset,
        actor="system",
        because=f'the "command" number {offset} was not understood',
        cause=[f"cmd_{offset}"],
        data=CommandTaken(command_id=f"cmd_{offset}", kind="approve"),
        incident_id=incident,
    )
    return Entry(stream, offset, START + offset, "decision", incident, decision.to_json())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def entries() -> Callable[..., list[Entry]]:
    return lambda first, last, **fields: [entry(offset, **fields) for offset in range(first, last + 1)]


@pytest.fixture
def written(tmp_path: Path, clock: ManualClock) -> Callable[..., tuple[Path, Head]]:
    """A closed ledger with the given batches appended, each batch in a segment of its own when `sealed`."""

    def write(batches: Sequence[Sequence[Entry]], *, sealed: bool = False, name: str = "ledger") -> tuple[Path, Head]:
        async def run() -> Head:
            ledger = open_ledger(tmp_path / name, clock=clock)
            for batch in batches:
                await ledger.append(batch)
                if sealed and batch is not batches[-1]:
                    await ledger.seal()
            await ledger.close()
            return ledger.head()

        return tmp_path / name, asyncio.run(run())

    return write
