"""Values as text, for names of groups and keys."""

from typing import Any

import orjson

from rules.cel import MISSING


def as_text(value: Any) -> str:
    """A group value: text as it is, nothing as "", anything else as JSON."""
    if type(value) is str:
        return value
    if value is MISSING or value is None:
        return ""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return str(value)
