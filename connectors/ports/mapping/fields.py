"""Values as senders write them, read as what a signal needs: texts, times, labels, numbers, links."""

import math
from functools import lru_cache
from typing import Any

import orjson

from schemas import from_rfc3339, to_rfc3339
from schemas.time import SECOND

END_OF_TIME = 253_402_300_800_000_000
"""The year 10000, in microseconds: RFC 3339 ends there."""

TITLE = 300
"""Characters of a title; what is longer continues in the body."""

WEB = ("http://", "https://")
"""How links begin that a person may be sent to."""


def text_of(value: Any) -> str:
    """One text: numbers and booleans as JSON writes them, an object by its `name` where it has one, the rest as JSON."""
    if type(value) is str:
        return value
    if type(value) is dict:
        name = value.get("name")
        if type(name) is str:
            return name
    return orjson.dumps(value).decode()


def moment_of(value: Any) -> int | None:
    """Microseconds since the epoch, from RFC 3339 or a number of s, ms, µs or ns (told apart by their size); None when it is
    neither, or lies outside the years 1970 to 9999."""
    if type(value) is str:
        try:
            moment = from_rfc3339(value)
        except (ValueError, OverflowError):
            try:
                return moment_of(float(value))
            except ValueError:
                return None
        return moment if 0 <= moment < END_OF_TIME else None
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        size = abs(value)
        if size < 1e11:
            moment = round(value * SECOND)
        elif size < 1e14:
            moment = round(value * 1_000)
        elif size < 1e17:
            moment = round(value)
        else:
            moment = round(value / 1_000)
        return moment if 0 <= moment < END_OF_TIME else None
    return None


_LONGEST_MOMENT = 64
"""Longer texts are read anew each time, so that what is remembered stays small."""


def moment_text(value: Any) -> str | None:
    """`moment_of` as RFC 3339."""
    if type(value) is str and len(value) <= _LONGEST_MOMENT:
        return _known_moment(value)
    moment = moment_of(value)
    return None if moment is None else to_rfc3339(moment)


@lru_cache(maxsize=4096)
def _known_moment(value: str) -> str | None:
    """Remembered: what came in one request often happened at one time."""
    moment = moment_of(value)
    return None if moment is None else to_rfc3339(moment)


def title_and_rest(text: str) -> tuple[str, str]:
    """The first line that says something, cut at TITLE characters, and what it leaves out ("" when nothing)."""
    if "\n" not in text and len(text) <= TITLE:
        return text.strip(), ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return (first, text) if len(first) <= TITLE else (first[: TITLE - 1] + "…", text)


def labels_of(value: Any) -> dict[str, str]:
    """Labels from an object, or an array of `key:value`, `key=value`, plain words (value "true"), pairs, or key/value objects.

    An object that holds nothing but texts is given back itself."""
    if type(value) is dict:
        for item in value.values():
            if type(item) is not str:
                break
        else:
            return value
        return {key: item if type(item) is str else text_of(item) for key, item in value.items() if item is not None}
    labels: dict[str, str] = {}
    for item in value if type(value) is list else [value]:
        match item:
            case str():
                separator = min((c for c in ":=" if c in item), key=item.index, default="")
                key, _, rest = item.partition(separator) if separator else (item, "", "true")
                labels[key.strip()] = rest.strip()
            case [str(key), rest]:
                labels[key] = text_of(rest)
            case {"key": str(key), "value": rest} | {"name": str(key), "value": rest}:
                labels[key] = text_of(rest)
            case _:
                labels[text_of(item)] = "true"
    return labels


def measures_of(value: Any) -> dict[str, float]:
    """The numbers of an object; what is no number is left to `raw`."""
    if type(value) is not dict:
        return {}
    return {key: float(item) for key, item in value.items() if type(item) in (int, float)}


def urls_of(value: Any) -> list[str]:
    """Web addresses out of a text or an array of texts; anything that is not http or https is left to `raw`."""
    if type(value) is str:
        return [value] if value.startswith(WEB) else []
    candidates = value if type(value) is list else []
    return [item for item in candidates if type(item) is str and item.startswith(WEB)]
