"""Dominant parts: of several things that share a load, the one that carries most of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from processors.evidence.fields import number, plain

MOST = 0.5
"""From this part of the whole on a thing dominates."""
_NAMES = ("statement", "query", "sql", "name", "id", "host", "user", "topic", "endpoint", "operation", "key", "table")
_LOADS = (
    "load",
    "avg",
    "total",
    "count",
    "bytes",
    "seconds",
    "cpu",
    "memory",
    "calls",
    "share",
    "percent",
    "lag",
    "size",
)


@dataclass(frozen=True, slots=True)
class Dominant:
    """The thing `name` of the list `of` carries `part` of the sum of `measure`."""

    of: str
    name: str
    measure: str
    value: float
    part: float
    cites: str


def dominant_of(cites: str, result: Any, under: str = "", depth: int = 0) -> Iterator[Dominant]:
    """Every list of named things in an answer of which one dominates, where a list is of at least two."""
    if depth > 6:
        return
    if isinstance(result, Mapping):
        for key, value in result.items():
            yield from dominant_of(cites, value, str(key), depth + 1)
    elif isinstance(result, list) and 2 <= len(result) <= 200 and all(isinstance(each, Mapping) for each in result):
        yield from _one(cites, result, under)
        for each in result[:20]:
            yield from dominant_of(cites, each, under, depth + 1)


def _one(cites: str, rows: list[Mapping[str, Any]], under: str) -> Iterator[Dominant]:
    names = next(
        (key for key in rows[0] if plain(str(key)) in _NAMES and all(isinstance(row.get(key), str) for row in rows)),
        None,
    )
    if names is None:
        return
    for key in rows[0]:
        values = [number(row.get(key)) for row in rows]
        if not any(word in plain(str(key)) for word in _LOADS) or any(value is None or value < 0 for value in values):
            continue
        known = [value for value in values if value is not None]
        whole, top = sum(known), max(known)
        if whole > 0 and top / whole >= MOST:
            yield Dominant(under, str(rows[known.index(top)][names]), str(key), top, top / whole, cites)
        return
