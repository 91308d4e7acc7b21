"""Random conditions and the signals they are tried on: for holding one back end against another."""

from __future__ import annotations

import random
from typing import Any

ROOTS = ("source", "severity", "title", "count", "ratio", "muted", "labels", "tags", "raw", "nothing")
KEYS = ("env", "team", "n", "on", "deep", "list", "absent")
TEXTS = ("sentry", "error", "prod", "", "p", "a.b", "critical", "É", "x" * 70)
NUMBERS = ("0", "1", "-1", "5", "1.0", "0.5", "-2.5", "9223372036854775807", "2u", "1e3", "0u")


def signals(draw: random.Random, count: int) -> list[dict[str, Any]]:
    """Activations of plain JSON values, of which many lack a field or hold another kind than one would think."""
    return [_signal(draw) for _ in range(count)]


def _signal(draw: random.Random) -> dict[str, Any]:
    made = {name: _field(draw, name) for name in ROOTS if draw.random() < 0.95}
    if draw.random() < 0.15:
        made[draw.choice(ROOTS)] = _any(draw, 2)
    return made


def _field(draw: random.Random, name: str) -> Any:
    match name:
        case "source" | "severity" | "title":
            return draw.choice(TEXTS)
        case "count":
            return draw.choice((0, 1, 5, -1, 9223372036854775807))
        case "ratio":
            return draw.choice((0.0, 1.0, 0.5, -2.5, 5))
        case "muted":
            return draw.random() < 0.5
        case "labels":
            return {key: draw.choice(TEXTS) for key in KEYS if draw.random() < 0.8}
        case "tags":
            return [draw.choice(TEXTS) for _ in range(draw.randrange(4))]
        case "raw":
            return {key: _any(draw, 2) for key in KEYS if draw.random() < 0.85}
    return None


def _any(draw: random.Random, depth: int) -> Any:
    choice = draw.randrange(9 if depth else 6)
    match choice:
        case 0:
            return draw.choice(TEXTS)
        case 1:
            return draw.choice((0, 1, 5, -1))
        case 2:
            return draw.choice((0.0, 1.0, 0.5))
        case 3 | 4:
            return draw.random() < 0.5
        case 5:
            return None
        case 6 | 7:
            return {key: _any(draw, depth - 1) for key in KEYS if draw.random() < 0.5}
    return [_any(draw, depth - 1) for _ in range(draw.randrange(4))]


def condition(draw: random.Random, depth: int = 4, variables: tuple[str, ...] = ()) -> str:
    """The text of a condition that may fail anywhere, but has no static fault."""
    if depth <= 0 or draw.random() < 0.25:
        return _atom(draw, variables)
    below = depth - 1
    match draw.randrange(11):
        case 0 | 1:
            return f"({condition(draw, below, variables)} && {condition(draw, below, variables)})"
        case 2 | 3:
            return f"({condition(draw, below, variables)} || {condition(draw, below, variables)})"
        case 4 | 5:
            return f"!({condition(draw, below, variables)})"
        case 6:
            parts = (condition(draw, below, variables) for _ in range(3))
            return "({} ? {} : {})".format(*parts)
        case 7 | 8:
            variable = f"v{len(variables)}" if draw.random() < 0.9 else draw.choice(("source", "x", "labels"))
            macro = draw.choice(("all", "exists", "exists_one"))
            return f"{_container(draw, variables)}.{macro}({variable}, {condition(draw, min(below, 2), (*variables, variable))})"
        case 9:
            return f"({condition(draw, below, variables)} == {condition(draw, below, variables)})"
    return _atom(draw, variables)


def path(draw: random.Random, variables: tuple[str, ...]) -> str:
    if variables and draw.random() < 0.7:
        text = draw.choice(variables)
    else:
        text = draw.choice(ROOTS)
        if text in ("labels", "raw") or draw.random() < 0.05:
            text += _step(draw)
    while draw.random() < 0.15:
        text += _step(draw)
    return text


def _step(draw: random.Random) -> str:
    key = draw.choice(KEYS)
    return f".{key}" if draw.random() < 0.8 else f'["{key}"]'


