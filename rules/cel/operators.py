"""Arithmetic, order and containment of values, with the overflows and the missing overloads of CEL as failures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rules.cel import times
from rules.cel.faults import CelFailure
from rules.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    CelMap,
    Duration,
    Timestamp,
    Uint,
    is_number,
    same,
    token,
    type_name,
)


def _refuse(operator: str, left: object, right: object) -> CelFailure:
    return CelFailure(f"{type_name(left)} {operator} {type_name(right)} is not defined; nothing is converted by itself")


def checked(number: int) -> int:
    if not INT_MIN <= number <= INT_MAX:
        raise CelFailure("the result does not fit an int of 64 bits")
    return number


def unsigned(number: int) -> Uint:
    if not 0 <= number <= UINT_MAX:
        raise CelFailure("the result does not fit a uint of 64 bits")
    return Uint(number)


def _double(number: Any) -> float:
    """Numbers of different kinds are ordered as doubles, which beyond 2**53 sees no difference of one (cel-spec's cases ask for it)."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def _compare(operator: str, left: Any, right: Any) -> tuple[Any, Any]:
    if is_number(left) and is_number(right):
        if type(left) is float or type(right) is float:
            return _double(left), _double(right)
        return left, right
    if type(left) is type(right):
        if isinstance(left, (str, bytes, bool)):
            return left, right
        if isinstance(left, (Timestamp, Duration)):
            return left.nanos, right.nanos
    raise _refuse(operator, left, right)


def less(left: Any, right: Any) -> bool:
    one, other = _compare("<", left, right)
    return bool(one < other)


def at_most(left: Any, right: Any) -> bool:
    one, other = _compare("<=", left, right)
    return bool(one <= other)


def greater(left: Any, right: Any) -> bool:
    one, other = _compare(">", left, right)
    return bool(one > other)


def at_least(left: Any, right: Any) -> bool:
    one, other = _compare(">=", left, right)
    return bool(one >= other)


def add(left: Any, right: Any) -> Any:
    match left, right:
        case (str(), str()) | (bytes(), bytes()) | (list(), list()):
            return left + right
        case (Timestamp(), Duration()) | (Duration(), Timestamp()):
            return times.timestamp(left.nanos + right.nanos)
        case (Duration(), Duration()):
            return times.duration(left.nanos + right.nanos)
    return _arithmetic("+", left, right, lambda one, other: one + other)


def subtract(left: Any, right: Any) -> Any:
    match left, right:
        case (Timestamp(), Timestamp()) | (Duration(), Duration()):
            return times.duration(left.nanos - right.nanos)
        case (Timestamp(), Duration()):
            return times.timestamp(left.nanos - right.nanos)
    return _arithmetic("-", left, right, lambda one, other: one - other)


def multiply(left: Any, right: Any) -> Any:
    return _arithmetic("*", left, right, lambda one, other: one * other)


def divide(left: Any, right: Any) -> Any:
    if type(left) is float and type(right) is float:
        if right == 0.0:
            if left == 0.0 or math.isnan(left) or math.isnan(right):
                return math.nan
            return math.copysign(math.inf, left) * math.copysign(1.0, right)
        return left / right
    return _arithmetic("/", left, right, _quotient)


def modulo(left: Any, right: Any) -> Any:
    if type(left) is float or type(right) is float:
        raise _refuse("%", left, right)
    return _arithmetic("%", left, right, lambda one, other: one - other * _quotient(one, other))


def _quotient(left: int, right: int) -> int:
    if right == 0:
        raise CelFailure("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _arithmetic(operator: str, left: Any, right: Any, work: Callable[[Any, Any], Any]) -> Any:
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return checked(work(left, right))
        if kind is Uint:
            return unsigned(work(int(left), int(right)))
        if kind is float:
            return work(left, right)
    raise _refuse(operator, left, right)


def negate(value: Any) -> Any:
    if type(value) is int:
        return checked(-value)
    if type(value) is float:
        return -value
    raise CelFailure(f"-{type_name(value)} is not defined")


def within(item: Any, container: Any) -> bool:
    """`item in container`: of a list by equality, of a map by key."""
    if isinstance(container, list):
        return any(same(item, other) for other in container)
    if isinstance(container, (dict, CelMap)):
        mark = token(item)
        if mark is None:
            raise CelFailure(f"a {type_name(item)} cannot be the key of a map, so it cannot be looked for in one")
        return mark in (container if isinstance(container, dict) else container.entries)
    raise CelFailure(f"'in' needs a list or a map on its right, found {type_name(container)}")


def index(operand: Any, key: Any) -> Any:
    """`operand[key]` of a list or a map."""
    if isinstance(operand, dict):
        if not isinstance(key, str):
            raise CelFailure(
                f"the map has text keys, not {type_name(key)} ones" if token(key) is None else f"no such key: {key!r}"
            )
        if key not in operand:
            raise CelFailure(f"no such key: {key!r}")
        return operand[key]
    if isinstance(operand, CelMap):
        entry = operand.entries.get(token(key))
        if entry is None:
            raise CelFailure(f"no such key: {key!r}")
        return entry[1]
    if isinstance(operand, list):
        if not is_number(key) or key != key or key in (math.inf, -math.inf) or int(key) != key:
            raise CelFailure(f"a list is indexed by whole numbers, not by {type_name(key)} {key!r}")
        if not 0 <= key < len(operand):
            raise CelFailure(f"index {int(key)} is outside the list of {len(operand)}")
        return operand[int(key)]
    raise CelFailure(f"a {type_name(operand)} cannot be indexed")


def select(operand: Any, field: str) -> Any:
    """`operand.field` of a map."""
    if isinstance(operand, dict):
        if field in operand:
            return operand[field]
        raise CelFailure(f"no such field: {field!r}{_held(operand)}")
    if isinstance(operand, CelMap):
        return index(operand, field)
    raise CelFailure(f"a {type_name(operand)} has no fields, so none named {field!r}")


def _held(operand: Mapping[str, Any]) -> str:
    names = sorted(map(str, operand))[:5]
    return (
        f" (there are {', '.join(map(repr, names))}{', ...' if len(operand) > 5 else ''})"
        if names
        else " (the map is empty)"
    )


def has(operand: Any, field: str) -> bool:
    """`has(operand.field)`."""
    if isinstance(operand, (dict, CelMap)):
        return within(field, operand)
    raise CelFailure(f"a {type_name(operand)} has no fields, so has() cannot look for {field!r}")


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": less,
    "<=": at_most,
    ">": greater,
    ">=": at_least,
    "in": within,
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
}
