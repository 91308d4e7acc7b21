"""The values of conditions: plain Python values, with wrappers where Python cannot tell CEL's kinds apart.

bool, int, float, str, bytes, list and None stand for themselves, a dict for a map with text keys.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rules.cel.faults import CelFailure

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
UINT_MAX = 2**64 - 1
# Deeper data than this is compared with an error, never with a crash.
MAX_NESTING = 100


class Uint(int):
    """An unsigned 64-bit integer; equal to the int and the double of the same number."""

    def __repr__(self) -> str:
        return f"{int(self)}u"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time as nanoseconds since 1970-01-01T00:00:00Z, of the years 1 to 9999."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time in nanoseconds, of 64 bits (some 292 years)."""

    nanos: int


@dataclass(frozen=True, slots=True)
class CelType:
    """What `type(x)` gives, and what a type's name (`int`, `google.protobuf.Timestamp`) means."""

    name: str


@dataclass(frozen=True, slots=True)
class CelMap:
    """A map whose keys are not all text; looked up by `token`, because to Python `True` and `1` are one key."""

    entries: Mapping[object, tuple[Any, Any]]


Value: TypeAlias = (
    bool
    | int
    | Uint
    | float
    | str
    | bytes
    | list[Any]
    | dict[str, Any]
    | CelMap
    | Timestamp
    | Duration
    | CelType
    | None
)

TYPES: Mapping[str, CelType] = {
    name: CelType(name)
    for name in (
        "bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type",
        "google.protobuf.Timestamp", "google.protobuf.Duration",
    )
}  # fmt: skip

_NAMES: Mapping[type, str] = {
    bool: "bool", int: "int", Uint: "uint", float: "double", str: "string", bytes: "bytes", list: "list", tuple: "list",
    dict: "map", CelMap: "map", type(None): "null_type", CelType: "type", Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
}  # fmt: skip


def type_name(value: object) -> str:
    """CEL's name of a value's type."""
    name = _NAMES.get(type(value))
    if name is None:
        raise CelFailure(f"a value of Python type {type(value).__name__!r} has no kind in conditions")
    return name


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def token(key: object) -> object:
    """A hashable stand-in for a map key or None if the value cannot be one: numbers by value, bool and text apart."""
    if isinstance(key, bool):
        return ("bool", key)
    if isinstance(key, (int, float)):
        return ("number", key)
    return key if isinstance(key, str) else None


def build_map(entries: Iterable[tuple[Any, Any]]) -> dict[str, Any] | CelMap:
    """A map literal; a double, null or a container as a key and a repeated key are failures."""
    found: dict[object, tuple[Any, Any]] = {}
    for key, value in entries:
        mark = token(key)
        if mark is None or isinstance(key, float):
            raise CelFailure(f"a {type_name(key)} cannot be the key of a map: keys are int, uint, bool or string")
        if mark in found:
            raise CelFailure(f"the map has the key {key!r} twice")
        found[mark] = (key, value)
    if all(type(mark) is str for mark in found):
        return dict(found.values())
    return CelMap(found)


def same(left: Any, right: Any, depth: int = 0) -> bool:
    """CEL's equality: numbers by value across their kinds, different kinds unequal, never a failure short of the nesting limit."""
    kind = type(left)
    if kind is str or kind is bytes or left is None:
        return type(right) is kind and bool(left == right)
    if kind is bool or type(right) is bool:
        return left is right
    if isinstance(left, (int, float)):
        return isinstance(right, (int, float)) and left == right
    if depth > MAX_NESTING:
        raise CelFailure(f"the values are nested more than {MAX_NESTING} deep")
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(one, other, depth + 1) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, (dict, CelMap)):
        if not isinstance(right, (dict, CelMap)):
            return False
        if isinstance(left, dict) and isinstance(right, dict):
            return left.keys() == right.keys() and all(same(left[key], right[key], depth + 1) for key in left)
        mine, yours = _entries(left), _entries(right)
        return mine.keys() == yours.keys() and all(same(mine[key][1], yours[key][1], depth + 1) for key in mine)
    return bool(left == right)


def _entries(value: dict[str, Any] | CelMap) -> Mapping[object, tuple[Any, Any]]:
    return value.entries if isinstance(value, CelMap) else {key: (key, item) for key, item in value.items()}


def single(number: float) -> float:
    """The nearest number of single precision."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        raise CelFailure(f"{number!r} does not fit a single-precision number") from None
