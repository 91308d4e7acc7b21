"""Provenance: where the values of a call come from, recorded with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from processors.analyst.loop.seen import Seen

MODEL = "model"
"""Stands in nothing that was recorded: the model's own."""
MOST = 5
"""Places named for one argument."""


def provenance(arguments: Mapping[str, Any], seen: Seen) -> dict[str, tuple[str, ...]]:
    """By argument: the ids of recorded texts in which its value (or a part of it) stands, or `model`. Pure."""
    made: dict[str, tuple[str, ...]] = {}
    for name, value in arguments.items():
        places: dict[str, None] = {}
        for text in _texts(value):
            places |= dict.fromkeys(seen.where(text))
        made[name] = tuple(list(places)[:MOST]) or (MODEL,)
    return made


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
