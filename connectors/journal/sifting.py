"""Which signals and incidents stand in stored records and rows, and which of them are asked for."""

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from connectors.ports.journal import Entry
from schemas import Incident, LogBatch, Signal, from_rfc3339


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


def latest_incidents(rows: Iterable[tuple[str, bytes]], since: int, limit: int) -> list[Incident]:
    """Of the rows of the incidents' space (id, JSON) the last `limit` that were opened at `since` or later, oldest first."""
    if limit <= 0:
        return []
    latest: list[tuple[int, str, bytes]] = []
    # Years of incidents are looked at each time, and few of them meant: decoding alone is far cheaper than making the record.
    for name, content in rows:
        opened_at = from_rfc3339(orjson.loads(content)["opened_at"])
        if opened_at >= since:
            heapq.heappush(latest, (opened_at, name, content))
            if len(latest) > limit:
                heapq.heappop(latest)
    return [Incident.from_json(content) for *_, content in sorted(latest)]


def _accepted(signal: Signal, entry: Entry) -> Signal:
    return signal.model_copy(update={"accepted_at": entry.accepted_at})
