"""Comparisons of timestamps and durations as comparisons of whole nanoseconds, for the fast back end."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal as OneOf
from typing import Protocol, TypeAlias

from rules.cel import times
from rules.cel.faults import CelFailure
from rules.cel.syntax import Binary, Literal, Node, Root
from rules.cel.values import Duration, Timestamp

Kind: TypeAlias = OneOf["timestamp", "duration"]


class Names(Protocol):
    """What the writer of Python offers: a generated name for a value, and a fresh temporary."""

    def name(self, value: object) -> str: ...
    def temporary(self) -> str: ...


def written(names: Names, operator: str, left: Node, right: Node, *, error: bool) -> str | None:
    """The comparison of two instants or of two spans as Python text; None for anything else."""
    one, other = kind_of(left), kind_of(right)
    if one is None or one != other:
        return None
    first, second = names.temporary(), names.temporary()
    held = f"({first} := {_nanos(names, left)}) is not None and ({second} := {_nanos(names, right)}) is not None"
    test = f"{first} {operator} {second}"
    return f"(not ({held}) or {test})" if error else f"({held} and {test})"


def kind_of(node: Node) -> Kind | None:
    """Whether a node is sure to be an instant or a span, by its declared fields and constants."""
    match node:
        case Root(kind="timestamp") | Literal(value=Timestamp()):
            return "timestamp"
        case Root(kind="duration") | Literal(value=Duration()):
            return "duration"
        case Binary(operator="+" | "-" as operator):
            match kind_of(node.left), kind_of(node.right):
                case ("duration", "duration"):
                    return "duration"
                case ("timestamp", "duration"):
                    return "timestamp"
                case ("duration", "timestamp") if operator == "+":
                    return "timestamp"
                case ("timestamp", "timestamp") if operator == "-":
                    return "duration"
    return None


def _nanos(names: Names, node: Node) -> str:
    """Python text for the nanoseconds of an instant or span, None where it fails."""
    match node:
        case Literal(value=Timestamp() | Duration() as value):
            return names.name(value.nanos)
        case Root(name=name, kind=kind):
            reader = _read_timestamp if kind == "timestamp" else _read_duration
            return f"{names.name(reader)}(a.get({names.name(name)}))"
        case Binary(operator=operator) if (made := kind_of(node)) is not None:
            work = _WORK[str(operator), str(made)]
            return f"{names.name(work)}({_nanos(names, node.left)}, {_nanos(names, node.right)})"
    raise TypeError(f"{node!r} is no instant")


def _reader(read: Callable[[object], Timestamp | Duration]) -> Callable[[object], int | None]:
    def nanos(value: object) -> int | None:
        try:
            return read(value).nanos
        except CelFailure:
            return None

    cached = lru_cache(maxsize=4096)(nanos)
    return lambda value: cached(value) if type(value) is str else nanos(value)


def _bounded(make: Callable[[int], object], sign: int) -> Callable[[int | None, int | None], int | None]:
    def work(left: int | None, right: int | None) -> int | None:
        if left is None or right is None:
            return None
        total = left + sign * right
        try:
            make(total)
        except CelFailure:
            return None
        return total

    return work


_read_timestamp = _reader(times.read_timestamp)
_read_duration = _reader(times.read_duration)
_WORK = {
    (operator, kind): _bounded(times.timestamp if kind == "timestamp" else times.duration, sign)
    for operator, sign in (("+", 1), ("-", -1))
    for kind in ("timestamp", "duration")
}
