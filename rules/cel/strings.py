"""Functions that take text apart and put it together; what they make is bounded, so that no condition fills the memory."""

from __future__ import annotations

from typing import Any

from rules.cel.conversions import to_text
from rules.cel.faults import CelFailure
from rules.cel.values import CelMap, type_name
from schemas.masks import masked

MAX_TEXT = 1_000_000
"""Characters a text may have that a function makes."""


def _need(name: str, value: Any, kind: type, word: str) -> Any:
    if type(value) is not kind:
        raise CelFailure(f"{name}() needs {word}, found {type_name(value)}")
    return value


def split(text: Any, separator: Any, most: Any = -1) -> list[str]:
    """The parts between the separators, at most so many of them; an empty separator gives the characters."""
    _need("split", text, str, "text"), _need("split", separator, str, "text"), _need("split", most, int, "an int")
    if most == 0:
        return []
    if separator:
        return list(text.split(separator, most - 1 if most > 0 else -1))
    return list(text) if most < 0 or most >= len(text) else [*text[: most - 1], text[most - 1 :]]


def join(parts: Any, separator: Any = "") -> str:
    """The texts of a list, one after another."""
    _need("join", parts, list, "a list of texts"), _need("join", separator, str, "text")
    for part in parts:
        _need("join", part, str, "a list of texts")
    return _bounded(sum(map(len, parts)) + len(separator) * len(parts), lambda: separator.join(parts))


def replace(text: Any, old: Any, new: Any, most: Any = -1) -> str:
    """The text with one part in the place of another, everywhere or the first times."""
    for value in (text, old, new):
        _need("replace", value, str, "text")
    _need("replace", most, int, "an int")
    times = text.count(old) if most < 0 else min(text.count(old), most)
    return _bounded(len(text) + times * (len(new) - len(old)), lambda: text.replace(old, new, max(most, -1)))


def substring(text: Any, start: Any, end: Any = None) -> str:
    """The characters from a place, counted from 0, to the end or before another place; places outside are a failure."""
    _need("substring", text, str, "text"), _need("substring", start, int, "an int")
    last = len(text) if end is None else _need("substring", end, int, "an int")
    if not 0 <= start <= last <= len(text):
        raise CelFailure(f"substring({start}, {last}) is outside the text of {len(text)} characters")
    return str(text[start:last])


def index_of(text: Any, part: Any) -> int:
    """Where a part first stands, counted from 0; -1 where it does not."""
    return int(_need("indexOf", text, str, "text").find(_need("indexOf", part, str, "text")))


def last_index_of(text: Any, part: Any) -> int:
    """Where a part last stands."""
    return int(_need("lastIndexOf", text, str, "text").rfind(_need("lastIndexOf", part, str, "text")))


TEMPLATE = 500
"""Characters that `template` looks at: what comes after says little about which message it is."""


def template(text: Any) -> str:
    """The text with numbers, times, addresses and ids as placeholders: the same for all messages of one kind."""
    return masked(_need("template", text, str, "text")[:TEMPLATE])


MAX_TEXTS = 100_000
"""So many values are looked at by `texts` and `lowered`."""


def texts(value: Any, field: Any = None) -> list[str]:
    """Every text, number and truth value of maps and lists, whatever lies how deep, as text and in their order; a value alone is one.

    With a field's name, those of that field alone: the key of the map, or keys below keys where the name has dots. Lists on the way and at
    its end are gone through; what lies below a map at its end is no value of it.
    """
    found: list[str] = []
    waiting, seen = [value] if field is None else _reached(value, field), 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > MAX_TEXTS:
            raise CelFailure(f"texts() looks at {MAX_TEXTS} values at most")
        match one:
            case str():
                found.append(one)
            case bool() | int() | float():
                found.append(to_text(one))
            case list():
                waiting += reversed(one)
            case dict() if field is None:
                waiting += reversed(one.values())
            case CelMap() if field is None:
                waiting += reversed([held for _, held in one.entries.values()])
    return found


def lowered(value: Any, field: Any = None) -> list[str]:
    """The same as `texts`, in small letters of whatever script; a final sigma is a sigma."""
    return [small(one) for one in texts(value, field)]


def small(text: str) -> str:
    """A text in small letters, as `lowered` has it."""
    return text.lower() if text.isascii() else text.lower().replace("ς", "σ")  # noqa: RUF001 (the letter that ends a Greek word)


def _reached(value: Any, field: Any) -> list[Any]:
    """What lies under a field's name, last first: the key itself, or else keys below keys, through lists."""
    _need("texts", field, str, "the name of a field")
    if type(value) is not dict:
        raise CelFailure(f"texts() looks for a field in a map, found {type_name(value)}")
    if field in value:
        return [value[field]]
    if "." not in field:
        return []
    found = [value]
    for key in field.split("."):
        found = [one[key] for holder in found for one in _maps(holder) if key in one]
        if len(found) > MAX_TEXTS:
            raise CelFailure(f"texts() looks at {MAX_TEXTS} values at most")
    return found[::-1]


def _maps(holder: Any) -> list[dict[str, Any]]:
    """A map, or the maps of a list and of lists in it."""
    if isinstance(holder, list):
        return [one for each in holder for one in _maps(each)]
    return [holder] if type(holder) is dict else []


def _bounded(length: int, make: Any) -> str:
    if length > MAX_TEXT:
        raise CelFailure(f"the text would have {length} characters; at most {MAX_TEXT} are made")
    return str(make())
