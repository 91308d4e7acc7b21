"""Writes conditions: the text of a parsed one, and the pieces from which others make conditions out of their own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

from rules.cel.syntax import (
    And,
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Local,
    Loop,
    MapOf,
    Message,
    Name,
    Negative,
    Node,
    Not,
    Or,
    Root,
    Select,
)
from rules.cel.values import CelType, Duration, Timestamp, Uint

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = frozenset({"in", "true", "false", "null"})
_LEVELS = {"==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}


def constant(value: object) -> str:
    """A plain value as a literal; raises ValueError for what has none."""
    match value:
        case None | bool():
            return "null" if value is None else str(value).lower()
        case Uint():
            return f"{int(value)}u"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case float():
            return f'double("{"NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"}")'
        case str():
            return text(value)
        case bytes():
            return 'b"' + "".join(f"\\x{byte:02x}" for byte in value) + '"'
        case list() | tuple():
            return f"[{', '.join(map(constant, value))}]"
        case dict():
            return "{" + ", ".join(f"{constant(key)}: {constant(item)}" for key, item in value.items()) + "}"
        case CelType(name=name):
            return name
        case Timestamp(nanos=nanos):
            return f"(timestamp(0) + {constant(Duration(nanos))})"
        case Duration(nanos=nanos):
            return f'duration("{nanos}ns")'
    raise ValueError(f"{value!r:.80} cannot be written in a condition")


def text(value: str) -> str:
    """A text as a literal: raw where it has backslashes and nothing else that would need one."""
    if "\\" in value and value.isprintable() and '"' not in value:
        return f'r"{value}"'
    return json.dumps(value, ensure_ascii=False)


def below(holder: str, *keys: str) -> str:
    """A field below another: `raw.a`, or `raw["a-b"]` where the key is no plain word."""
    for key in keys:
        holder += f".{key}" if _WORD.fullmatch(key) and key not in _TAKEN else f"[{text(key)}]"
    return holder


def present(holder: str, *keys: str) -> str:
    """The test that a field is there, which nothing missing or of another kind on the way makes fail."""
    tests = []
    for number, key in enumerate(keys):
        above = below(holder, *keys[:number])
        if number:
            tests.append(f"type({above}) == map")
        plain = _WORD.fullmatch(key) and key not in _TAKEN
        tests.append(f"has({above}.{key})" if plain else f"{text(key)} in {above}")
    return " && ".join(tests)


def either(conditions: Iterable[str]) -> str:
    """The conditions joined by `||`; false where there are none."""
    return _joined(list(dict.fromkeys(conditions)), " || ", "false")


def both(conditions: Iterable[str]) -> str:
    """The conditions joined by `&&`; true where there are none."""
    return _joined(list(dict.fromkeys(conditions)), " && ", "true")


def negated(condition: str) -> str:
    return f"!{bracketed(condition)}"


def bracketed(condition: str) -> str:
    """The condition, in brackets unless it is one word, call or bracket already."""
    return condition if _is_whole(condition) else f"({condition})"


def _joined(conditions: list[str], mark: str, nothing: str) -> str:
    if not conditions:
        return nothing
    if len(conditions) == 1:
        return conditions[0]
    # `&&` binds tighter than `||`, and both looser than everything else but `?:`.
    loose = ("||", "?") if mark == " && " else ("?",)
    return mark.join(f"({each})" if any(part in _outer(each) for part in loose) else each for each in conditions)


def _outer(condition: str) -> str:
    """What stands outside of brackets and quotes."""
    found, depth, at = [], 0, 0
    while at < len(condition):
        character = condition[at]
        if character in "\"'":
            raw = at > 0 and condition[at - 1] in "rR"
            at += 1
            while at < len(condition) and condition[at] != character:
                at += 2 if condition[at] == "\\" and not raw else 1
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0:
            found.append(character)
        at += 1
    return "".join(found)


def _is_whole(condition: str) -> bool:
    return not re.search(r"[\s=<>!?&|+*/%-]", _outer(condition))


def write(node: Node) -> str:
    """The text of a condition, which parses to the same tree again."""
    return _write(node, 0)


def _write(node: Node, level: int) -> str:
    written, own = _plain(node)
    return f"({written})" if own < level else written


def _plain(node: Node) -> tuple[str, int]:
    """The text of a node and how tightly it binds: 0 `?:`, 1 `||`, 2 `&&`, 3 to 5 operators, 6 signs, 7 the rest."""
    match node:
        case Literal(value=value):
            return constant(value), 6 if isinstance(value, (int, float)) and str(value)[0] == "-" else 7
        case Name(name=name, absolute=absolute):
            return f".{name}" if absolute else name, 7
        case Root(name=name) | Local(name=name):
            return name, 7
        case Select(operand=operand, field=field):
            return below(_write(operand, 7), field), 7
        case Has(operand=operand, field=field):
            return f"has({_write(operand, 7)}.{field})", 7
        case Index(operand=operand, key=key):
            return f"{_write(operand, 7)}[{write(key)}]", 7
        case Call(receiver=True):
            return f"{_write(node.arguments[0], 7)}.{node.function}({_listed(node.arguments[1:])})", 7
        case Call():
            return f"{node.function}({_listed(node.arguments)})", 7
        case Binary(operator=operator):
            own = _LEVELS[operator]
            return f"{_write(node.left, own)} {operator} {_write(node.right, own + 1)}", own
        case Negative() | Not():
            return f"{'-' if isinstance(node, Negative) else '!'}{_write(node.operand, 7)}", 6
        case And():
            return " && ".join(_write(operand, 3) for operand in node.operands), 2
        case Or():
            return " || ".join(_write(operand, 2) for operand in node.operands), 1
        case Choice():
            return f"{_write(node.condition, 1)} ? {_write(node.then, 1)} : {_write(node.otherwise, 0)}", 0
        case ListOf(items=items):
            return f"[{_listed(items)}]", 7
        case MapOf(entries=entries):
            return "{" + ", ".join(f"{write(key)}: {write(value)}" for key, value in entries) + "}", 7
        case Message():
            return node.name + "{" + ", ".join(f"{name}: {write(value)}" for name, value in node.fields) + "}", 7
        case Loop():
            parts = [node.variable, *([write(node.where)] if node.where is not None else []), write(node.body)]
            return f"{_write(node.over, 7)}.{node.macro}({', '.join(parts)})", 7


def _listed(nodes: Iterable[Node]) -> str:
    return ", ".join(map(write, nodes))
