"""A JSON body from outside, read so far that everything behind the door can store it again."""

from typing import Any

import orjson

from connectors.ports.source import Refused

DEEPEST = 100
"""Levels of arrays and objects: stored records are read back by a parser that gives up at 200."""


def read_json(body: bytes) -> Any:
    """The value. Raises Refused("malformed") when it is not JSON in UTF-8 (lone surrogates, NaN and numbers beyond a double among
    that), or nested deeper than DEEPEST."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused("malformed", f"the body is not JSON: {error}") from error
    # Nothing is nested deeper than there are brackets; counting them is cheaper than looking at every value.
    if body.count(b"{") + body.count(b"[") > DEEPEST and too_deep(value):
        raise Refused("malformed", f"the JSON is nested deeper than {DEEPEST} levels")
    return value


def too_deep(value: object, deepest: int = DEEPEST) -> bool:
    """Whether arrays and objects are nested in more than `deepest` levels."""
    level = [value]
    for _ in range(deepest):
        inner: list[object] = []
        for item in level:
            if type(item) is dict:
                inner.extend(item.values())
            elif type(item) is list:
                inner.extend(item)
        if not inner:
            return False
        level = inner
    return any(type(item) in (dict, list) for item in level)
