"""Tests of ansible-rulebook that say more than the operator of ours they look like."""

from __future__ import annotations

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.written import both, text
from rules.importers.rulebook_parser import Compared, Constant, Field, Value
from rules.importers.sheet import NotImportable

NUMBERS = "[int, uint, double]"


def unequal(tree: Compared, left: str, right: str) -> str:
    """`!=`, which across kinds is false, but for null."""
    written = f"{left} != {right}"
    for side, other in ((tree.left, right), (tree.right, left)):
        if isinstance(side, Constant):
            match side.value:
                case None:
                    return written
                case bool():
                    return f"{written} && type({other}) in [bool, null_type]"
                case int() | float():
                    return f"{written} && type({other}) in [int, uint, double, null_type]"
            return f"{written} && type({other}) in [string, null_type]"
    alike = f"type({left}) == type({right})"
    numbers = f"(type({left}) in {NUMBERS} && type({right}) in {NUMBERS})"
    return f"{written} && ({alike} || {numbers} || {left} == null || {right} == null)"


def selected(holder: str, operator: Value, value: Value, right: str) -> str:
    """The test on one item; an item of another kind, or without the key, is none that is looked for."""
    name = operator.value if isinstance(operator, Constant) else None
    guard = (
        []
        if holder == "item"
        else [f"type(item) == map && has({holder})" if "[" not in holder else "type(item) == map"]
    )
    match name:
        case "match" | "search" | "regex":
            test = found(holder, str(name), value, ignorecase=False)
            return both([*guard, f"type({holder}) == string", test])
        case "==":
            return both([*guard, f"{holder} == {right}"])
        case "!=":
            return both([*guard, unequal(Compared("!=", Field("item", ()), value), holder, right)])
        case ">" | ">=" | "<" | "<=":
            kinds = "[string]" if isinstance(value, Constant) and isinstance(value.value, str) else NUMBERS
            return both([*guard, f"type({holder}) in {kinds}", f"{holder} {name} {right}"])
        case "in":
            return both([*guard, f"{holder} in {right}"])
        case "not in":
            return both([*guard, f"!({holder} in {right})"])
        case "contains":
            return both([*guard, f"type({holder}) == list", f"{right} in {holder}"])
        case "not contains":
            return both([*guard, f"type({holder}) == list", f"!({right} in {holder})"])
    raise NotImportable(f"select() and selectattr() take an operator such as '>=', found {name!r}")


def found(left: str, test: str, pattern: Value, *, ignorecase: bool) -> str:
    """A text that matches a pattern: at its beginning for `match`, anywhere for `search` and `regex`."""
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        raise NotImportable(f"the pattern of {test}() is no text")
    written = f"^(?:{pattern.value})" if test == "match" else pattern.value
    written = f"(?i){written}" if ignorecase else written
    try:
        search(written)
    except CelFailure as failure:
        raise NotImportable(failure.message) from None
    return f"{left}.matches({text(written)})"
