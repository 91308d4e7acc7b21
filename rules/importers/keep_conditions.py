"""Keep's CEL as conditions over the alert under `raw`, with what Keep does to it before it runs said in so many words.

There `source` is a list although it is compared as a text, severities are ordered, and a comparison of a number with a text
compares their texts (https://docs.keephq.dev/overview/cel).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rules.cel import CelError, CelFailure, compile  # noqa: A004 (the language's own word for it)
from rules.cel.parser import parse
from rules.cel.patterns import search
from rules.cel.syntax import (
    And,
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Loop,
    MapOf,
    Message,
    Name,
    Negative,
    Node,
    Not,
    Or,
    Select,
)
from rules.cel.written import below, constant, negated, present, text, write
from rules.fields import SCHEMA
from rules.importers.sheet import NotImportable

SEVERITIES = ("low", "info", "warning", "high", "critical")
"""Keep's, from the mildest."""

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_ITEM = "each"
_SINGLE = frozenset(
    {"id", "name", "status", "severity", "environment", "service", "message", "description", "fingerprint", "dismissed"}
)
"""Fields of every alert that hold no list."""


def condition(source: str) -> str:
    """The condition. Raises NotImportable for what is no CEL, or calls what our conditions do not have."""
    try:
        written = write(_below_raw(parse(source), frozenset()))
        compile(written, schema=SCHEMA)
    except CelError as error:
        raise NotImportable(f"the CEL {source!r}: {error.faults[0].message}") from None
    return written


def parts(source: str) -> list[str]:
    """The conditions that `||` joins at the top: what `create_on: all` waits for."""
    try:
        node = parse(source)
    except CelError as error:
        raise NotImportable(f"the CEL {source!r}: {error.faults[0].message}") from None
    return [condition(write(operand)) for operand in (node.operands if isinstance(node, Or) else (node,))]


def filtered(given: Mapping[str, Any]) -> str:
    """One of a trigger's `filters`: a key, and a value or a pattern written r"..."; several values of the alert are alternatives."""
    key, value = str(given.get("key") or ""), given.get("value")
    if not key or value is None or isinstance(value, (dict, list)):
        raise NotImportable(f"a filter has a key and a value, found {dict(given)!r:.80}")
    if isinstance(value, str) and value.startswith('r"'):
        try:
            search(value[2:-1])
        except CelFailure as failure:
            raise NotImportable(f"the filter of {key!r}: {failure.message}") from None
    keys = key.split(".")
    field = below("raw", *keys)
    one, several = _filter(field, value), f"{field}.exists({_ITEM}, {_filter(_ITEM, value)})"
    met = several if key == "source" else one if key in _SINGLE else f"(type({field}) == list ? {several} : {one})"
    if not given.get("exclude"):
        return met
    return f"{present('raw', *keys)} && {negated(met)}"


def _filter(subject: str, value: object) -> str:
    if isinstance(value, str) and value.startswith('r"'):
        return f"{subject}.matches({text(value[2:-1])})"
    if isinstance(value, bool):
        return f'{subject} in [{constant(value)}, "{value}"]'
    return f"{subject} == {constant(value)}"


def _below_raw(node: Node, local: frozenset[str]) -> Node:
    """The same condition over `raw`; names of loop variables stay."""

    def below_raw(part: Node) -> Node:
        return _below_raw(part, local)

    match node:
        case Literal():
            return node
        case Name(name=name):
            return node if name in local else Select(node.at, Name(node.at, "raw"), name)
        case Binary() if (made := _compared(node, local)) is not None:
            return made
        case Call(function="contains", receiver=True, arguments=(Name(name="source"), value)) if "source" not in local:
            source = _field(node, "source")
            inner = Call(node.at, "contains", (Name(node.at, _ITEM), below_raw(value)), True)
            return _if_list(
                source,
                Loop(node.at, "exists", source, _ITEM, inner),
                replace(node, arguments=(source, below_raw(value))),
            )
        case Select() | Has() | Negative() | Not():
            return replace(node, operand=below_raw(node.operand))
        case Index():
            return replace(node, operand=below_raw(node.operand), key=below_raw(node.key))
        case Call():
            return replace(node, arguments=tuple(map(below_raw, node.arguments)))
        case Binary():
            return replace(node, left=below_raw(node.left), right=below_raw(node.right))
        case And() | Or():
            return replace(node, operands=tuple(map(below_raw, node.operands)))
        case Choice():
            return replace(
                node,
                condition=below_raw(node.condition),
                then=below_raw(node.then),
                otherwise=below_raw(node.otherwise),
            )
        case ListOf():
            return replace(node, items=tuple(map(below_raw, node.items)))
        case MapOf():
            return replace(node, entries=tuple((below_raw(key), below_raw(value)) for key, value in node.entries))
        case Loop():
            inner_names = local | {node.variable}
            where = None if node.where is None else _below_raw(node.where, inner_names)
            return replace(node, over=below_raw(node.over), where=where, body=_below_raw(node.body, inner_names))
        case Message():
            raise NotImportable("the CEL makes a message, which conditions do not have")
    raise NotImportable(f"the CEL has a {type(node).__name__}, which cannot be carried over")


def _compared(node: Binary, local: frozenset[str]) -> Node | None:
    """A comparison with a constant, where Keep compares otherwise than CEL does."""
    operator, left, right = str(node.operator), node.left, node.right
    if isinstance(left, Literal) and operator in _FLIPPED:
        operator, left, right = _FLIPPED[operator], right, left
    if operator not in _FLIPPED or not isinstance(right, Literal):
        return None
    name = left.name if isinstance(left, Name) and left.name not in local else None
    subject = _below_raw(left, local)
    if name == "severity" and str(right.value).lower() in SEVERITIES:
        return _graded(node, operator, subject, str(right.value).lower())
    if operator not in ("==", "!="):
        return None
    if right.value is None:
        # There `null` is written as the empty text before it is compared, in the alert as well.
        empty = Literal(node.at, "")
        met: Node = Or(node.at, (Binary(node.at, "==", subject, right), Binary(node.at, "==", subject, empty)))
    elif name == "source" and isinstance(right.value, str):
        met = _if_list(subject, Binary(node.at, "in", right, subject), Binary(node.at, "==", subject, right))
    elif len(alike := _alike(right.value)) > 1:
        met = Binary(node.at, "in", subject, ListOf(node.at, tuple(Literal(node.at, value) for value in alike)))
    else:
        return None
    return met if operator == "==" else Not(node.at, met)


def _graded(node: Binary, operator: str, subject: Node, severity: str) -> Node:
    rank = SEVERITIES.index(severity)
    chosen = {
        "==": (severity,), "!=": tuple(one for one in SEVERITIES if one != severity),
        ">": SEVERITIES[rank + 1 :], ">=": SEVERITIES[rank:], "<": SEVERITIES[:rank], "<=": SEVERITIES[: rank + 1],
    }[operator]  # fmt: skip
    if operator == "==":
        return Binary(node.at, "==", subject, Literal(node.at, severity))
    return Binary(node.at, "in", subject, ListOf(node.at, tuple(Literal(node.at, one) for one in chosen)))


def _alike(value: object) -> list[object]:
    """The values whose text is the same as the constant's."""
    if type(value) is int:
        return [value, str(value)]
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return [value, int(value)]
    return [value]


def _field(node: Node, name: str) -> Node:
    return Select(node.at, Name(node.at, "raw"), name)


def _if_list(subject: Node, several: Node, one: Node) -> Node:
    kind = Call(subject.at, "type", (subject,), False)
    return Choice(subject.at, Binary(subject.at, "==", kind, Name(subject.at, "list")), several, one)
