"""The parsed form of a condition: frozen nodes, each with the character offset `at` where it stands in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

BinaryOperator: TypeAlias = OneOf["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"]
Macro: TypeAlias = OneOf["all", "exists", "exists_one", "map", "filter"]


@dataclass(frozen=True, slots=True)
class Literal:
    at: int
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as written; resolution turns it into a Root, a Local or a Literal."""

    at: int
    name: str
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """A variable of the activation; `kind` is the one the schema declares, "dyn" without a schema."""

    at: int
    name: str
    kind: str = "dyn"


@dataclass(frozen=True, slots=True)
class Local:
    """The variable of an enclosing macro, numbered so that no two macros share one."""

    at: int
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Select:
    at: int
    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Has:
    at: int
    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Index:
    at: int
    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`f(a, b)`, or `a.f(b)` when `receiver` is set: the receiver is then the first argument."""

    at: int
    function: str
    arguments: tuple[Node, ...]
    receiver: bool


@dataclass(frozen=True, slots=True)
class Binary:
    at: int
    operator: BinaryOperator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negative:
    at: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Not:
    at: int
    operand: Node


@dataclass(frozen=True, slots=True)
class And:
    at: int
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    at: int
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    at: int
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class ListOf:
    at: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    at: int
    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Message:
    at: int
    name: str
    fields: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A macro over a list or over the keys of a map; `where` is set for `map` with three arguments alone."""

    at: int
    macro: Macro
    over: Node
    variable: str
    body: Node
    where: Node | None = None
    number: int = -1


Node: TypeAlias = (
    Literal
    | Name
    | Root
    | Local
    | Select
    | Has
    | Index
    | Call
    | Binary
    | Negative
    | Not
    | And
    | Or
    | Choice
    | ListOf
    | MapOf
    | Message
    | Loop
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the text."""
    match node:
        case Literal() | Name() | Root() | Local():
            return ()
        case Select() | Has() | Negative() | Not():
            return (node.operand,)
        case Index():
            return (node.operand, node.key)
        case Call():
            return node.arguments
        case Binary():
            return (node.left, node.right)
        case And() | Or():
            return node.operands
        case Choice():
            return (node.condition, node.then, node.otherwise)
        case ListOf():
            return node.items
        case MapOf():
            return tuple(side for entry in node.entries for side in entry)
        case Message():
            return tuple(value for _, value in node.fields)
        case Loop():
            return (node.over, node.body) if node.where is None else (node.over, node.where, node.body)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(children(current))


def path_of(node: Node) -> tuple[str, ...] | None:
    """The field path that a chain of selections from a root variable spells, or None for anything else.

    `labels.env` and `labels["env"]` are the same path.
    """
    steps: list[str] = []
    while True:
        match node:
            case Root():
                steps.append(node.name)
                return tuple(reversed(steps))
            case Select():
                steps.append(node.field)
                node = node.operand
            case Index(key=Literal(value=str() as key)):
                steps.append(key)
                node = node.operand
            case _:
                return None


def dotted(node: Node) -> str | None:
    """The name that a chain of selections from an unresolved name spells, such as that of a message; None for anything else."""
    match node:
        case Name():
            return node.name
        case Select(operand=operand):
            start = dotted(operand)
            return None if start is None else f"{start}.{node.field}"
    return None
