"""Moments: integers of microseconds inside, RFC 3339 text outside."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO = EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""One second, in the unit of `Micros`."""


@lru_cache(maxsize=4096)
def from_rfc3339(text: str) -> int:
    """Microseconds since the epoch; nanoseconds are cut. A time without a zone is read as UTC.

    Raises ValueError, naming the text, when it is not an RFC 3339 or ISO 8601 moment. Remembered: the alerts of a group began together,
    and end at the same `0001-01-01`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time; expected RFC 3339, such as '2026-11-21T10:00:00Z'") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def to_rfc3339(moment: int) -> str:
    """RFC 3339 in UTC with a `Z`; always six digits of fraction, so that texts sort as times do.

    Remembered: all signals of a request have one time of receipt, and writing it is a fifth of the work of storing one.
    """
    seconds, micros = divmod(moment, SECOND)
    return f"{_second(seconds)}.{micros:06}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return (_ZERO + timedelta(0, seconds)).isoformat()


def _read(value: object) -> object:
    return from_rfc3339(value) if isinstance(value, str) else value


Micros = Annotated[
    int,
    BeforeValidator(_read),
    PlainSerializer(to_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment: int of microseconds since the epoch in Python, RFC 3339 text in JSON."""
