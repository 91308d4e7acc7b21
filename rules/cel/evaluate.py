"""The exact back end: a condition as nested functions that give a value or raise CelFailure, errors absorbed as CEL says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from rules.cel import operators, times, wellknown
from rules.cel.faults import CelFailure
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
)
from rules.cel.values import CelMap, build_map, type_name

MAX_ITEMS = 100_000
"""Items a list or map may have that a macro goes through."""
MAX_COST = 100_000
"""Steps that one evaluation may spend inside macros."""


class Frame:
    """One evaluation: its activation, the values of loop variables, the loops it is in and what they have cost."""

    __slots__ = ("activation", "cost", "inside", "variables")

    def __init__(self, activation: Mapping[str, Any]) -> None:
        self.activation = activation
        self.variables: dict[int, Any] = {}
        self.inside = 0
        self.cost = 0

    def spend(self, steps: int) -> None:
        """Charges work done inside a loop; outside, the size of the signal bounds it."""
        self.cost += steps
        if self.cost > MAX_COST:
            raise CelFailure(f"the macros of the condition take more than {MAX_COST} steps on this signal")


def _weight(value: Any) -> int:
    """The steps that looking through a whole value takes."""
    total = 0
    waiting = [value]
    while waiting and total <= MAX_COST:
        current = waiting.pop()
        total += 1
        if isinstance(current, (str, bytes)):
            total += len(current) >> 6
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, dict):
            waiting.extend(current.values())
        elif isinstance(current, CelMap):
            waiting.extend(value for _, value in current.entries.values())
    return total


def _steps(operator: str, left: Any, right: Any) -> int:
    match operator:
        case "==" | "!=":
            return min(_weight(left), _weight(right))
        case "in":
            return _weight(right) if isinstance(right, list) else 1
        case "+" if isinstance(left, (list, str, bytes)) and type(left) is type(right):
            return 1 + len(left) + len(right) if isinstance(left, list) else 1 + (len(left) + len(right) >> 6)
    return 1


Evaluator: TypeAlias = Callable[[Frame], Any]


def evaluator(node: Node) -> Evaluator:
    """The function that evaluates a resolved node."""
    match node:
        case Literal(value=value):
            return lambda _: value
        case Root():
            return _root(node)
        case Local(number=number):
            return lambda frame: frame.variables[number]
        case Select(field=field):
            operand = evaluator(node.operand)
            return lambda frame: operators.select(operand(frame), field)
        case Has(field=field):
            operand = evaluator(node.operand)
            return lambda frame: operators.has(operand(frame), field)
        case Index():
            return _binary("[]", node.operand, node.key, operators.index)
        case Call():
            return _call(node)
        case Binary():
            return _binary(node.operator, node.left, node.right, operators.OPERATORS[node.operator])
        case Negative():
            operand = evaluator(node.operand)
            return lambda frame: operators.negate(operand(frame))
        case Not():
            operand = evaluator(node.operand)
            return lambda frame: not _bool(operand(frame), "!")
        case And():
            return _logic([evaluator(part) for part in node.operands], decisive=False)
        case Or():
            return _logic([evaluator(part) for part in node.operands], decisive=True)
        case Choice():
            condition, then, otherwise = evaluator(node.condition), evaluator(node.then), evaluator(node.otherwise)
            return lambda frame: then(frame) if _bool(condition(frame), "?") else otherwise(frame)
        case ListOf():
            items = [evaluator(item) for item in node.items]
            return lambda frame: [item(frame) for item in items]
        case MapOf():
            entries = [(evaluator(key), evaluator(value)) for key, value in node.entries]
            return lambda frame: build_map((key(frame), value(frame)) for key, value in entries)
        case Message(name=name):
            fields = [(field, evaluator(value)) for field, value in node.fields]
            return lambda frame: wellknown.build(name, [(field, value(frame)) for field, value in fields])
        case Loop():
            return _loop(node)
        case Name():
            raise TypeError(f"the name {node.name!r} is not resolved")
        case _:
            assert_never(node)


def read_root(activation: Mapping[str, Any], name: str, kind: str) -> Any:
    """A variable of the activation, as its kind says; raises CelFailure when it is absent or unreadable."""
    if name not in activation:
        raise CelFailure(f"no such field: {name!r}")
    value = activation[name]
    if kind == "timestamp":
        return times.read_timestamp(value)
    if kind == "duration":
        return times.read_duration(value)
    return value


def _root(node: Root) -> Evaluator:
    name, kind = node.name, node.kind
    return lambda frame: read_root(frame.activation, name, kind)


def _bool(value: Any, operator: str) -> bool:
    if value is True or value is False:
        return bool(value)
    raise CelFailure(f"{operator!r} needs a bool, found {type_name(value)}")


def _binary(operator: str, left_node: Node, right_node: Node, work: Callable[[Any, Any], Any]) -> Evaluator:
    left, right = evaluator(left_node), evaluator(right_node)

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        if frame.inside:
            frame.spend(_steps(operator, one, other))
        return work(one, other)

    return run


def _logic(operands: Sequence[Evaluator], *, decisive: bool) -> Evaluator:
    """`||` where True decides, `&&` where False does: whatever operand decides, whatever the others fail with."""
    operator = "||" if decisive else "&&"

    def run(frame: Frame) -> bool:
        failure: CelFailure | None = None
        for operand in operands:
            try:
                if _bool(operand(frame), operator) is decisive:
                    return decisive
            except CelFailure as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return not decisive

    return run


def _call(node: Call) -> Evaluator:
    function = FUNCTIONS.get(node.function)
    arguments = [evaluator(argument) for argument in node.arguments]
    if function is None or len(arguments) not in function.counts:
        # Only a condition loaded unchecked comes here.
        name = node.function

        def refuse(_: Frame) -> Any:
            raise CelFailure(f"unknown function {name!r} of {len(arguments)} arguments")

        return refuse
    apply = function.apply

    def run(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        if frame.inside:
            frame.spend(1 + sum(len(value) >> 6 for value in values if isinstance(value, (str, bytes))))
        return apply(*values)

    return run


def items_of(value: Any) -> Sequence[Any]:
    """What a macro goes through: the items of a list or the keys of a map."""
    if isinstance(value, CelMap):
        value = [key for key, _ in value.entries.values()]
    if not isinstance(value, (list, dict)):
        raise CelFailure(f"a macro goes through a list or a map, found {type_name(value)}")
    if len(value) > MAX_ITEMS:
        raise CelFailure(f"a macro goes through {MAX_ITEMS} items at most, found {len(value)}")
    return list(value) if isinstance(value, dict) else value


def _loop(node: Loop) -> Evaluator:
    over, body, number = evaluator(node.over), evaluator(node.body), node.number
    where = None if node.where is None else evaluator(node.where)
    work = _LOOPS[node.macro]

    def run(frame: Frame) -> Any:
        items = items_of(over(frame))
        if frame.inside:
            frame.spend(1 + len(items))
        frame.inside += 1
        try:
            return work(frame, items, number, body, where)
        finally:
            frame.inside -= 1

    return run


def _fold(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, *, decisive: bool) -> bool:
    failure: CelFailure | None = None
    for item in items:
        frame.variables[number] = item
        try:
            if _bool(body(frame), "a macro") is decisive:
                return decisive
        except CelFailure as error:
            if frame.cost > MAX_COST:
                raise
            failure = failure or error
    if failure is not None:
        raise failure
    return not decisive


def _all(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, _: Evaluator | None) -> bool:
    return _fold(frame, items, number, body, decisive=False)


def _exists(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, _: Evaluator | None) -> bool:
    return _fold(frame, items, number, body, decisive=True)


def _filter(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, _: Evaluator | None) -> list[Any]:
    kept = []
    for item in items:
        frame.variables[number] = item
        if _bool(body(frame), "a macro"):
            kept.append(item)
    return kept


def _exists_one(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, _: Evaluator | None) -> bool:
    return len(_filter(frame, items, number, body, None)) == 1


def _map(frame: Frame, items: Sequence[Any], number: int, body: Evaluator, where: Evaluator | None) -> list[Any]:
    made = []
    for item in items if where is None else _filter(frame, items, number, where, None):
        frame.variables[number] = item
        made.append(body(frame))
    return made


_LOOPS: Mapping[str, Callable[[Frame, Sequence[Any], int, Evaluator, Evaluator | None], Any]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
