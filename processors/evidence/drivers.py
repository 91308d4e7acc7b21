"""Drivers: what brings a database's used-up resource to its limit, told by what its sessions wait for and which statement they run.

Wait events as PostgreSQL names them (https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-TABLE), with those of other
databases that mean the same. Load is sessions that are active on average.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from processors.evidence.fields import number, plain
from processors.evidence.metrics import kind_of
from processors.evidence.saturation import Full
from processors.evidence.shifts import Shift, correlation
from processors.evidence.values import Series
from processors.evidence.words import spoken

Wait = Literal["client", "cpu", "read", "write", "log", "lock"]
Resource = Literal["connections", "cpu", "storage", "io", "lag", "memory"]

_WAITS: tuple[tuple[Wait, re.Pattern[str]], ...] = (
    ("client", re.compile(r"client_?read|\bidle\b|idle.in.transaction|SQL\*Net message from client|ASYNC_NETWORK_IO", re.I)),
    ("log", re.compile(r"\bWAL\w*|log file|redo|binlog|WRITELOG", re.I)),
    ("read", re.compile(r"(?:DataFile|BufFile)Read|db file (?:sequential|scattered) read|PAGEIOLATCH_SH|io/table", re.I)),
    ("write", re.compile(r"(?:DataFile|BufFile)(?:Write|Extend)|checkpoint|flush|PAGEIOLATCH_EX", re.I)),
    ("lock", re.compile(r"^Lock\b|\block[ _:-]?wait|enq:|LCK_M|innodb_row_lock|transactionid|relation$", re.I)),
    ("cpu", re.compile(r"\bcpu\b", re.I)),
)  # fmt: skip
_RESOURCES: tuple[tuple[Resource, re.Pattern[str]], ...] = (
    ("connections", re.compile(r"conn(?:ection)?s?(?![a-z])|session|client|backends", re.I)),
    ("cpu", re.compile(r"cpu|processor", re.I)),
    ("lag", re.compile(r"lag", re.I)),
    ("io", re.compile(r"iops|throughput|disk_?queue|io_?util", re.I)),
    ("memory", re.compile(r"mem|heap|swap", re.I)),
    ("storage", re.compile(r"storage|space|disk|volume", re.I)),
)
USES: Mapping[Resource, tuple[Wait, ...]] = {
    "connections": ("client", "lock"),
    "cpu": ("cpu",),
    "storage": ("log", "write"),
    "io": ("read", "write", "log"),
    "lag": ("log", "write"),
    "memory": (),
}
"""What sessions do that use up a resource: who waits for a client or a lock holds a connection, who computes the processor, who writes the
disk. The rest leaves it alone: a session that waits for its client computes nothing."""
LEAST = 0.15
"""Part of the load below which a kind of wait explains nothing."""
LEADS = 0.5
"""Part of the load of that kind from which one statement is what brings it."""
TOGETHER, ALONE = 0.8, 0.4
"""Two resources are used up by one cause from this correlation in time on, by two below the second."""
FEWEST = 5
_STATEMENTS = ("statement", "query", "sql", "sqltext", "querytext", "digesttext")
_NAMES = ("name", "waitevent", "event", "id")
_INSTANCES = ("dbinstanceidentifier", "dbinstance", "instance")
_LOADS = ("load", "avg", "sessions", "count", "total", "value")


@dataclass(frozen=True, slots=True)
class Driver:
    """A used-up resource and what uses it: `load` of `whole` active sessions wait as `wait` says; `statement` leads them, if one does, busy for
    `each` seconds a call, where that is known."""

    full: Full
    kind: Wait
    wait: str
    load: float
    whole: float
    cites: str
    statement: str | None = None
    part: float = 0.0
    each: float | None = None
    instance: str | None = None
    """The database whose load it is, where another one suffers: what a replica cannot follow is written elsewhere."""


@dataclass
class _Load:
    """What one answer tells of the load of one database."""

    cites: str
    instance: str | None = None
    waits: dict[str, float] = field(default_factory=dict)
    statements: list[tuple[str, dict[str, float], float | None]] = field(default_factory=list)

    def of(self, kind: Wait) -> tuple[str, float]:
        """The largest wait of a kind, and the load of the kind."""
        found = {name: load for name, load in self.known.items() if wait_of(name) == kind}
        return max(found, key=lambda name: found[name], default=""), sum(found.values())

    @property
    def known(self) -> dict[str, float]:
        """All waits, as listed, else summed over the statements."""
        if self.waits:
            return self.waits
        found: dict[str, float] = defaultdict(float)
        for _, waits, _ in self.statements:
            for name, load in waits.items():
                found[name] += load
        return found


@dataclass(frozen=True, slots=True)
class Link:
    """How used-up resources belong together: `same` load drives all; they are `linked`, for they move `together` in time; they are `apart`; or
    nothing tells (`unknown`). `root` is the driver with most of the load: where they are linked, the others follow from it."""

    kind: Literal["same", "linked", "apart", "unknown"]
    root: Driver
    together: float | None = None


def link_of(drivers: Sequence[Driver], all_series: Sequence[Series]) -> Link | None:
    """Of at least two drivers."""
    if len(drivers) < 2:
        return None
    root = max(drivers, key=lambda each: each.load / each.whole)
    if len({(each.kind, each.statement) for each in drivers}) == 1:
        return Link("same", root)
    pairs = [_together(root.full, each.full, all_series) for each in drivers if each is not root]
    known = [each for each in pairs if each is not None]
    if not known or len(known) < len(pairs):
        return Link("unknown", root)
    least = min(known)
    return Link("linked" if least >= TOGETHER else "apart" if least < ALONE else "unknown", root, least)


def _together(one: Full, other: Full, all_series: Sequence[Series]) -> float | None:
    """How two metrics move with each other, falling room counted as rising use."""
    found = [
        next((each for each in all_series if (each.metric, each.service) == (full.name, full.service)), None)
        for full in (one, other)
    ]
    if found[0] is None or found[1] is None:
        return None
    places = dict(zip(found[1].times, found[1].values, strict=True))
    pairs = [(value, places[at]) for at, value in zip(found[0].times, found[0].values, strict=True) if at in places]
    if len(pairs) < FEWEST:
        return None
    said = correlation([value for value, _ in pairs], [value for _, value in pairs])
    return -said if (kind_of(one.name) == "headroom") != (kind_of(other.name) == "headroom") else said


def wait_of(name: str) -> Wait | None:
    """What a session that waits for that does."""
    return next((kind for kind, pattern in _WAITS if pattern.search(name)), None)


def resource_of(metric: str) -> Resource | None:
    """Which resource a metric measures."""
    return next((kind for kind, pattern in _RESOURCES if pattern.search(metric)), None)


def lagging(shifts: Sequence[Shift]) -> tuple[Full, ...]:
    """Copies that fall behind, as a resource that is used up: what they can take in."""
    return tuple(
        Full(each.series.metric, each.series.service, 1.0, f"{spoken(each.series.metric)} went from {each.before:.4g} to {each.after:.4g}",
             each.series.cites, each.series.metric)
        for each in shifts
        if each.up and resource_of(each.series.metric) == "lag"
    )  # fmt: skip


def drivers_of(full: Sequence[Full], answers: Sequence[tuple[str, Any]]) -> tuple[Driver, ...]:
    """For each resource used up, once, what uses it, where an answer (id, result) tells; in the order of `full`."""
    loads = [load for cites, answer in answers if (load := _load(cites, answer)).known]
    found: dict[tuple[Resource, str | None], Driver] = {}
    for each in full:
        resource = resource_of(each.name)
        if resource is None or (resource, each.service) in found:
            continue
        for load in loads:
            own = load.instance is None or each.service is None or load.instance == each.service
            if own or resource == "lag":
                driver = _driver(each, resource, load)
                if driver is not None:
                    found[(resource, each.service)] = driver
                    break
    return tuple(found.values())


def _driver(full: Full, resource: Resource, load: _Load) -> Driver | None:
    whole, instance = sum(load.known.values()), load.instance if load.instance != full.service else None
    kinds = [(kind, *load.of(kind)) for kind in USES[resource]]
    kind, name, amount = max(kinds, key=lambda each: each[2], default=("cpu", "", 0.0))
    if whole <= 0 or amount < LEAST * whole:
        return None
    of_kind = [
        (text, sum(part for wait, part in waits.items() if wait_of(wait) == kind), calls)
        for text, waits, calls in load.statements
    ]
    text, most, calls = max(of_kind, key=lambda each: each[1], default=("", 0.0, None))
    if most < LEADS * amount:
        return Driver(full, kind, name, amount, whole, load.cites, instance=instance)
    each_s = most / calls if calls else None
    return Driver(full, kind, name, amount, whole, load.cites, text, min(1.0, most / amount), each_s, instance)


def _load(cites: str, answer: Any) -> _Load:
    load = _Load(cites)
    for under, row in _rows(answer):
        named = _text(row, _INSTANCES)
        if load.instance is None and named is not None:
            load.instance = named
        statement, waits = _text(row, _STATEMENTS), _waits(row)
        if statement is not None:
            calls = next((number(value) for key, value in row.items() if "calls" in plain(str(key))), None)
            load.statements.append((statement, waits, calls))
        elif "wait" in plain(under) and (one := _one(row)) is not None:
            load.waits[one[0]] = one[1]
    return load


def _rows(node: Any, under: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object with the name of the list or field it stands in; of a statement's own list of waits nothing."""
    if depth > 6:
        return
    if isinstance(node, Mapping):
        yield under, node
        inner = _text(node, _STATEMENTS) is not None
        for key, value in node.items():
            if not inner and isinstance(value, (Mapping, list)):
                yield from _rows(value, str(key), depth + 1)
    elif isinstance(node, list):
        for each in node[:200]:
            yield from _rows(each, under, depth + 1)


def _waits(row: Mapping[str, Any]) -> dict[str, float]:
    for value in row.values():
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            found = [one for each in value if (one := _one(each)) is not None]
            if len(found) == len(value):
                return dict(found)
    return {}


def _one(row: Mapping[str, Any]) -> tuple[str, float] | None:
    name = _text(row, _NAMES)
    load = next(
        (found for key, value in row.items() if _is_load(key) and (found := number(value)) is not None and found >= 0),
        None,
    )
    return None if name is None or load is None else (name, load)


def _is_load(key: str) -> bool:
    return any(word in plain(str(key)) for word in _LOADS)


def _text(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    found = {plain(str(key)): value for key, value in row.items() if isinstance(value, str)}
    return next((found[name] for name in names if found.get(name)), None)
