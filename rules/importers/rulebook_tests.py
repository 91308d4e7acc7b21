"""Tests of ansible-rulebook that say more than the operator of ours they look like."""

from __future__ import annotations

from collections.abc import Sequence

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.written import below, both, bracketed, constant, either, negated, present, text
from rules.importers.rulebook_parser import Compared, Constant, Items, Value
from rules.importers.sheet import NotImportable

NUMBERS = "[int, uint, double]"
SCALARS = "[string, int, uint, double, bool]"
"""Kinds whose values have a text of their own: patterns are looked for in that."""


def path(holder: str, keys: Sequence[str | int]) -> str:
    """What lies below, by names and numbers."""
    for key in keys:
        holder = f"{holder}[{key}]" if isinstance(key, int) else below(holder, key)
    return holder


def defined(holder: str, keys: Sequence[str | int], *, top: bool = True) -> str:
    """The test that a field is there. What lies below null is, and is null."""
    if not keys:
        return constant(value=True)
    key, rest = keys[0], keys[1:]
    if isinstance(key, int):
        tests = [f"type({holder}) == list && size({holder}) > {key}"]
    else:
        tests = [*([] if top else [f"type({holder}) == map"]), present(holder, key)]
    if rest:
        here = path(holder, (key,))
        further = defined(here, rest, top=False)
        tests.append(further if top and key == "meta" else bracketed(either([f"{here} == null", further])))
    return both(tests)


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


def held(left: str, right: str, *, listed: bool = False) -> str:
    """Whether `left` holds `right`: as an item where it is a list, as the same value otherwise. `listed`: it is one."""
    return f"{right} in {left}" if listed else f"(type({left}) == list ? {right} in {left} : {left} == {right})"


def selected(holder: str, keys: Sequence[str], operator: Value, value: Value, right: str) -> str:
    """The test on one value, or on what lies below it; false, never a failure, where that is missing or of another kind."""
    name = operator.value if isinstance(operator, Constant) else None
    guard = [f"type({holder}) == map", present(holder, *keys)] if keys else []
    holder = below(holder, *keys)
    match name:
        case "match" | "search" | "regex":
            # Anywhere, `match` as well.
            return both([*guard, f"type({holder}) in {SCALARS}", found(holder, "search", value)])
        case "==":
            return both([*guard, f"{holder} == {right}"])
        case "!=":
            return both([*guard, f"{holder} != null", f"{holder} != {right}"])
        case ">" | ">=" | "<" | "<=":
            kinds = "[string]" if isinstance(value, Constant) and isinstance(value.value, str) else NUMBERS
            return both([*guard, f"type({holder}) in {kinds}", f"{holder} {name} {right}"])
        case "in":
            return both([*guard, held(right, holder, listed=isinstance(value, Items))])
        case "not in":
            return both([*guard, f"{holder} != null", negated(held(right, holder, listed=isinstance(value, Items)))])
        case "contains":
            return both([*guard, held(holder, right)])
        case "not contains":
            return both([*guard, f"{holder} != null", negated(held(holder, right))])
    raise NotImportable(f"select() and selectattr() take an operator such as '>=', found {name!r}")


def found(left: str, test: str, pattern: Value, *, ignorecase: bool = False, multiline: bool = False) -> str:
    """The text of a value has the pattern: at its beginning for `match`, as far as `|` does not part it, anywhere for `search` and `regex`."""
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        raise NotImportable(f"the pattern of {test}() is no text")
    flags = "".join(flag for flag, said in (("i", ignorecase), ("m", multiline)) if said)
    written = f"{f'(?{flags})' if flags else ''}{'^' if test == 'match' else ''}{pattern.value}"
    try:
        search(written)
    except CelFailure as failure:
        raise NotImportable(failure.message) from None
    return f"string({left}).matches({text(written)})"
