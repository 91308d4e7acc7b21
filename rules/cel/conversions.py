"""Conversions between kinds, each with the ranges and the text forms of cel-spec doc/langdef.md."""

from __future__ import annotations

import math
import re
from typing import Any

from rules.cel import operators, times
from rules.cel.faults import CelFailure
from rules.cel.values import TYPES, CelType, Duration, Timestamp, Uint, type_name

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_BOOLS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def _refuse(value: object, wanted: str) -> CelFailure:
    shown = f" {value[:60]!r}" if isinstance(value, str) else ""
    return CelFailure(f"{type_name(value)}{shown} cannot be made {wanted}")


def to_int(value: Any) -> int:
    if isinstance(value, bool):
        raise _refuse(value, "an int")
    if isinstance(value, int):
        return operators.checked(int(value))
    if isinstance(value, float) and -(2.0**63) < value < 2.0**63:
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return operators.checked(int(value))
    if isinstance(value, Timestamp):
        return value.nanos // times.SECOND
    raise _refuse(value, "an int")


def to_uint(value: Any) -> Uint:
    if isinstance(value, bool):
        raise _refuse(value, "a uint")
    if isinstance(value, int):
        return operators.unsigned(int(value))
    if isinstance(value, float) and -1.0 < value < 2.0**64:
        return Uint(int(value))
    if isinstance(value, str) and _WHOLE.fullmatch(value) and value[0] not in "+-":
        return operators.unsigned(int(value))
    raise _refuse(value, "a uint")


def to_double(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _refuse(value, "a double") from None
    if isinstance(value, str) and _DOUBLE.fullmatch(value):
        return float(value)
    raise _refuse(value, "a double")


def to_text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return _double_text(value)
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise CelFailure("the bytes are no UTF-8 text") from None
        case Timestamp():
            return times.timestamp_text(value)
        case Duration():
            return times.duration_text(value)
    raise _refuse(value, "a string")


def _double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    return text.removesuffix(".0")


def to_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError:
            raise CelFailure("the text holds half of a surrogate pair, which UTF-8 cannot write") from None
    raise _refuse(value, "bytes")


def to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLS:
        return _BOOLS[value]
    raise _refuse(value, "a bool")


def to_timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    if isinstance(value, str):
        return times.parse_timestamp(value)
    if type(value) is int:
        return times.timestamp(value * times.SECOND)
    raise _refuse(value, "a timestamp")


def to_duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        return times.parse_duration(value)
    raise _refuse(value, "a duration")


def type_of(value: Any) -> CelType:
    return TYPES[type_name(value)]