def _container(draw: random.Random, variables: tuple[str, ...]) -> str:
    return draw.choice(("tags", "labels", "raw.list", "raw.deep", "raw", '["error", "p"]', path(draw, variables)))


def constant(draw: random.Random) -> str:
    match draw.randrange(5):
        case 0 | 1:
            return _quoted(draw.choice(TEXTS))
        case 2 | 3:
            return draw.choice(NUMBERS)
    return draw.choice(("true", "false", "null"))


def _quoted(text: str) -> str:
    return f'"{text}"'


def value(draw: random.Random, variables: tuple[str, ...], depth: int = 2) -> str:
    if depth == 0 or draw.random() < 0.6:
        return path(draw, variables) if draw.random() < 0.7 else constant(draw)
    below = depth - 1
    match draw.randrange(9):
        case 0 | 1:
            operator = draw.choice("+-*/%")
            return f"({value(draw, variables, below)} {operator} {value(draw, variables, below)})"
        case 2:
            return f"size({value(draw, variables, below)})"
        case 3:
            return f"[{value(draw, variables, below)}, {value(draw, variables, below)}]"
        case 4:
            # Of lists alone: the order of a map's keys is open in CEL, so a list made of them compares as it happens.
            listed = draw.choice(("tags", '["error", "p"]', f"[{path(draw, variables)}, {path(draw, variables)}]"))
            return f"{listed}.filter(w, {condition(draw, 1, (*variables, 'w'))})"
        case 5:
            return f"{draw.choice(('int', 'double', 'dyn'))}({value(draw, variables, below)})"
        case 6:
            listed = draw.choice(("tags", '["error", "p"]', f"[{path(draw, variables)}, {path(draw, variables)}]"))
            where = f"{condition(draw, 1, (*variables, 'w'))}, " if draw.random() < 0.3 else ""
            return f"{listed}.map(w, {where}{value(draw, (*variables, 'w'), below)})"
        case 7:
            return (
                f"({condition(draw, 1, variables)} ? {value(draw, variables, below)} : {value(draw, variables, below)})"
            )
    return f"{{{_quoted(draw.choice(KEYS))}: {value(draw, variables, below)}}}"


def _atom(draw: random.Random, variables: tuple[str, ...]) -> str:
    place = path(draw, variables)
    match draw.randrange(14):
        case 0 | 1 | 2:
            return f"{place} {draw.choice(('==', '!='))} {constant(draw)}"
        case 3 | 4:
            sides = [place, constant(draw)]
            draw.shuffle(sides)
            return f"{sides[0]} {draw.choice(('<', '<=', '>', '>='))} {sides[1]}"
        case 5:
            return f"{place} in [{', '.join(constant(draw) for _ in range(draw.randrange(4)))}]"
        case 6:
            return f"{_quoted(draw.choice(KEYS))} in {_container(draw, variables)}"
        case 7:
            return f"has({draw.choice((place, 'raw', 'labels'))}.{draw.choice(KEYS)})"
        case 8:
            return f"{place}.{draw.choice(('contains', 'startsWith', 'endsWith'))}({_quoted(draw.choice(TEXTS))})"
        case 9:
            return f"{place}.matches({_quoted(draw.choice(('^p', 'r+o', '(e|s).*r', 'a.b', '')))})"
        case 10:
            return place
        case 11:
            return draw.choice(("true", "false"))
    operator = draw.choice(("==", "!=", "<", "<=", ">", ">=", "in"))
    return f"({value(draw, variables)} {operator} {value(draw, variables)})"


STAMPS = (
    '"2026-11-21T10:00:00Z"', '"2026-11-21T10:00:00.5+01:00"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999999Z"',
)  # fmt: skip
SPANS = ('"1h30m"', '"0"', '"-5m"', '"1.5s"', '"90000h"')


def time_signals(draw: random.Random, count: int) -> list[dict[str, Any]]:
    """Signals whose times are text or microseconds, or broken."""
    return [_time_signal(draw) for _ in range(count)]


