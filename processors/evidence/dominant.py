"""Dominant parts: of several things that share a load, the one that carries most of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from processors.evidence.fields import number, plain

MOST, OF_TWO = 0.55, 0.65
"""From this part of the whole on a thing dominates; of only two, from the second on."""
_NAMES = ("statement", "query", "sql", "name", "id", "host", "user", "topic", "endpoint", "operation", "key", "table")
_LOADS = ("load", "avg", "total", "count", "seconds", "calls", "share", "percent", "lag")
_WAITS = (
    (
        "ClientRead",
        "sessions are open and idle, often idle in transaction, waiting for their client: held and not given back, as with a connection pool leak",
    ),
    ("ClientWrite", "sessions wait for their client to take results"),
    ("WALWrite", "writes wait for the write-ahead log: a write-heavy workload"),
    ("WALSync", "commits wait for the write-ahead log to reach the disk"),
    ("DataFileRead", "reads come from disk: scans, or data that does not fit into memory"),
    ("DataFileWrite", "writes wait for the disk: a write-heavy workload"),
    ("Lock:", "sessions wait for locks others hold"),
    ("LWLock", "sessions contend for internal structures"),
    ("CPU", "queries are computing rather than waiting"),
)


@dataclass(frozen=True, slots=True)
class Dominant:
    """The thing `name` of the list `of` carries `part` of the sum of `measure`. `each` is the measure for one of its calls, where the
    list says how many there are."""

    of: str
    name: str
    measure: str
    value: float
    part: float
    cites: str
    each: float | None = None
    next_name: str = ""
    next_part: float = 0.0
    """Of the list the second largest, where it carries a share worth naming."""


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
        if whole > 0 and top / whole >= (OF_TWO if len(known) == 2 else MOST):
            row = rows[known.index(top)]
            calls = next(
                (found for other in row if "calls" in plain(str(other)) and (found := number(row[other]))), None
            )
            second = sorted(known)[-2]
            other = str(rows[known.index(second)][names]) if second / whole >= WORTH and second != top else ""
            yield Dominant(
                under, str(row[names]), str(key), top, top / whole, cites, top / calls if calls else None, other, second / whole
            )  # fmt: skip
        return


WORTH = 0.15
HEAVY = 0.5
"""Sessions busy for each call a second, from which a statement costs much each time: half a second of work."""


def meaning_of(name: str) -> str | None:
    """What it means that sessions of a database wait for that, where it is one of PostgreSQL's wait events
    (https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-TABLE)."""
    return next((says for words, says in _WAITS if words in name), None)
