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
    if read_too_deep(body, value):
        raise Refused("malformed", f"the JSON is nested deeper than {DEEPEST} levels")
    return value


def read_too_deep(content: bytes, value: object) -> bool:
    """Whether the value of a JSON text is nested deeper than DEEPEST.

    Most are seen not to be without looking at each value: nothing is nested deeper than there are brackets in the text, less those
    that are known to lie side by side. (Brackets are counted by taking them out: ten times as fast as `count`.)"""
    brackets = 2 * len(content) - len(content.replace(b"{", b"")) - len(content.replace(b"[", b""))
    if brackets <= DEEPEST:
        return False
    known, levels = _at_a_glance(value)
    return levels + brackets - known > DEEPEST and too_deep(value)


def _at_a_glance(value: object) -> tuple[int, int]:
    """How many arrays and objects are easily found, and in how many levels: the outer one, those in it when it is an object, the objects
    in the longest array, and in these what stands where the first of them has an array or object, too."""
    known = levels = 1
    if type(value) is dict:
        inner = [each for each in value.values() if type(each) is dict or type(each) is list]
        known, levels = 1 + len(inner), 2
        value = max((each for each in inner if type(each) is list), key=len, default=None)
    objects = [each for each in value if type(each) is dict] if type(value) is list else ()
    if objects:
        known, levels = known + len(objects), levels + 2
        for name, part in objects[0].items():
            if type(part) is dict or type(part) is list:
                kinds = [type(each.get(name)) for each in objects]
                known += kinds.count(dict) + kinds.count(list)
    return known, levels


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
