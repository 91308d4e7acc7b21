"""What can be said of conditions without a signal: that one can never hold, and that one holds wherever another does.

Both answers are safe: `never` and `implies` are true only where that is certain, and false where they cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache

from rules.cel.bodies import constants_of
from rules.cel.equalities import Path
from rules.cel.functions import SEVERITIES, rank
from rules.cel.syntax import (
    And,
    Binary,
    BinaryOperator,
    Call,
    Has,
    Index,
    Literal,
    Local,
    Node,
    Not,
    Or,
    Root,
    Select,
    children,
    path_of,
    walk,
)
from rules.cel.values import Uint

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OPPOSITE: Mapping[str, BinaryOperator] = {"==": "!=", "!=": "=="}
_PLAIN = (str, int, float, bool)
_MOST = 64

Token = tuple[str, object]
Said = tuple[Path, str, frozenset[Token]]


def never(*conditions: Node) -> bool:
    """Whether the conditions can be true of no signal, all at once."""
    return all(_contradicts(terms) for terms in _branches(And(0, conditions)))


def implies(one: Node, other: Node) -> bool:
    """Whether every signal that the first condition is true of makes the second one true as well."""
    return all(way.contradicts or _follows(other, way) for way in _ways(one))


@dataclass(frozen=True, slots=True)
class _Way:
    """One way in which a condition can be true: its terms as they are compared, what they say of fields, and which fields they read."""

    contradicts: bool
    forms: frozenset[object]
    said: Mapping[Path, tuple[Said, ...]]
    reads: frozenset[Path]


@lru_cache(maxsize=4096)
def _ways(node: Node) -> tuple[_Way, ...]:
    found = []
    for terms in _branches(node):
        said: dict[Path, tuple[Said, ...]] = {}
        for each in filter(None, map(_said, terms)):
            said[each[0]] = (*said.get(each[0], ()), each)
        reads = frozenset(
            path[:length] for term in terms for path in _reads(term) for length in range(1, len(path) + 1)
        )
        found.append(_Way(_contradicts(terms), frozenset(map(form, terms)), said, reads))
    return tuple(found)


def _branches(node: Node) -> list[list[Node]]:
    """The ways in which a condition can be true: of each the terms that then are all true. One way, itself, where there are too many."""
    match node:
        case And():
            ways: list[list[Node]] = [[]]
            for operand in node.operands:
                more = _branches(operand)
                if len(ways) * len(more) > _MOST:
                    more = [[operand]]
                ways = [[*way, *other] for way in ways for other in more]
            return ways
        case Or():
            found = [way for operand in node.operands for way in _branches(operand)]
            return found if len(found) <= _MOST else [[node]]
        case Not(operand=Not(operand=inner)):
            return _branches(inner)
        case Not(operand=Or(operands=operands)):
            return _branches(And(node.at, tuple(Not(operand.at, operand) for operand in operands)))
        case Not(operand=Binary(operator="==" | "!=" as operator) as inner):
            return [[Binary(inner.at, _OPPOSITE[operator], inner.left, inner.right)]]
    return [[node]]


@dataclass(slots=True)
class _Known:
    """What terms say of one field: the only values it may have, those it has not, and its bounds as a number."""

    only: frozenset[Token] | None = None
    out: frozenset[Token] = frozenset()
    above: tuple[float, bool] = (-math.inf, False)
    below: tuple[float, bool] = (math.inf, False)

    def impossible(self) -> bool:
        if self.only is not None:
            return not [token for token in self.only - self.out if self.admits(token)]
        (low, low_open), (high, high_open) = self.above, self.below
        return low > high or (low == high and (low_open or high_open) and not math.isinf(low))

    def admits(self, token: Token) -> bool:
        kind, value = token
        if self.above[0] == -math.inf and self.below[0] == math.inf:
            return True
        if kind != "number" or not isinstance(value, (int, float)):
            return False
        (low, low_open), (high, high_open) = self.above, self.below
        return (value > low or (value == low and not low_open)) and (value < high or (value == high and not high_open))


def _contradicts(terms: list[Node]) -> bool:
    known: dict[Path, _Known] = {}
    for term in terms:
        if isinstance(term, Literal) and term.value is not True:
            return True
        if (said := _said(term)) is not None:
            _note(known.setdefault(said[0], _Known()), said[1], said[2])
    keys = {form(term) for term in terms}
    if any(isinstance(term, Not) and form(term.operand) in keys for term in terms):
        return True
    absent = {path for term in terms if isinstance(term, Not) and (path := _has(term.operand)) is not None}
    if absent and any(path[: len(gone)] == gone for term in terms for path in _reads(term) for gone in absent):
        return True
    return any(found.impossible() for found in known.values())


def _note(found: _Known, operator: str, tokens: frozenset[Token]) -> None:
    if operator == "==":
        found.only = tokens if found.only is None else found.only & tokens
    elif operator == "!=":
        found.out |= tokens
    else:
        value = next(iter(tokens))[1]
        if isinstance(value, (int, float)):
            if operator in (">", ">="):
                found.above = max(found.above, (value, operator == ">"))
            else:
                found.below = min(found.below, (value, operator == "<"), key=lambda bound: (bound[0], not bound[1]))


def _follows(node: Node, way: _Way) -> bool:
    """Whether a condition is true where all terms of a way are."""
    match node:
        case Literal(value=value):
            return value is True
        case And():
            return all(_follows(operand, way) for operand in node.operands)
        case Or() if any(_follows(operand, way) for operand in node.operands):
            return True
        case Not(operand=Binary(operator="==" | "!=" as operator) as inner):
            return _follows(Binary(inner.at, _OPPOSITE[operator], inner.left, inner.right), way)
    wanted = _said(node)
    if wanted is not None:
        return any(_narrower(said, wanted) for said in way.said.get(wanted[0], ()))
    if (path := _has(node)) is not None:
        return path in way.reads
    return form(node) in way.forms


def _narrower(said: Said, wanted: Said) -> bool:
    """Whether what is said of a field makes what is wanted of it true."""
    _, operator, tokens = said
    probe = _Known()
    _note(probe, wanted[1], wanted[2])
    if operator == "==":
        return all(
            (probe.only is None or token in probe.only) and token not in probe.out and probe.admits(token)
            for token in tokens
        )
    if operator == "!=" or wanted[1] in ("==", "!="):
        return operator == wanted[1] == "!=" and wanted[2] <= tokens
    mine = _Known()
    _note(mine, operator, tokens)
    if operator in (">", ">="):
        return wanted[1] in (">", ">=") and mine.above >= probe.above
    return wanted[1] in ("<", "<=") and (mine.below[0], not mine.below[1]) <= (probe.below[0], not probe.below[1])


def _said(node: Node) -> Said | None:
    """A term as (field, operator, constants): `==` with every constant it may equal, or a comparison with one."""
    match node:
        case Binary(operator="in", left=left) if (items := constants_of(node.right)) is not None:
            return _atom(left, "==", tuple(items))
        case Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">=" as operator):
            if isinstance(node.right, Literal):
                return _atom(node.left, operator, (node.right.value,))
            if isinstance(node.left, Literal):
                return _atom(node.right, _FLIPPED[operator], (node.left.value,))
        case Call(function="severity_at_least", arguments=(subject, Literal(value=str(least)))):
            return _atom(subject, "==", tuple(SEVERITIES[rank(least) :]))
        case Not(operand=Call(function="severity_at_least", arguments=(subject, Literal(value=str(least))))):
            return _atom(subject, "==", tuple(SEVERITIES[: rank(least)]))
        case Not(operand=operand) if path_of(operand) is not None:
            return _atom(operand, "==", (False,))
        case Root() | Select() | Index():
            return _atom(node, "==", (True,))
    return None


def _atom(subject: Node, operator: str, values: tuple[object, ...]) -> Said | None:
    path = path_of(subject)
    if path is None or any(isinstance(part, Root) and part.kind in ("timestamp", "duration") for part in walk(subject)):
        return None
    if not all(value is None or isinstance(value, _PLAIN) for value in values):
        return None
    if operator in ("<", "<=", ">", ">=") and (
        isinstance(values[0], bool) or not isinstance(values[0], (int, float)) or isinstance(values[0], Uint)
    ):
        return None
    return path, operator, frozenset(_token(value) for value in values)


def _token(value: object) -> Token:
    """Numbers by value, kinds apart: to Python `True` is 1."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__, value
    return ("number", value) if isinstance(value, (int, float)) else ("text", value)


def _has(node: Node) -> Path | None:
    match node:
        case Has():
            path = path_of(node.operand)
            return None if path is None else (*path, node.field)
        case Binary(operator="in", left=Literal(value=str() as key)):
            path = path_of(node.right)
            return None if path is None else (*path, key)
    return None


def _reads(term: Node) -> Iterator[Path]:
    """The fields that must be there for a term to be true."""
    if (path := _has(term)) is not None or (path := path_of(term)) is not None:
        yield path
        return
    if isinstance(term, Binary) or (isinstance(term, Call) and term.arguments):
        for part in children(term):
            if (path := path_of(part)) is not None:
                yield path


def form(node: object) -> object:
    """A node without its place: two that are written alike are alike. Variables of macros go by their name."""
    if isinstance(node, Literal):
        return "Literal", type(node.value).__name__, repr(node.value)
    if isinstance(node, Local):
        return "Local", node.name
    if isinstance(node, tuple):
        return tuple(form(part) for part in node)
    if is_dataclass(node) and not isinstance(node, type):
        parts = [form(getattr(node, each.name)) for each in fields(node) if each.name not in ("at", "number")]
        return type(node).__name__, *parts
    return node
