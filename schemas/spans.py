"""Spans of time as people write them in files and commands: "90s", "5m", "1h30m", "2d"."""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

UNITS: dict[str, int] = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
"""Microseconds in each unit."""

LONGEST = 400 * UNITS["d"]
"""Nothing is kept open or remembered for longer than this."""

_SPAN = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_ORDER = ("w", "d", "h", "m", "s", "ms")


def parse_span(text: object) -> int:
    """Microseconds. Raises ValueError for anything but numbers with units, largest unit first, between 1 ms and 400 days."""
    found = _SPAN.fullmatch(text.replace(" ", "")) if isinstance(text, str) and len(text) <= 64 else None
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is not a span of time; expected numbers with units, such as '30s', '5m' or '1h30m'")
    span = sum(int(number) * UNITS[unit] for number, unit in zip(found.groups(), _ORDER, strict=True) if number)
    if not 0 < span <= LONGEST:
        raise ValueError(f"{text!r} is out of range; expected more than nothing and at most 400d")
    return span


def show_span(span: int) -> str:
    """The shortest way to write it, for people: 5m, 1h30m, 0s."""
    if span < UNITS["ms"]:
        return "0s"
    parts: list[str] = []
    for unit in _ORDER:
        number, span = divmod(span, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


@lru_cache(maxsize=1024)
def about(span: int) -> str:
    """A span for a sentence: its two largest units, no fractions of a second beyond the first."""
    if span >= UNITS["s"]:
        span -= span % UNITS["s"]
    text = show_span(span)
    return "".join(re.findall(r"\d+[a-z]+", text)[:2])


def in_words(seconds: float) -> str:
    """For prose, without sign: `45 s`, `12 min`, `3 h 20 min`, `2 days`."""
    left = abs(round(seconds))
    if left < 120:
        return f"{left} s"
    if left < 2 * 3600:
        return f"{round(left / 60)} min"
    if left < 48 * 3600:
        hours, minutes = divmod(round(left / 60), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(left / 86_400)} days"


def _read(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    return parse_span(value)


Span = Annotated[
    int, BeforeValidator(_read), WithJsonSchema({"type": "string", "examples": ["30s", "5m", "1h30m", "2d"]})
]
"""A span in a model: text in the file, microseconds in Python; a plain 0 is none at all."""
