"""Finds operations on fields that can never have a value, by the kinds the schema declares: a wrong kind is a fault at load."""

from __future__ import annotations

from rules.cel.functions import FUNCTIONS
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
    path_of,
)
from rules.cel.values import CelType, Duration, Timestamp, Uint

_NUMBERS = frozenset({"int", "uint", "double", "number"})
_MAPS = frozenset({"map", "numbers"})
_ORDERED = _NUMBERS | {"string", "bool", "bytes", "timestamp", "duration"}
_OF_VALUES = {
    bool: "bool", int: "int", Uint: "uint", float: "double", str: "string", bytes: "bytes", type(None): "null",
    Timestamp: "timestamp", Duration: "duration", CelType: "type",
}  # fmt: skip
_TEXT_METHODS = frozenset(
    {
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "glob",
        "lowerAscii",
        "upperAscii",
        "trim",
        "cidr",
        "semver",
        "indexOf",
        "lastIndexOf",
    }
)
_OF_TEXT = frozenset({"split", "replace", "substring", "template"})
_SHOWN = {"string": "text", "number": "a number", "map": "a map of text", "numbers": "a map of numbers"}
Faults = list[tuple[int, str]]


def kind_of(node: Node, faults: Faults) -> str:
    """The kind a node's value must have, "dyn" when that is open; adds a fault for each operation that no value can pass."""
    match node:
        case Literal(value=value):
            return _OF_VALUES.get(type(value), "dyn")
        case Root(kind=kind):
            return kind
        case Local() | Name():
            return "dyn"
        case Select() | Has():
            return _selection(node, kind_of(node.operand, faults), faults)
        case Index():
            key = kind_of(node.key, faults)
            operand = kind_of(node.operand, faults)
            if operand in _MAPS and key not in ("dyn", "string"):
                faults.append(
                    (node.at, f"{_show(node.operand)} is {_say(operand)} by name and cannot be indexed by {_say(key)}")
                )
            return _below(node, node.operand, operand, faults)
        case Call():
            return _call(node, [kind_of(argument, faults) for argument in node.arguments], faults)
        case Binary():
            return _operation(node, kind_of(node.left, faults), kind_of(node.right, faults), faults)
        case Negative():
            kind = kind_of(node.operand, faults)
            if kind not in _NUMBERS and kind != "dyn":
                faults.append((node.at, f"'-' needs a number; {_show(node.operand)} is {_say(kind)}"))
            return kind
        case Not() | And() | Or():
            for part in (node.operand,) if isinstance(node, Not) else node.operands:
                _need_bool(part, kind_of(part, faults), faults)
            return "bool"
        case Choice():
            _need_bool(node.condition, kind_of(node.condition, faults), faults)
            one, other = kind_of(node.then, faults), kind_of(node.otherwise, faults)
            return one if one == other else "dyn"
        case ListOf():
            for item in node.items:
                kind_of(item, faults)
            return "list"
        case MapOf():
            for key_node, value_node in node.entries:
                kind_of(key_node, faults)
                kind_of(value_node, faults)
            return "any_map"
        case Message():
            for _, value_node in node.fields:
                kind_of(value_node, faults)
            return "dyn"
        case Loop():
            return _loop(node, faults)


def need_bool(node: Node, faults: Faults) -> None:
    """A condition as a whole must be a bool."""
    kind = kind_of(node, faults)
    if kind not in ("bool", "dyn"):
        faults.append((node.at, f"a condition must be true or false; this one is {_say(kind)}"))


def _need_bool(node: Node, kind: str, faults: Faults) -> None:
    if kind not in ("bool", "dyn"):
        faults.append((node.at, f"{_show(node)} is {_say(kind)}, where true or false is needed"))


def _selection(node: Select | Has, operand: str, faults: Faults) -> str:
    below = _below(node, node.operand, operand, faults)
    return "bool" if isinstance(node, Has) else below


def _below(node: Node, operand_node: Node, operand: str, faults: Faults) -> str:
    match operand:
        case "map":
            return "string"
        case "numbers":
            return "number"
        case "dyn" | "any_map":
            return "dyn"
        case "list":
            if isinstance(node, Index):
                return "dyn"
    faults.append((node.at, f"{_show(operand_node)} is {_say(operand)} and has nothing below it"))
    return "dyn"


