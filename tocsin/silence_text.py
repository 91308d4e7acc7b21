"""Times of a silence as people type them: `sunday 02:00-04:00`."""

import re
from typing import Any

from rules.delivery.said import TimeInterval
from rules.times import compile_interval

_EVERY = re.compile(r"(?:(?P<days>[a-z:,]+|-?\d{1,2}(?::-?\d{1,2})?)\s+)?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


def every(text: str, zone: str) -> dict[str, Any]:
    """An entry of `times`. Raises ValueError that says what was expected."""
    found = _EVERY.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(
            f"{text!r} says no times; expected such as 'sunday 02:00-04:00', 'monday:friday 22:00-24:00' or '1 00:00-06:00'"
        )
    said: dict[str, Any] = {"times": [{"start_time": found["start"], "end_time": found["end"]}], "location": zone}
    if days := found["days"]:
        said["days_of_month" if days.lstrip("-")[0].isdigit() else "weekdays"] = days.split(",")
    compile_interval(TimeInterval.model_validate(said))
    return said
