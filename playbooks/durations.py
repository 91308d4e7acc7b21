"""Durations as people write them: `30s`, `4m`, `1h30m`, `2d`."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def seconds_of(value: object) -> float:
    """Seconds of `1h30m`, or of a plain number of seconds. Raises ValueError naming what was found and what is expected."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a duration; expected such as '30s', '4m' or '1h30m'")
    if isinstance(value, (int, float)):
        seconds = float(value)
    else:
        text = value.strip()
        if not text or _PART.sub("", text):
            raise ValueError(f"{value!r} is not a duration; expected such as '30s', '4m' or '1h30m'")
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < seconds < 10 * 365 * 86400:
        raise ValueError(f"{value!r} is not a usable duration; expected more than zero and less than ten years")
    return seconds


Seconds = Annotated[float, BeforeValidator(seconds_of)]
"""Seconds, written as a duration."""
