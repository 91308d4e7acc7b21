"""What a condition requires of fields by equality: the hold by which an index finds the rules that a signal may match."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TypeAlias

from rules.cel.bodies import constants_of
from rules.cel.functions import SEVERITIES, rank
from rules.cel.syntax import (
    And,
    Binary,
    Call,
    Has,
    Index,
    ListOf,
    Literal,
    Local,
    Loop,
    Node,
    Not,
    Or,
    Root,
    Select,
    children,
    path_of,
    walk,
)

Path: TypeAlias = tuple[str, ...]
Constant: TypeAlias = str | int | float | bool
Alternative: TypeAlias = Mapping[Path, frozenset[Constant]]
Equalities: TypeAlias = tuple[Alternative, ...]

MAX_ALTERNATIVES = 16


class OfItems(frozenset[Constant]):
    """Constants of which the value, or any item of it where it is a list, equals one."""


def equalities(node: Node) -> Equalities:
    """Alternatives of which one must hold for the condition to be true; empty where nothing can be said.

    An alternative maps field paths to constants and holds when the signal's value at *every* path equals one of that
    path's constants (Python's equality, so `1` stands for `1.0` and `True` too: a lookup finds rather too much than too
    little). An alternative that can never hold has an empty set of constants. A value that cannot be hashed equals none; of a
    list, `OfItems` asks for its items.
    """
    match node:
        case And():
            return reduce(both, (equalities(operand) for operand in node.operands))
        case Or():
            branches = [equalities(operand) for operand in node.operands]
            found = tuple(alternative for branch in branches for alternative in branch)
            return found if all(branches) and len(found) <= MAX_ALTERNATIVES else ()
        case Binary(operator="=="):
            return _atom(node.left, (node.right,)) or _atom(node.right, (node.left,))
        case Binary(operator="in") if (constants := constants_of(node.right)) is not None:
            return _atom(node.left, tuple(Literal(node.at, constant) for constant in constants))
        case Call(function="severity_at_least", arguments=(subject, Literal(value=str(least)))):
            return _atom(subject, tuple(Literal(node.at, level) for level in SEVERITIES[rank(least) :]))
        case Loop(macro="exists", over=Call(function="texts", arguments=(holder, Literal(value=str(name))))):
            return _of_texts(node, holder, name)
        case Not(operand=operand) if _path(operand) is not None:
            return _atom(operand, (Literal(node.at, False),))
        case Select() | Index() | Root():
            return _atom(node, (Literal(node.at, True),))
    return ()


def _of_texts(node: Loop, holder: Node, name: str) -> Equalities:
    """Of a field whose text, or that of an item of its list, is one of several: every value that is written so. No dots, for one lookup."""
    match node.body:
        case Binary(operator="==", left=Local(number=node.number), right=Literal(value=str(text))):
            texts: tuple[object, ...] = (text,)
        case Binary(operator="in", left=Local(number=node.number), right=ListOf()):
            texts = constants_of(node.body.right) or ()
        case _:
            return ()
    if "." in name or not all(isinstance(each, str) for each in texts):
        return ()
    constants = [Literal(node.at, value) for each in texts if isinstance(each, str) for value in _written_so(each)]
    found = _atom(Select(node.at, holder, name), tuple(constants))
    return tuple({path: OfItems(values) for path, values in alternative.items()} for alternative in found)


def _written_so(text: str) -> list[Constant]:
    """The values whose text this may be; a number beyond what floats tell apart is itself alone."""
    if text in ("true", "false"):
        return [text, text == "true"]
    try:
        return [text, float(text), *([int(text)] if text.lstrip("-").isdecimal() else [])]
    except ValueError:
        return [text]


def _path(node: Node) -> Path | None:
    """The path of a field that stands in the signal as it is compared; converted fields do not."""
    path = path_of(node)
    if path is None or any(isinstance(part, Root) and part.kind in ("timestamp", "duration") for part in walk(node)):
        return None
    return path


def _atom(subject: Node, constants: tuple[Node, ...]) -> Equalities:
    path = _path(subject)
    if path is None:
        return ()
    found: set[Constant] = set()
    for constant in constants:
        if not isinstance(constant, Literal) or not isinstance(constant.value, (str, int, float, bool)):
            return ()
        found.add(constant.value)
    return ({path: frozenset(found)},)


def both(one: Equalities, other: Equalities) -> Equalities:
    if not one or not other:
        return one or other
    if len(one) * len(other) > MAX_ALTERNATIVES:
        return min(one, other, key=len)
    return tuple(_merged(left, right) for left in one for right in other)


def _merged(left: Alternative, right: Alternative) -> Alternative:
    merged = dict(left)
    for path, constants in right.items():
        if isinstance(constants, OfItems) and isinstance(merged.get(path), OfItems):
            # One item of a list may be the one, another item the other.
            merged[path] = min(merged[path], constants, key=len)
        else:
            merged[path] = merged[path] & constants if path in merged else constants
    return merged


def paths_read(node: Node) -> frozenset[Path]:
    """The field paths a condition reads, each as far as the text spells it out."""
    found: set[Path] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Has) and (path := path_of(current.operand)) is not None:
            found.add((*path, current.field))
        elif (path := path_of(current)) is not None:
            found.add(path)
        else:
            waiting.extend(children(current))
    return frozenset(found)
