"""Dropping old records in steps so small that the writer is never held up.

Pages that become free are used again by what is appended next: the file stays at the size of its fullest day and is never shrunk
(that would mean rewriting it). A row whose end is not passed yet is cut, and its rest stored anew.
"""

from typing import NamedTuple

from connectors.journal.sqlite.framing import pack, unpack
from connectors.journal.sqlite.state import INDEXED, Group
from connectors.journal.sqlite.tables import SPAN

STEP_ROWS = 1_000
STEP_BYTES = 5 << 20


class Step(NamedTuple):
    """How many records went, and whether more may."""

    dropped: int
    more: bool


def drop(group: Group, stream: str, before: int) -> Step:
    """Drop what was accepted before `before` and is passed by every consumer, oldest first, as much as one step may."""
    number = group.number(stream)
    if number is None:
        return Step(0, more=False)
    passed = group.passed(stream)
    start = number * SPAN
    rows = group.connection.execute(
        "SELECT place - ?, count, accepted_at, length(frames) FROM batches WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
        (start, start, start + SPAN - 1, STEP_ROWS),
    ).fetchall()
    dropped = size = upto = upto_at = 0
    for first, count, accepted_at, length in rows:
        last = first + count - 1
        end = last if passed is None else min(last, passed)
        if accepted_at >= before or end < first:
            return _finish(group, stream, number, Step(dropped, more=False), upto, upto_at)
        _drop_row(group, stream, start + first, end - first + 1, keep=last - end, accepted_at=accepted_at)
        dropped += end - first + 1
        upto, upto_at = end, accepted_at
        size += length
        if end < last:
            return _finish(group, stream, number, Step(dropped, more=False), upto, upto_at)
        if size >= STEP_BYTES:
            break
    return _finish(group, stream, number, Step(dropped, more=dropped > 0), upto, upto_at)


def _finish(group: Group, stream: str, number: int, step: Step, upto: int, upto_at: int) -> Step:
    if step.dropped:
        group.connection.execute("UPDATE streams SET floor = ?, floor_at = ? WHERE number = ?", (upto, upto_at, number))
        group.dropped[stream] = upto
    return step


def _drop_row(group: Group, stream: str, place: int, gone: int, *, keep: int, accepted_at: int) -> None:
    execute = group.connection.execute
    if keep or stream in INDEXED:
        (frames,) = execute("SELECT frames FROM batches WHERE place = ?", (place,)).fetchone()
        records = unpack(frames)
        if stream in INDEXED:
            number, first = divmod(place, SPAN)
            indexed = [(number, record.key, first + at) for at, record in enumerate(records[:gone]) if record.key]
            group.connection.executemany('DELETE FROM keys WHERE stream = ? AND "key" = ? AND "offset" = ?', indexed)
        if keep:
            execute(
                "INSERT INTO batches (place, count, accepted_at, frames) VALUES (?, ?, ?, ?)",
                (place + gone, keep, accepted_at, pack(records[gone:])),
            )
    execute("DELETE FROM batches WHERE place = ?", (place,))
