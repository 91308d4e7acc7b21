"""Work on values that carries failures along as the value MISSING, so that the fast back end needs no exceptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rules.cel import operators, patterns
from rules.cel.evaluate import Frame, evaluator, read_root
from rules.cel.faults import CelFailure
from rules.cel.functions import FUNCTIONS
from rules.cel.syntax import Node

MISSING = object()
"""What stands for a failure among the values of the fast back end."""


def guarded(node: Node) -> Callable[[Mapping[str, Any]], Any]:
    """The evaluator for a node that stands in no loop, with MISSING for a failure."""
    run = evaluator(node)

    def value(activation: Mapping[str, Any]) -> Any:
        try:
            return run(Frame(activation))
        except (CelFailure, RecursionError):
            return MISSING

    return value


def lifted(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work on values, where MISSING in and a failure give MISSING."""

    def run(*values: Any) -> Any:
        for value in values:
            if value is MISSING:
                return MISSING
        try:
            return work(*values)
        except (CelFailure, RecursionError):
            return MISSING

    return run


OPERATORS = {operator: lifted(work) for operator, work in operators.OPERATORS.items()}
APPLIED = {name: lifted(function.apply) for name, function in FUNCTIONS.items()}


def timed_reader(name: str, kind: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(activation: Mapping[str, Any]) -> Any:
        try:
            return read_root(activation, name, kind)
        except CelFailure:
            return MISSING

    return read


NEGATE = lifted(operators.negate)


def searching(function: str, pattern: str) -> Callable[[Any], Any]:
    find = patterns.search(pattern) if function == "matches" else patterns.glob(pattern)

    def run(text: Any) -> Any:
        if type(text) is not str:
            return MISSING
        try:
            return find(text)
        except CelFailure:
            return MISSING

    return run
