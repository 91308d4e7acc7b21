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
    if may_be_deep(body) and too_deep(value):
        raise Refused("malformed", f"the JSON is nested deeper than {DEEPEST} levels")
    return value


def may_be_deep(content: bytes) -> bool:
    """Whether the text has more brackets than DEEPEST: nothing is nested deeper than there are brackets, and finding some is cheaper
    than looking at every value (splitting is several times as fast as counting, and stops when it has seen enough)."""
    found = len(content.split(b"{", DEEPEST + 1)) + len(content.split(b"[", DEEPEST + 1)) - 2
    return found > DEEPEST


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
