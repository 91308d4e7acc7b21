"""Gives every name of a condition its meaning: loop variable, named constant, field, type; and every call its function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rules.cel import patterns, wellknown
from rules.cel.faults import CelError, CelFailure
from rules.cel.functions import FUNCTIONS, MACROS, network, rank, version
from rules.cel.parser import parse
from rules.cel.schema import FieldSchema
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
    children,
    walk,
)
from rules.cel.times import zone
from rules.cel.values import TYPES
from schemas.document import near

MAX_NODES = 5_000
"""Nodes a condition may have once its named constants are put in."""

Scope = Mapping[str, Local]


class Resolver:
    """Collects every fault as (offset, message) while it resolves; used once."""

    def __init__(self, schema: FieldSchema | None, constants: Mapping[str, str]) -> None:
        self.schema = schema
        self.constants = constants
        self.faults: list[tuple[int, str]] = []
        self.loops = 0
        self.nodes = 0
        # The named constants being put in at this moment, outermost first, and where the outermost one stands.
        self.inside: list[str] = []
        self.outside_at = 0

    def fault(self, at: int, message: str) -> None:
        if self.inside:
            at, message = self.outside_at, f"in the constant {self.inside[-1]!r}: {message}"
        self.faults.append((at, message))

    def resolve(self, node: Node, scope: Scope) -> Node:
        self.nodes += 1
        if self.nodes == MAX_NODES:
            self.fault(node.at, f"the condition has more than {MAX_NODES} parts, its named constants put in")
        if self.nodes >= MAX_NODES:
            return Literal(node.at, None)
        match node:
            case Literal() | Root() | Local():
                return node
            case Name() | Select() if (found := self.qualified(node, scope)) is not None:
                return found
            case Name():
                return self.name(node, scope)
            case Select() | Has():
                return replace(node, operand=self.resolve(node.operand, scope))
            case Negative() | Not():
                return replace(node, operand=self.resolve(node.operand, scope))
            case Index():
                return replace(node, operand=self.resolve(node.operand, scope), key=self.resolve(node.key, scope))
            case Binary():
                return replace(node, left=self.resolve(node.left, scope), right=self.resolve(node.right, scope))
            case And() | Or():
                return replace(node, operands=self.all(node.operands, scope))
            case Choice():
                condition, then, otherwise = self.all((node.condition, node.then, node.otherwise), scope)
                return Choice(node.at, condition, then, otherwise)
            case ListOf():
                return replace(node, items=self.all(node.items, scope))
            case MapOf():
                return replace(
                    node,
                    entries=tuple((self.resolve(key, scope), self.resolve(item, scope)) for key, item in node.entries),
                )
            case Message():
                if (refusal := wellknown.refusal(node.name, [name for name, _ in node.fields])) is not None:
                    self.fault(node.at, refusal)
                return replace(node, fields=tuple((name, self.resolve(value, scope)) for name, value in node.fields))
            case Loop():
                return self.loop(node, scope)
            case Call():
                return self.call(node, scope)

    def all(self, nodes: tuple[Node, ...], scope: Scope) -> tuple[Node, ...]:
        return tuple(self.resolve(node, scope) for node in nodes)

    def qualified(self, node: Node, scope: Scope) -> Node | None:
        """The longest dotted name that the schema declares or that is a type, unless a loop variable hides it."""
        steps: list[str] = []
        inner = node
        while isinstance(inner, Select):
            steps.append(inner.field)
            inner = inner.operand
        if not isinstance(inner, Name) or (inner.name in scope and not inner.absolute) or inner.name in self.constants:
            return None
        full = ".".join((inner.name, *reversed(steps)))
        if self.schema is not None and full in self.schema.fields:
            return Root(node.at, full, self.schema.fields[full])
        if full in TYPES:
            return Literal(node.at, TYPES[full])
        return None

    def name(self, node: Name, scope: Scope) -> Node:
        if not node.absolute and node.name in scope:
            return replace(scope[node.name], at=node.at)
        if node.name in self.constants:
            return self.constant(node)
        if self.schema is not None:
            known = {*self.schema.fields, *scope, *self.constants}
            self.fault(node.at, f"unknown field {node.name!r}{near(node.name, known)}")
        return Root(node.at, node.name)

    def constant(self, node: Name) -> Node:
        if node.name in self.inside:
            self.fault(
                node.at, f"the constant {node.name!r} stands for itself: {' -> '.join((*self.inside, node.name))}"
            )
            return Literal(node.at, None)
        if not self.inside:
            self.outside_at = node.at
        self.inside.append(node.name)
        try:
            found = self.resolve(parse(self.constants[node.name]), {})
        except CelError as error:
            for fault in error.faults:
                self.fault(node.at, str(fault))
            found = Literal(node.at, None)
        finally:
            self.inside.pop()
        return found

    def loop(self, node: Loop, scope: Scope) -> Node:
        over = self.resolve(node.over, scope)
        number = self.loops
        self.loops += 1
        inner = {**scope, node.variable: Local(node.at, node.variable, number)}
        where = None if node.where is None else self.resolve(node.where, inner)
        return replace(node, over=over, where=where, body=self.resolve(node.body, inner), number=number)

    def call(self, node: Call, scope: Scope) -> Node:
        arguments = self.all(node.arguments, scope)
        function = FUNCTIONS.get(node.function)
        if function is None:
            hint = near(node.function, (*FUNCTIONS, *MACROS))
            if node.function in MACROS:
                hint = f"; it is written {MACROS[node.function][0]}"
            self.fault(node.at, f"unknown function {node.function!r}{hint}")
            return replace(node, arguments=arguments)
        if function.style != "either" and node.receiver != (function.style == "method"):
            self.fault(node.at, f"{node.function}() is written {function.usage}")
        elif len(arguments) not in function.counts:
            self.fault(node.at, f"{node.function}() is written {function.usage}; found {len(arguments)} arguments")
        elif node.function == "severity_at_least" and len(arguments) == 1:
            kind = self.schema.fields.get("severity", "dyn") if self.schema else "dyn"
            arguments = (Root(node.at, "severity", kind), *arguments)
        return self.folded(replace(node, arguments=arguments))

    def folded(self, node: Call) -> Node:
        """What a constant argument allows to be done once, at load: so a bad pattern, time, zone or severity is a fault."""
        last = node.arguments[-1] if node.arguments else None
        if not isinstance(last, Literal) or not isinstance(last.value, str):
            return node
        try:
            match node.function:
                case "matches":
                    patterns.search(last.value)
                case "glob":
                    patterns.glob(last.value)
                case "cidr":
                    network(last.value)
                case "semver":
                    version(last.value)
                case "severity_at_least":
                    rank(last.value)
                case "timestamp" | "duration" if len(node.arguments) == 1:
                    return Literal(node.at, FUNCTIONS[node.function].apply(last.value))
                case name if name.startswith("get") and len(node.arguments) == 2:
                    zone(last.value)
        except CelFailure as failure:
            self.fault(last.at, failure.message)
        return node


def depth(node: Node) -> int:
    """How deep the nodes nest."""
    deepest = 0
    level: list[Node] = [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in children(parent)]
    return deepest


def locals_of(node: Node) -> frozenset[int]:
    """The numbers of the loop variables that a node reads, its own loops' among them."""
    return frozenset(part.number for part in walk(node) if isinstance(part, Local))
