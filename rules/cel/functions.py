"""The functions conditions may call: one table, which is all there is; docs/conditions.md shows it to users."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rules.cel import conversions, patterns, strings, times
from rules.cel.faults import CelFailure
from rules.cel.values import CelMap, type_name
from schemas.document import near

SEVERITIES = ("debug", "info", "warning", "error", "critical")
"""From the mildest to the worst."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how it may be called, what it is for, and its work on values.

    `counts` are the numbers of arguments, the receiver among them; `result` is the kind of what it gives.
    `apply` raises CelFailure where the function is not defined.
    """

    name: str
    style: Literal["function", "method", "either"]
    counts: tuple[int, ...]
    usage: str
    purpose: str
    result: str
    apply: Callable[..., Any]


def _size(value: Any) -> int:
    if isinstance(value, (str, bytes, list, dict)):
        return len(value)
    if isinstance(value, CelMap):
        return len(value.entries)
    raise CelFailure(f"size() of {type_name(value)} is not defined")


def _text(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function for text alone: whatever else it meets is a failure."""

    def apply(*values: Any) -> Any:
        for value in values:
            if not isinstance(value, str):
                raise CelFailure(f"{name}() works on text alone, found {type_name(value)}")
        return work(*values)

    return apply


def rank(severity: str) -> int:
    """The place of a severity among SEVERITIES."""
    try:
        return SEVERITIES.index(severity)
    except ValueError:
        raise CelFailure(f"{severity[:40]!r} is no severity{near(severity, SEVERITIES)}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise CelFailure(f"{text[:60]!r} is no IP address") from None


@functools.lru_cache(maxsize=1024)
def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A block of addresses such as 10.0.0.0/8; set bits behind the mask are refused, because they are a slip."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise CelFailure(f"{text[:60]!r} is no block of addresses such as '10.0.0.0/8': {error}") from None


_NUMBER = r"(0|[1-9][0-9]*)"
_SEMVER = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def version(text: str) -> tuple[Any, ...]:
    """A key that sorts versions as semver.org 2.0.0 section 11 does; a leading "v" is allowed."""
    match = _SEMVER.fullmatch(text) if len(text) <= 256 else None
    if match is None:
        raise CelFailure(f"{text[:60]!r} is no semantic version such as '1.4.2' or '2.0.0-rc.1'")
    before = match[4]
    parts = () if before is None else tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in before.split("."))
    return (int(match[1]), int(match[2]), int(match[3]), before is None, parts)


def _compare(left: str, right: str) -> int:
    one, other = version(left), version(right)
    return (one > other) - (one < other)


def _upper(text: str) -> str:
    return re.sub("[a-z]+", lambda match: match.group().upper(), text)


def _lower(text: str) -> str:
    return re.sub("[A-Z]+", lambda match: match.group().lower(), text)


def _method(name: str, counts: int, usage: str, purpose: str, result: str, work: Callable[..., Any]) -> Function:
    return Function(name, "method", (counts,), usage, purpose, result, _text(name, work))


def _conversion(name: str, purpose: str, apply: Callable[[Any], Any]) -> Function:
    return Function(name, "function", (1,), f"{name}(x)", purpose, name, apply)


def _part(name: str, purpose: str) -> Function:
    return Function(name, "method", (1, 2), f't.{name}("zone")', purpose, "int", functools.partial(times.part, name))