def _time_signal(draw: random.Random) -> dict[str, Any]:
    stamps = (*(stamp.strip('"') for stamp in STAMPS), 1_763_719_200_000_000, 0, "yesterday", None, True, 2**62, [1])
    spans = (*(span.strip('"') for span in SPANS), 5_000_000, "long", None, -1)
    made = {
        "occurred_at": draw.choice(stamps),
        "received_at": draw.choice(stamps),
        "lasted": draw.choice(spans),
        "title": draw.choice(TEXTS),
        "measures": {"n": draw.choice((0, 1.5, 7))},
    }
    return {name: value for name, value in made.items() if draw.random() < 0.9}


def time_condition(draw: random.Random, depth: int = 3) -> str:
    """A condition over timestamps and durations that has no static fault under the kinds of `time_signals`."""
    if depth and draw.random() < 0.6:
        match draw.randrange(4):
            case 0:
                return f"({time_condition(draw, depth - 1)} && {time_condition(draw, depth - 1)})"
            case 1:
                return f"({time_condition(draw, depth - 1)} || {time_condition(draw, depth - 1)})"
            case 2:
                return f"!({time_condition(draw, depth - 1)})"
        parts = (time_condition(draw, depth - 1) for _ in range(3))
        return "({} ? {} : {})".format(*parts)
    operator = draw.choice(("<", "<=", ">", ">=", "==", "!="))
    match draw.randrange(5):
        case 0 | 1:
            return f"{_stamp(draw)} {operator} {_stamp(draw)}"
        case 2 | 3:
            return f"{_span(draw)} {operator} {_span(draw)}"
    return f"{_stamp(draw)}.{draw.choice(('getHours', 'getDayOfWeek', 'getFullYear'))}({draw.choice(('', _quoted('Europe/Berlin')))}) {operator} 5"


def _stamp(draw: random.Random, depth: int = 2) -> str:
    if depth and draw.random() < 0.35:
        return f"({_stamp(draw, depth - 1)} {draw.choice('+-')} {_span(draw, depth - 1)})"
    return draw.choice(("occurred_at", "received_at", f"timestamp({draw.choice(STAMPS)})"))


def _span(draw: random.Random, depth: int = 2) -> str:
    if depth and draw.random() < 0.5:
        if draw.random() < 0.5:
            return f"({_span(draw, depth - 1)} {draw.choice('+-')} {_span(draw, depth - 1)})"
        return f"({_stamp(draw, depth - 1)} - {_stamp(draw, depth - 1)})"
    return draw.choice(("lasted", f"duration({draw.choice(SPANS)})"))


def own_condition(draw: random.Random, depth: int = 3) -> str:
    """A condition over functions that are Tocsin's own, or of CEL's extensions: for our two back ends against each other."""
    if depth and draw.random() < 0.6:
        parts = [own_condition(draw, depth - 1) for _ in range(3)]
        return draw.choice(("({0} && {1})", "({0} || {1})", "!({0})", "({0} ? {1} : {2})")).format(*parts)
    text, other = (draw.choice((path(draw, ()), _quoted(draw.choice((*TEXTS, "1.4.2", "10.1.2.3"))))) for _ in range(2))
    match draw.randrange(9):
        case 0:
            return f'glob({text}, "{draw.choice(("p*", "?rror", "[a-s]*", "*"))}")'
        case 1:
            return f'cidr({text}, "{draw.choice(("10.0.0.0/8", "::/0"))}")'
        case 2:
            return f'semver({text}, "1.4.0") {draw.choice(("<", ">=", "=="))} 0'
        case 3:
            return f'severity_at_least({text}, "{draw.choice(("debug", "warning", "critical"))}")'
        case 4:
            return f"{text}.{draw.choice(('lowerAscii', 'upperAscii', 'trim'))}() == {other}"
        case 5:
            return f"{text}.split({other}).size() > {draw.randrange(4)}"
        case 6:
            return f'{draw.choice(("tags", path(draw, ())))}.join("-").contains({other})'
        case 7:
            return f'{text}.replace({other}, "x").indexOf("x") >= {draw.randrange(3)}'
    return f"{text}.substring({draw.randrange(3)}).lastIndexOf({other}) == {draw.choice((-1, 0, 1))}"
