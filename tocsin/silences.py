"""Silences as people ask about them: which there are, which there were, and what one would have hidden."""

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from connectors.ports.archive import Archive
from connectors.ports.spaces import TRIAGE
from rules.delivery.said import TimeInterval
from rules.silences import Preview, preview
from rules.silencing import RECORD, matcher_of
from rules.times import compile_times
from schemas.printed import Silence, SilencePreview


class Rows(Protocol):
    """Where triage keeps what it knows."""

    async def scan(self, space: str, prefix: str = "") -> Sequence[tuple[str, bytes]]:
        """Keys and rows, by key."""


MOST_LOOKED_AT = 100_000
"""A preview looks at so many signals, the latest."""
_OF_THE_ENGINE = ("due", "sweep", "command")


async def listed(reader: Rows, *, everything: bool = False) -> list[Silence]:
    """The silences there are, by id, and with `everything` those that are over, before them and the latest last."""
    rows = [orjson.loads(row) for _, row in await reader.scan(TRIAGE, "silence/")]
    if everything:
        over = [orjson.loads(row) for _, row in await reader.scan(TRIAGE, RECORD)]
        rows = sorted(over, key=lambda row: (row["over_at"], row["id"])) + rows
    return [Silence.model_validate({name: row[name] for name in row if name not in _OF_THE_ENGINE}) for row in rows]


async def previewed(archive: Archive, data: dict[str, Any], *, since: int, until: int) -> Preview:
    """What a silence with this data (`matcher` or `matchers`, `times`) would have hidden of what happened between two moments.

    Raises rules.orders.Refused for data that make no silence, and ValueError for times that are none.
    """
    matcher = matcher_of(data)
    said = data.get("times") or ()
    times = compile_times("the silence", [TimeInterval.model_validate(each) for each in said]) if said else None
    found = await archive.signals(since=since, until=until, limit=MOST_LOOKED_AT)
    # What was delivered again is kept again, under the same id.
    signals = {signal.id: signal for signal in found}.values()
    fields = ({**orjson.loads(signal.to_json()), "occurred_micros": signal.occurred_at} for signal in signals)
    return preview(matcher, fields, times)


def as_record(found: Preview) -> SilencePreview:
    """The preview as commands and the interface print it."""
    return SilencePreview(
        looked_at=found.looked_at,
        signals=found.signals,
        critical=found.critical,
        services=dict(found.services),
        titles=dict(found.titles),
        exemplars=tuple(found.exemplars),
    )
