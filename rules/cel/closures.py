"""The fast back end: a condition as one Python function of `and`, `or`, `not` and inlined lookups, without exceptions.

Each node is compiled for the verdict that a failure must have at its place (False outside, True under an odd number of
`!`): so errors absorb exactly as CEL says, and need not be carried. The Python text is made of our own words and of
generated names alone; every constant and field name of the condition is passed in as a value. What is not written
here as Python goes through the evaluator, so that both back ends agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rules.cel.lifted import guarded
from rules.cel.python_text import Writer
from rules.cel.resolve import depth
from rules.cel.syntax import Node

Verdict: TypeAlias = Callable[[Mapping[str, Any]], bool]

# Deeper conditions are left to the evaluator: Python bounds the brackets of its own source.
_MAX_DEPTH = 20


def verdicts(node: Node) -> tuple[Verdict, Verdict]:
    """Two functions of an activation: one where a failure left over gives False, one where it gives True.

    Neither raises for an activation of plain JSON values.
    """
    if depth(node) > _MAX_DEPTH:
        value = guarded(node)
        return (lambda activation: value(activation) is True), (lambda activation: value(activation) is not False)
    writer = Writer()
    no, yes = writer.verdict(node, False), writer.verdict(node, True)
    names = ", ".join(writer.values)
    source = f"def make({names}):\n def no(a):\n  return {no}\n def yes(a):\n  return {yes}\n return no, yes\n"
    scope: dict[str, Any] = {}
    exec(compile(source, "<condition>", "exec"), {"__builtins__": {}}, scope)  # noqa: S102
    made: tuple[Verdict, Verdict] = scope["make"](*writer.values.values())
    return made
