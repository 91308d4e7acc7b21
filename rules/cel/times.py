"""Points and spans of time in conditions: reading, writing, and calendar parts with zones.

Timestamps are read as RFC 3339 says, durations as Go writes them ("1h30m", "1.5s"), as cel-spec doc/langdef.md asks.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from zoneinfo import ZoneInfo

from rules.cel.faults import CelFailure
from rules.cel.values import INT_MAX, INT_MIN, Duration, Timestamp

SECOND = 1_000_000_000
_FIRST = -62_135_596_800 * SECOND
_LAST = 253_402_300_800 * SECOND - 1
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_SPAN = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)


def timestamp(nanos: int) -> Timestamp:
    if not _FIRST <= nanos <= _LAST:
        raise CelFailure("the timestamp is outside the years 1 to 9999")
    return Timestamp(nanos)


def duration(nanos: int) -> Duration:
    if not INT_MIN <= nanos <= INT_MAX:
        raise CelFailure("the duration does not fit 64 bits of nanoseconds (292 years)")
    return Duration(nanos)


@lru_cache(maxsize=4096)
def parse_timestamp(text: str) -> Timestamp:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise CelFailure(f"{text[:60]!r} is no RFC 3339 timestamp such as '2026-11-21T10:00:00Z'")
    year, month, day, hour, minute, second = (int(match[part]) for part in range(1, 7))
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH_DAY
        datetime.time(hour, minute, second)
    except ValueError as error:
        raise CelFailure(f"{text!r} is no timestamp: {error}") from None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    if match[8]:
        offset = int(match[9]) * 3600 + int(match[10]) * 60
        seconds += offset if match[8] == "-" else -offset
    return timestamp(seconds * SECOND + int((match[7] or "0").ljust(9, "0")))


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> Duration:
    sign, body = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if body == "0":
        return Duration(0)
    total, at = 0, 0
    while match := _SPAN.match(body, at):
        number, unit = re.fullmatch(r"([\d.]+)(\D+)", match.group(), re.ASCII).groups()  # type: ignore[union-attr]
        whole, _, fraction = number.partition(".")
        fraction = fraction[:18]
        total += int((whole or "0")[:20]) * _UNITS[unit] + int(fraction or "0") * _UNITS[unit] // 10 ** len(fraction)
        at = match.end()
    if not body or at != len(body):
        raise CelFailure(f"{text[:60]!r} is no duration such as '1h30m' or '1.5s'")
    return duration(sign * total)


def read_timestamp(value: object) -> Timestamp:
    """A field of kind timestamp as it stands in a signal: RFC 3339 text or microseconds since the epoch."""
    if isinstance(value, str):
        return parse_timestamp(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return timestamp(value * 1000)
    if isinstance(value, Timestamp):
        return value
    raise CelFailure(f"a timestamp field holds neither RFC 3339 text nor microseconds but {type(value).__name__}")


def read_duration(value: object) -> Duration:
    """A field of kind duration as it stands in a signal: text such as "90s" or microseconds."""
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return duration(value * 1000)
    if isinstance(value, Duration):
        return value
    raise CelFailure(f"a duration field holds neither text such as '90s' nor microseconds but {type(value).__name__}")


def timestamp_text(value: Timestamp) -> str:
    seconds, nanos = divmod(value.nanos, SECOND)
    moment = _EPOCH + datetime.timedelta(seconds=seconds)
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S}{_fraction(nanos)}Z"


def duration_text(value: Duration) -> str:
    seconds, nanos = divmod(abs(value.nanos), SECOND)
    return f"{'-' if value.nanos < 0 else ''}{seconds}{_fraction(nanos)}s"


def _fraction(nanos: int) -> str:
    return f".{nanos:09}".rstrip("0") if nanos else ""


@lru_cache(maxsize=512)
def zone(name: str) -> datetime.tzinfo:
    """A zone by its IANA name or its fixed offset ("+02:00", "-09:30", "02:00")."""
    if match := _OFFSET.fullmatch(name):
        hours, minutes = int(match[2]), int(match[3])
        if hours < 24 and minutes < 60:
            delta = datetime.timedelta(hours=hours, minutes=minutes)
            return datetime.timezone(-delta if match[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CelFailure(
            f"{name[:60]!r} is no time zone; write an IANA name such as 'Europe/Berlin' or an offset '+02:00'"
        ) from None


def _local(value: Timestamp, name: str) -> datetime.datetime:
    try:
        return (_EPOCH + datetime.timedelta(seconds=value.nanos // SECOND)).astimezone(zone(name))
    except OverflowError:
        raise CelFailure("the local time is outside the years 1 to 9999") from None


PARTS: Mapping[str, Callable[[datetime.datetime], int]] = {
    "getFullYear": lambda local: local.year,
    "getMonth": lambda local: local.month - 1,
    "getDayOfYear": lambda local: local.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda local: local.day - 1,
    "getDate": lambda local: local.day,
    "getDayOfWeek": lambda local: (local.weekday() + 1) % 7,
    "getHours": lambda local: local.hour,
    "getMinutes": lambda local: local.minute,
    "getSeconds": lambda local: local.second,
}
_SPANS = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND}


def part(name: str, value: object, zone_name: object = "UTC") -> int:
    """A calendar part of a timestamp in a zone, or the whole hours, minutes or seconds of a duration."""
    if isinstance(value, Timestamp) and isinstance(zone_name, str):
        return value.nanos % SECOND // 1_000_000 if name == "getMilliseconds" else PARTS[name](_local(value, zone_name))
    if isinstance(value, Duration):
        whole = abs(value.nanos)
        if name == "getMilliseconds":
            whole = whole % SECOND // 1_000_000
        elif name in _SPANS:
            whole //= _SPANS[name]
        else:
            raise CelFailure(f"{name}() needs a timestamp, found a duration")
        return -whole if value.nanos < 0 else whole
    raise CelFailure(f"{name}() needs a timestamp and a zone")