_ALL = (
    Function("size", "either", (1,), "size(x), x.size()", "characters of a text, bytes, items of a list, keys of a map", "int", _size),
    _method("contains", 2, 's.contains("part")', "the text has this part", "bool", lambda text, other: other in text),
    _method("startsWith", 2, 's.startsWith("start")', "the text begins so", "bool", str.startswith),
    _method("endsWith", 2, 's.endsWith("end")', "the text ends so", "bool", str.endswith),
    Function(
        "matches", "either", (2,), 's.matches("regex"), matches(s, "regex")',
        "RE2 finds the pattern anywhere in the text; anchor it with ^ and $", "bool",
        _text("matches", lambda text, pattern: patterns.search(pattern)(text)),
    ),
    Function(
        "glob", "function", (2,), 'glob(s, "web-*")', "the whole text matches: * any text, ? one character, [a-z], [!a-z]", "bool",
        _text("glob", lambda text, pattern: patterns.glob(pattern)(text)),
    ),
    _method("lowerAscii", 1, "s.lowerAscii()", "the text with A-Z made small", "string", _lower),
    _method("upperAscii", 1, "s.upperAscii()", "the text with a-z made large", "string", _upper),
    _method("trim", 1, "s.trim()", "the text without space around it", "string", str.strip),
    Function("split", "method", (2, 3), 's.split(","), s.split(",", 2)', "the list of the parts between the separators, at most so many of them", "list", strings.split),
    Function("join", "method", (1, 2), 'list.join("-")', "the texts of a list, joined", "string", strings.join),
    Function("replace", "method", (3, 4), 's.replace("a", "b"), s.replace("a", "b", 1)', "the text with one part in the place of another, everywhere or the first times", "string", strings.replace),
    Function("substring", "method", (2, 3), "s.substring(2), s.substring(2, 5)", "the characters from a place (from 0) to the end, or before another place", "string", strings.substring),
    Function("indexOf", "method", (2,), 's.indexOf("part")', "where the part first stands, from 0; -1 where it does not", "int", strings.index_of),
    Function("lastIndexOf", "method", (2,), 's.lastIndexOf("part")', "where the part last stands", "int", strings.last_index_of),
    Function(
        "texts", "function", (1, 2), 'texts(raw), texts(raw, "user.name")',
        "every text, number and truth value in a map or list and below it, as text; or those of the field of that name, through lists", "list", strings.texts,
    ),
    Function(
        "lowered", "function", (1, 2), 'lowered(raw), lowered(raw, "user.name")',
        "the same in small letters, of whatever script", "list", strings.lowered,
    ),
    Function("template", "function", (1,), "template(title)", "the text with numbers, times, addresses and ids as placeholders, of its first 500 characters", "string", strings.template),
    Function(
        "severity_at_least", "function", (1, 2), 'severity_at_least("warning"), severity_at_least(x, "warning")',
        "the signal's severity, or another one, is this one or worse (debug, info, warning, error, critical)", "bool",
        _text("severity_at_least", lambda severity, least: rank(severity) >= rank(least)),
    ),
    Function(
        "cidr", "function", (2,), 'cidr(labels.ip, "10.0.0.0/8")', "the IP address lies in the block", "bool",
        _text("cidr", lambda address, block: _address(address) in network(block)),
    ),
    Function(
        "semver", "function", (2,), 'semver(labels.version, "1.4.0") >= 0',
        "-1, 0 or 1: the first version comes before, is or comes after the second (semver.org)", "int", _text("semver", _compare),
    ),
    _conversion("int", "from uint, double (towards zero), text, timestamp (seconds)", conversions.to_int),
    _conversion("uint", "from int, double, text", conversions.to_uint),
    _conversion("double", "from int, uint, text", conversions.to_double),
    _conversion("string", "from any scalar, bytes (UTF-8), timestamp, duration", conversions.to_text),
    _conversion("bytes", "from text (UTF-8)", conversions.to_bytes),
    _conversion("bool", "from the texts true, false, t, f, 1, 0", conversions.to_bool),
    _conversion("timestamp", 'from RFC 3339 text or seconds: timestamp("2026-11-21T10:00:00Z")', conversions.to_timestamp),
    _conversion("duration", 'from text: duration("1h30m")', conversions.to_duration),
    Function("dyn", "function", (1,), "dyn(x)", "x itself, its kind not checked at load", "dyn", lambda value: value),
    Function("type", "function", (1,), "type(x) == string", "the type of x", "dyn", conversions.type_of),
    _part("getFullYear", "the year"),
    _part("getMonth", "the month, January is 0"),
    _part("getDate", "the day of the month, the first is 1"),
    _part("getDayOfMonth", "the day of the month, the first is 0"),
    _part("getDayOfWeek", "the day of the week, Sunday is 0"),
    _part("getDayOfYear", "the day of the year, the first is 0"),
    _part("getHours", "the hour; of a duration all its hours"),
    _part("getMinutes", "the minute; of a duration all its minutes"),
    _part("getSeconds", "the second; of a duration all its seconds"),
    _part("getMilliseconds", "the milliseconds within the second"),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {function.name: function for function in _ALL}

MACROS: Mapping[str, tuple[str, str]] = {
    "has": ("has(labels.env)", "the field is there"),
    "all": ("list.all(x, condition)", "the condition holds for every item of a list or key of a map"),
    "exists": ("list.exists(x, condition)", "it holds for at least one"),
    "exists_one": ("list.exists_one(x, condition)", "it holds for exactly one"),
    "filter": ("list.filter(x, condition)", "the list of those for which it holds"),
    "map": (
        "list.map(x, value), list.map(x, condition, value)",
        "the list of the values, of all or of those for which the condition holds",
    ),
}
"""The macros, name to usage and purpose."""
