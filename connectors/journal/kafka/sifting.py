"""Which signals stand in stored records, and which of them are asked for."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from connectors.ports.journal import Entry
from schemas import LogBatch, Signal, from_rfc3339


class Wanted(NamedTuple):
    """Which signals are asked for; `types` empty means all."""

    since: int
    until: int
    types: frozenset[str]
    service: str | None


def matching(page: Sequence[Entry], wanted: Wanted) -> list[tuple[int, int, int, Signal]]:
    """(event time, offset, index within the record, signal), of those that are wanted."""
    found: list[tuple[int, int, int, Signal]] = []
    for entry in page:
        if entry.kind not in ("signal", "batch"):
            continue
        # Most are looked at and left: decoding alone is several times cheaper than making the record.
        plain = orjson.loads(entry.payload)
        if wanted.service is not None and plain.get("service") != wanted.service:
            continue
        if entry.kind == "signal":
            at = from_rfc3339(plain["occurred_at"])
            if wanted.since <= at <= wanted.until and (not wanted.types or plain["type"] in wanted.types):
                found.append((at, entry.offset, 0, _accepted(Signal.from_json(entry.payload), entry)))
        elif not wanted.types or "log" in wanted.types:
            batch = LogBatch.from_json(entry.payload)
            found += [
                (line.occurred_at, entry.offset, index, _accepted(batch.signal(index), entry))
                for index, line in enumerate(batch.lines)
                if wanted.since <= line.occurred_at <= wanted.until
            ]
    return found


def named(signal_id: str, entry: Entry) -> Signal | None:
    """The signal of that id, if this record is it or holds it."""
    batch_id, slash, index = signal_id.partition("/")
    if entry.kind == "signal":
        signal = Signal.from_json(entry.payload)
        return _accepted(signal, entry) if signal.id == signal_id else None
    if entry.kind == "batch" and slash and index.isdecimal():
        batch = LogBatch.from_json(entry.payload)
        if batch.id == batch_id and int(index) < len(batch.lines):
            return _accepted(batch.signal(int(index)), entry)
    return None


def _accepted(signal: Signal, entry: Entry) -> Signal:
    return signal.model_copy(update={"accepted_at": entry.accepted_at})
