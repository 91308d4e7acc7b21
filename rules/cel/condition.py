"""Loads the text of conditions and of value expressions into frozen values that can be run on signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.cel.closures import verdicts
from rules.cel.equalities import Equalities, Path, equalities, paths_read
from rules.cel.evaluate import Evaluator, Frame, evaluator
from rules.cel.faults import CelFailure, error_at
from rules.cel.kinds import kind_of, need_bool
from rules.cel.lifted import MISSING, guarded
from rules.cel.parser import parse
from rules.cel.resolve import Resolver
from rules.cel.schema import FieldSchema
from rules.cel.syntax import Node, path_of
from rules.cel.values import Value


@dataclass(frozen=True, slots=True)
class Expression:
    """A loaded value expression, such as a key of `group_by`.

    `get(activation)` gives the value or `MISSING`, and never raises; `evaluate` gives the value or a CelFailure that says why not.
    """

    source: str
    ast: Node
    paths: frozenset[Path]
    get: Callable[[Mapping[str, Any]], Any] = field(repr=False, compare=False)
    _run: Evaluator = field(repr=False, compare=False)

    def evaluate(self, activation: Mapping[str, Any]) -> Value | CelFailure:
        return _evaluated(self._run, activation)


@dataclass(frozen=True, slots=True)
class Condition:
    """A loaded condition. An activation is a signal as decoded JSON: plain dict, list, str, int, float, bool and None.

    `matches(activation)`: whether the condition is true; a failure left over is no match; never raises.
    `evaluate(activation)`: the value, or the CelFailure left over, with CEL's absorption (`failure || true` is true).
    `equalities`: what an index may rely on, see `rules.cel.equalities.equalities`.
    `paths`: the field paths read.
    `unless_false(activation)`: true also where a failure is left over; with `matches` false, that tells a failure from a plain "no".
    """

    source: str
    ast: Node
    equalities: Equalities = field(compare=False)
    paths: frozenset[Path] = field(compare=False)
    matches: Callable[[Mapping[str, Any]], bool] = field(repr=False, compare=False)
    unless_false: Callable[[Mapping[str, Any]], bool] = field(repr=False, compare=False)
    _run: Evaluator = field(repr=False, compare=False)

    def erred(self, activation: Mapping[str, Any]) -> bool:
        """Whether the result is a failure left over, or no bool: neither a match nor a plain "no"."""
        return self.unless_false(activation) and not self.matches(activation)

    def evaluate(self, activation: Mapping[str, Any]) -> Value | CelFailure:
        return _evaluated(self._run, activation)


def compile(source: str, *, schema: FieldSchema | None = None, constants: Mapping[str, str] | None = None) -> Condition:  # noqa: A001
    """Loads a condition; raises CelError with every fault found.

    `constants` are named pieces of condition text, put in where their name stands alone (`prod` for
    `labels.env == "prod"`); they may use each other. With a schema, unknown fields and wrong kinds are faults.
    """
    node = _load(source, schema, constants, condition=True)
    matches, unless_false = verdicts(node)
    return Condition(source, node, equalities(node), paths_read(node), matches, unless_false, evaluator(node))


def compile_value(
    source: str, schema: FieldSchema | None = None, *, constants: Mapping[str, str] | None = None
) -> Expression:
    """Loads an expression of any kind; raises CelError with every fault found."""
    node = _load(source, schema, constants, condition=False)
    return Expression(source, node, paths_read(node), _getter(node), evaluator(node))


def load_unchecked(source: str, schema: FieldSchema | None = None) -> Callable[[Mapping[str, Any]], Value | CelFailure]:
    """The evaluator alone, where calling an unknown function is a failure of the evaluation, as the CEL specification has it.

    For tests against the specification; raises CelError for faults of syntax.
    """
    run = evaluator(Resolver(schema, {}).resolve(parse(source), {}))
    return lambda activation: _evaluated(run, activation)


def _load(source: str, schema: FieldSchema | None, constants: Mapping[str, str] | None, *, condition: bool) -> Node:
    resolver = Resolver(schema, constants or {})
    node = resolver.resolve(parse(source), {})
    faults = list(resolver.faults)
    if schema is not None and not faults:
        if condition:
            need_bool(node, faults)
        else:
            kind_of(node, faults)
    if faults:
        raise error_at(source, faults)
    return node


def _evaluated(run: Evaluator, activation: Mapping[str, Any]) -> Value | CelFailure:
    try:
        value: Value = run(Frame(activation))
    except CelFailure as failure:
        return failure.with_traceback(None)
    except RecursionError:
        return CelFailure("the signal is nested too deeply for this condition")
    return value


def _getter(node: Node) -> Callable[[Mapping[str, Any]], Any]:
    path = path_of(node)
    if path is None:
        return guarded(node)
    match path:
        case (name,) if getattr(node, "kind", None) not in ("timestamp", "duration"):
            return lambda activation: activation.get(name, MISSING)
        case (name, key):

            def get(activation: Mapping[str, Any]) -> Any:
                holder = activation.get(name)
                return holder.get(key, MISSING) if type(holder) is dict else MISSING

            return get
    return guarded(node)
