"""In which order entries of two streams go into one chain, and what stands where some are missing."""

from collections.abc import Sequence

import orjson

from connectors.ports.journal import Entry

GAP = "gap"
"""The kind of the record that stands where entries were gone before they were recorded."""


def merge(inputs: Sequence[Entry], decisions: Sequence[Entry], *, most: int) -> list[Entry]:
    """The first `most` by acceptance; at the same moment what came in stands before what was decided. Each stream keeps its order.

    Right only if both were read with a limit of at least `most`.
    """
    together = [*inputs, *decisions]
    # Sorting is stable, and acceptance never decreases within a stream.
    together.sort(key=_moment)
    return together[:most]


def _moment(entry: Entry) -> int:
    return entry.accepted_at


def gap_before(entries: Sequence[Entry], position: int) -> Entry | None:
    """The record that tells of entries between `position` and the first of `entries`; None when none are missing."""
    if not entries or entries[0].offset == position + 1:
        return None
    first = entries[0]
    missing = {"missing_from": position + 1, "missing_to": first.offset - 1}
    return Entry(first.stream, first.offset - 1, first.accepted_at, GAP, "", orjson.dumps(missing))
