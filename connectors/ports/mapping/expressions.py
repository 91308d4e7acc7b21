"""A configured mapping, compiled once: it finds the fields of a signal in the sender's JSON."""

from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from connectors.ports.mapping.guess import FIELDS, Found, guess
from connectors.ports.mapping.settings import Mapping

Getter = Callable[[Any], Any]


class Unreadable(Exception):
    """An expression cannot be applied to this content; the message names field, expression and what went wrong."""


def compile_expression(expression: str) -> Getter:
    """The expression as a function. Plain paths (`a.b.c`) become dictionary look-ups, the rest runs in jmespath.

    Raises JMESPathError here when it is no expression; the function raises it when a function of the expression meets a value of
    the wrong kind.
    """
    parsed = jmespath.compile(expression)
    path = _plain_path(parsed.parsed)
    if path is None:
        return _searching(parsed)
    return _walking(path)


def _plain_path(node: Any) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression" and all(child["type"] == "field" for child in node["children"]):
        return tuple(child["value"] for child in node["children"])
    return None


def _walking(path: tuple[str, ...]) -> Getter:
    def walk(value: Any) -> Any:
        for name in path:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return walk


def _searching(parsed: ParsedResult) -> Getter:
    def search(value: Any) -> Any:
        return parsed.search(value)

    return search


class Fields:
    """The mapping of one instance, ready to be applied."""

    def __init__(self, mapping: Mapping) -> None:
        self._items = compile_expression(mapping.items) if mapping.items else None
        self._items_expression = mapping.items
        self._guess = mapping.guess
        self._defaults = [(FIELDS.index(field), default) for field, default in mapping.defaults.items()]
        self._getters = [
            (place, field, expression, compile_expression(expression))
            for place, field in enumerate(FIELDS)
            if (expression := getattr(mapping, field, None)) is not None
        ]
        self._guesses_alone = mapping.guess and not self._defaults and not self._getters

    def items(self, content: Any) -> list[Any]:
        """The parts that are one signal each: what `items` finds, or the elements of an array, or the content itself.
        Raises Unreadable when `items` finds no array."""
        if self._items is None:
            return content if isinstance(content, list) else [content]
        found = _apply("items", self._items_expression or "", self._items, content)
        if not isinstance(found, list):
            raise Unreadable(
                f"mapping.items {self._items_expression!r} found {type(found).__name__}, expected an array; "
                "check the expression against what the sender really sends"
            )
        return found

    def find(self, item: Any, guessable: dict[str, Any]) -> Found:
        """Values by field: mapped, else guessed from `guessable`, else the default. Raises Unreadable."""
        if self._guesses_alone:
            return guess(guessable)
        found = list(guess(guessable)) if self._guess else [None] * len(FIELDS)
        for place, default in self._defaults:
            if found[place] is None:
                found[place] = default
        for place, field, expression, getter in self._getters:
            value = _apply(field, expression, getter, item)
            if value is not None:
                found[place] = value
        return tuple(found)


def _apply(field: str, expression: str, getter: Getter, content: Any) -> Any:
    try:
        return getter(content)
    except (JMESPathError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"mapping.{field} {expression!r} cannot be applied: {error}") from error
