"""The message literals of conditions: Google's well-known wrappers alone, which are another way to write plain values.

Messages of other types have no place in a signal and are refused at load (cel-spec doc/langdef.md, section Dynamic Values).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rules.cel.faults import CelFailure
from rules.cel.values import Uint, single, type_name


def _integer(kind: type[int], least: int, most: int) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        if type(value) is not kind or not least <= value <= most:
            raise CelFailure(f"{type_name(value)} {value!r} does not fit the wrapper's {least} to {most}")
        return value

    return make


def _only(*kinds: type) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        if type(value) not in kinds:
            raise CelFailure(f"the wrapper does not hold a {type_name(value)}")
        return value

    return make


def _float(value: Any) -> float:
    return single(_only(float)(value))


def _plain(value: Any) -> Any:
    """A value as JSON would hold it: numbers are doubles."""
    if type(value) in (int, Uint):
        return float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return _only(type(None), bool, float, str)(value)


def _struct(value: Any) -> Any:
    return _plain(_only(dict)(value))


def _list(value: Any) -> Any:
    return _plain(_only(list)(value))


_I32, _I64 = _integer(int, -(2**31), 2**31 - 1), _integer(int, -(2**63), 2**63 - 1)
_U32, _U64 = _integer(Uint, 0, 2**32 - 1), _integer(Uint, 0, 2**64 - 1)
# Per message: its value when nothing is set, and what each field makes of the value given.
_MESSAGES: Mapping[str, tuple[Any, Mapping[str, Callable[[Any], Any]]]] = {
    "google.protobuf.BoolValue": (False, {"value": _only(bool)}),
    "google.protobuf.BytesValue": (b"", {"value": _only(bytes)}),
    "google.protobuf.DoubleValue": (0.0, {"value": _only(float)}),
    "google.protobuf.FloatValue": (0.0, {"value": _float}),
    "google.protobuf.Int32Value": (0, {"value": _I32}),
    "google.protobuf.Int64Value": (0, {"value": _I64}),
    "google.protobuf.StringValue": ("", {"value": _only(str)}),
    "google.protobuf.UInt32Value": (Uint(0), {"value": _U32}),
    "google.protobuf.UInt64Value": (Uint(0), {"value": _U64}),
    "google.protobuf.ListValue": ([], {"values": _list}),
    "google.protobuf.Struct": ({}, {"fields": _struct}),
    "google.protobuf.Value": (
        None,
        {
            "null_value": lambda _: None,
            "bool_value": _only(bool),
            "number_value": lambda value: float(_only(float, int)(value)),
            "string_value": _only(str),
            "list_value": _list,
            "struct_value": _struct,
        },
    ),
}


def refusal(name: str, fields: list[str]) -> str | None:
    """Why a message literal cannot be loaded, or None."""
    if name not in _MESSAGES:
        return f"message literals such as {name}{{...}} are not part of the language; write a map {{'key': value}}"
    unknown = [field for field in fields if field not in _MESSAGES[name][1]]
    if unknown:
        return f"{name} has no field {unknown[0]!r}, only {', '.join(map(repr, _MESSAGES[name][1]))}"
    if len(fields) > 1:
        return f"{name} takes one field, found {len(fields)}"
    return None


def build(name: str, fields: list[tuple[str, Any]]) -> Any:
    """The plain value a message literal stands for; raises CelFailure for a value its field cannot hold."""
    if (words := refusal(name, [field for field, _ in fields])) is not None:
        raise CelFailure(words)
    value, makers = _MESSAGES[name]
    for field, given in fields:
        value = makers[field](given)
    return value