def _call(node: Call, kinds: list[str], faults: Faults) -> str:
    function = FUNCTIONS.get(node.function)
    if function is None:
        return "dyn"
    if node.function in _TEXT_METHODS or node.function == "severity_at_least":
        for argument, kind in zip(node.arguments, kinds, strict=True):
            if kind not in ("string", "dyn"):
                faults.append((argument.at, f"{node.function}() works on text; {_show(argument)} is {_say(kind)}"))
    elif node.function in _OF_TEXT and kinds[0] not in ("string", "dyn"):
        faults.append((node.at, f"{node.function}() works on text; {_show(node.arguments[0])} is {_say(kinds[0])}"))
    elif node.function == "join" and kinds[0] not in ("list", "dyn"):
        faults.append((node.at, f"join() works on a list of texts; {_show(node.arguments[0])} is {_say(kinds[0])}"))
    elif node.receiver and node.function.startswith("get") and kinds[0] not in ("timestamp", "duration", "dyn"):
        faults.append(
            (
                node.at,
                f"{node.function}() works on a timestamp; {_show(node.arguments[0])} is {_say(kinds[0])}: wrap it in timestamp()",
            )
        )
    elif node.function == "size" and kinds[0] in _NUMBERS | {"bool", "timestamp", "duration", "null"}:
        faults.append((node.at, f"size() of {_say(kinds[0])} is not defined"))
    return function.result


def _operation(node: Binary, left: str, right: str, faults: Faults) -> str:
    if "dyn" in (left, right):
        return "dyn" if node.operator in "+-*/%" else "bool"
    match node.operator:
        case "==" | "!=":
            if not _comparable(left, right) and "null" not in (left, right):
                faults.append(
                    (
                        node.at,
                        f"{_show(node.left)} is {_say(left)} and {_show(node.right)} is {_say(right)}: they are never equal{_hint(node, left, right)}",
                    )
                )
            return "bool"
        case "<" | "<=" | ">" | ">=":
            if not _comparable(left, right) or left not in _ORDERED:
                faults.append(
                    (
                        node.at,
                        f"{_show(node.left)} is {_say(left)} and {_show(node.right)} is {_say(right)}: {node.operator!r} cannot order them{_hint(node, left, right)}",
                    )
                )
            return "bool"
        case "in":
            if right not in _MAPS | {"list", "any_map"}:
                faults.append(
                    (node.at, f"'in' needs a list or a map on its right; {_show(node.right)} is {_say(right)}")
                )
            elif isinstance(node.right, ListOf) and node.right.items and path_of(node.left) is not None:
                _members(node, node.right, left, faults)
            return "bool"
    return _arithmetic(node, left, right, faults)


def _members(node: Binary, items: ListOf, left: str, faults: Faults) -> None:
    for item in items.items:
        kind = kind_of(item, [])
        if kind not in ("dyn", "null") and not _comparable(left, kind):
            faults.append(
                (
                    item.at,
                    f"{_show(node.left)} is {_say(left)} and is never equal to {_say(kind)}{_hint(node, left, kind)}",
                )
            )


def _arithmetic(node: Binary, left: str, right: str, faults: Faults) -> str:
    times = {left, right}
    if times <= {"timestamp", "duration"} and node.operator in "+-":
        if node.operator == "-" and left == right:
            return "duration"
        if left == right == "duration":
            return "duration"
        if len(times) == 2 and not (node.operator == "-" and left == "duration"):
            return "timestamp"
    elif left == right and (left in _NUMBERS or (node.operator == "+" and left in ("string", "bytes", "list"))):
        return left
    elif times <= _NUMBERS and "number" in times:
        return "number"
    hint = ": convert one of them with int() or double()" if times <= _NUMBERS else _hint(node, left, right)
    faults.append((node.at, f"{_say(left)} {node.operator} {_say(right)} is not defined{hint}"))
    return "dyn"


def _loop(node: Loop, faults: Faults) -> str:
    over = kind_of(node.over, faults)
    if over not in _MAPS | {"list", "dyn", "any_map"}:
        faults.append((node.at, f"{node.macro}() goes through a list or a map; {_show(node.over)} is {_say(over)}"))
    conditions = [node.where] if node.macro == "map" else [node.body]
    for condition in conditions:
        if condition is not None:
            _need_bool(condition, kind_of(condition, faults), faults)
    if node.macro == "map":
        kind_of(node.body, faults)
        return "list"
    return "list" if node.macro == "filter" else "bool"


def _comparable(left: str, right: str) -> bool:
    maps = _MAPS | {"any_map"}
    return left == right or {left, right} <= _NUMBERS or {left, right} <= maps


def _hint(node: Binary, left: str, right: str) -> str:
    pair = {left, right}
    text = node.left if left == "string" else node.right
    if "string" in pair and pair & _NUMBERS:
        return "; nothing is converted by itself" if isinstance(text, Literal) else f"; write double({_show(text)})"
    if "string" in pair and pair & {"timestamp", "duration"}:
        return f"; write {'timestamp' if 'timestamp' in pair else 'duration'}({_show(text)})"
    return ""


def _say(kind: str) -> str:
    return _SHOWN.get(kind, "a map" if kind == "any_map" else f"{'an' if kind == 'int' else 'a'} {kind}")


def _show(node: Node) -> str:
    path = path_of(node)
    if path is not None:
        return ".".join(path)
    if isinstance(node, Literal):
        return repr(node.value)[:40]
    return "this"
