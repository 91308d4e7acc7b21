"""Moments as tools write them: RFC 3339, a date with a space, seconds, milliseconds or nanoseconds since the epoch."""

import re
from datetime import datetime
from typing import Any

from schemas import from_rfc3339
from schemas.time import SECOND

_UNITS = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (1e8, 1e6))
"""From this size on a number counts nanoseconds, microseconds, milliseconds, seconds; the factor makes microseconds of it."""
_LATEST = 7_258_118_400 * SECOND
"""The year 2200."""
_CTIME = ("%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d %H:%M:%S %z")
_LEAD = re.compile(
    r"^\W{0,2}(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\W{0,3}"
)


def moment(value: Any) -> int | None:
    """Microseconds since the epoch, or None when it is no moment of the years 1973 to 2200."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _of_number(float(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not text or len(text) > 40:
        return None
    if re.fullmatch(r"\d{9,19}(?:\.\d+)?", text):
        return _of_number(float(text))
    if not re.match(r"\d|[A-Z][a-z]{2}\b", text):
        return None
    return _of_text(text)


def leading(text: str) -> tuple[int, str] | None:
    """The moment a line of a log begins with, and the rest of the line."""
    found = _LEAD.match(text)
    if found is None:
        return None
    at = _of_text(found["time"])
    return None if at is None else (at, text[found.end() :])


def _of_number(value: float) -> int | None:
    for size, factor in _UNITS:
        if value >= size:
            at = int(value * factor)
            return at if at < _LATEST else None
    return None


def _of_text(text: str) -> int | None:
    iso = text.replace(" UTC", "Z").replace(",", ".")
    iso = re.sub(r"(\.\d{6})\d+", r"\1", iso)
    iso = re.sub(r" ([+-]\d\d:?\d\d)$", r"\1", iso)
    try:
        return from_rfc3339(iso)
    except ValueError:
        pass
    for form in _CTIME:
        try:
            return from_rfc3339(datetime.strptime(text, form).isoformat())  # noqa: DTZ007 - a form without a zone is UTC
        except ValueError:
            continue
    return None
