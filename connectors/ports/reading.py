"""Reading what strangers send: JSON that is nearly right, and fields that hold anything.

No function here raises for a wrong kind of value: it answers with what can be said (an empty mapping, no number). Only `lenient_json`
raises, and only `Unreadable`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from connectors.ports.json_body import DEEPEST, read_too_deep, too_deep
from schemas.time import SECOND, from_rfc3339

LATEST = 253_402_300_800 * SECOND
"""The year 10000: moments from here on cannot be written as RFC 3339."""
LONGEST_URL = 8_000
LONGEST_MOMENT = 64


class Unreadable(ValueError):
    """These bytes cannot be read; the message says why. Keep them as poison."""


def lenient_json(content: bytes) -> Any:
    """The value of a JSON text, fit to be stored again.

    Beyond what the standard allows: a byte order mark, bytes that are no UTF-8, lone surrogates (JavaScript cuts emoji in two) and
    NULs, which become U+FFFD; NaN, infinities and integers beyond 64 bits, which become text. Raises Unreadable for
    anything else, and for nesting deeper than DEEPEST.
    """
    try:
        value = orjson.loads(content)
        if b"\\u0000" in content:
            value = _storable(value)
    except orjson.JSONDecodeError as error:
        value = _second_try(content, str(error))
    if read_too_deep(content, value):
        raise Unreadable(f"the JSON is nested deeper than {DEEPEST} levels")
    return value


def _second_try(content: bytes, complaint: str) -> Any:
    try:
        value = json.loads(content.decode("utf-8-sig", "replace"), parse_constant=str, parse_int=_integer)
    except RecursionError as error:
        raise Unreadable(f"the JSON is nested deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise Unreadable(f"not JSON: {complaint}") from error
    if too_deep(value):
        raise Unreadable(f"the JSON is nested deeper than {DEEPEST} levels")
    return _storable(value)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits


def _storable(value: Any) -> Any:
    match value:
        case str():
            return value if _clean(value) else _replaced(value)
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value


def _replaced(value: str) -> str:
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _clean(value: str) -> bool:
    return value.isascii() and "\0" not in value


def mapping(value: object) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[Any]:
    """The value when it is an array, else an empty one."""
    return value if isinstance(value, list) else ()


def text(value: object, limit: int = 10_000) -> str:
    """A scalar as text, cut to `limit` characters; empty for null, arrays and objects. Booleans read `true` and `false`."""
    if type(value) is str:
        return value if len(value) <= limit else f"{value[: limit - 1]}…"
    match value:
        case str():
            written = value
        case bool():
            written = "true" if value else "false"
        case int() | float():
            written = repr(value)
        case _:
            return ""
    return written if len(written) <= limit else f"{written[: limit - 1]}…"


def line(value: object, limit: int = 300) -> str:
    """A scalar as one line: white space and control characters run together into single spaces."""
    if value is None:
        return ""
    if (
        type(value) is str
        and len(value) <= limit
        and value.isprintable()
        and value == value.strip()
        and "  " not in value
    ):
        return value  # printable: the only white space in it is the plain space
    written = text(value, limit * 4)
    if not written.isprintable():
        written = "".join(character if character.isprintable() else " " for character in written)
    return text(" ".join(written.split()), limit)


def number(value: object) -> float | None:
    """A finite number, also out of text; None for anything else, booleans among it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: object) -> int | None:
    """Microseconds since the epoch out of RFC 3339 text or of seconds since the epoch (number, or number as text); None for what is
    neither, or lies before 1970 or after 9999; text longer than LONGEST_MOMENT, without the white space around it, is neither."""
    if isinstance(value, str):
        if len(value) > LONGEST_MOMENT and len(value := value.strip()) > LONGEST_MOMENT:
            return None
        return _moment_in(value)
    seconds = number(value)
    return None if seconds is None else _seconds(seconds)


@lru_cache(maxsize=4096)
def _moment_in(written: str) -> int | None:
    """Remembered, a quarter of a megabyte at most: what came in one request often happened at one time."""
    seconds = number(written)
    if seconds is not None:
        return _seconds(seconds)
    try:
        found = from_rfc3339(written.strip())
    except (ValueError, OverflowError):
        return None
    return found if 0 < found < LATEST else None


def _seconds(seconds: float) -> int | None:
    if not 0 < seconds < LATEST / SECOND:
        return None
    found = round(seconds * SECOND)
    return found if 0 < found < LATEST else None


def web_url(value: object) -> str | None:
    """The value when it is an absolute http(s) URL a person may be sent to, else None."""
    return value if isinstance(value, str) and len(value) <= LONGEST_URL and _leads_somewhere(value) else None


@lru_cache(maxsize=1024)
def _leads_somewhere(url: str) -> bool:
    if not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
