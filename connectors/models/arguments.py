"""Arguments of a call as models write them: a JSON object, or a fault that says what was wrong with it."""

import json
from typing import Any

SHOWN = 300
"""Characters of what cannot be read that are shown back."""


def read_arguments(text: str, *, complete: bool = True) -> tuple[dict[str, Any], str | None]:
    """The object in `text` and no fault, or nothing and the fault. Empty text is an empty object; an object that is encoded twice (some
    local models do) is read. `complete` False: the stream was cut inside it, so it is a fault however it reads."""
    if not complete:
        return {}, f"the arguments were cut off after {len(text)} characters: {text[:SHOWN]!r}"
    if not text.strip():
        return {}, None
    try:
        value = json.loads(text)
        if isinstance(value, str):
            value = json.loads(value)
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not valid JSON ({error}): {text[:SHOWN]!r}"
    if not isinstance(value, dict):
        return {}, f"the arguments are a JSON {type(value).__name__}, expected an object: {text[:SHOWN]!r}"
    return value, None
