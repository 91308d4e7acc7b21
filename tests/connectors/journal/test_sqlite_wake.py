"""Waking the writer: once per turn of a loop, and by whichever loop still turns."""

import asyncio
from pathlib import Path

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import SystemClock
from connectors.ports.journal import INPUTS, NewRecord


def record(name: str) -> NewRecord:
    return NewRecord("signal", b"{}", name)


def test_a_loop_that_ends_before_its_next_turn_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite", clock=SystemClock())
    try:
        asyncio.run(journal.append(INPUTS, [record("first")]))
        ending = asyncio.new_event_loop()
        left: list[asyncio.Task[int]] = []

        async def put_and_end() -> None:
            left.append(asyncio.ensure_future(journal.append(INPUTS, [record("left")])))

        ending.run_until_complete(put_and_end())  # the append is put in the last turn: its wake-up never comes
        ending.close()
        assert not left[0].done()

        async def another() -> list[str]:
            await asyncio.wait_for(journal.append(INPUTS, [record("another")]), timeout=20)
            return [entry.key for entry in await journal.read(INPUTS, after=0)]

        assert asyncio.run(another()) == ["first", "left", "another"]
    finally:
        journal.close_now()


def test_what_is_put_in_one_turn_of_the_loop_is_one_commit(tmp_path: Path) -> None:
    async def main() -> tuple[float, list[int]]:
        journal = open_journal(tmp_path / "journal.sqlite", clock=SystemClock())
        await journal.append(INPUTS, [record("first")])
        offsets = await asyncio.gather(*(journal.append(INPUTS, [record(f"n{number}")]) for number in range(50)))
        accepted = {entry.accepted_at for entry in await journal.read(INPUTS, after=1)}
        await journal.close()
        return len(accepted), offsets

    commits, offsets = asyncio.run(main())
    assert commits <= 2  # the writer may not have sat down yet when the first of them came
    assert offsets == list(range(2, 52))
