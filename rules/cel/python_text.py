"""Writes a condition as Python expressions over one activation, for the fast back end (`closures`)."""

from __future__ import annotations

from typing import Any

from rules.cel import instants
from rules.cel.bodies import EXACT, constants_of, is_simple
from rules.cel.evaluate import MAX_ITEMS
from rules.cel.functions import SEVERITIES, rank
from rules.cel.lifted import APPLIED, MISSING, NEGATE, OPERATORS, guarded, searching, timed_reader
from rules.cel.resolve import depth, locals_of
from rules.cel.syntax import (
    And,
    Binary,
    Call,
    Choice,
    Has,
    Index,
    Literal,
    Local,
    Loop,
    Negative,
    Node,
    Not,
    Or,
    Root,
    Select,
)
from rules.cel.values import Uint

_NUMBERS = frozenset({int, float})
_CONTAINERS = frozenset({list, dict})
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_TESTS = {"contains": "{p} in {v}", "startsWith": "{v}.startswith({p})", "endsWith": "{v}.endswith({p})"}


class Writer:
    """Writes Python expressions over `a`, the activation, and remembers the values they refer to by generated name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.names: dict[object, str] = {}
        self.temporaries = 0
        self.missing = self.name(MISSING)
        self.dict = self.name(dict)
        self.type = self.name(type)

    def name(self, value: Any) -> str:
        key = (type(value), value) if isinstance(value, (str, int, bool, frozenset)) else id(value)
        if key not in self.names:
            self.names[key] = f"k{len(self.values)}"
            # Held for as long as the writer lives, so that an identity stands for one value only.
            self.values[self.names[key]] = value
        return self.names[key]

    def temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries}"

    # -- conditions

    def verdict(self, node: Node, error: bool) -> str:
        """An expression that is the node's truth, and `error` where the node fails or is no bool."""
        match node:
            case Literal(value=bool() as constant):
                return "True" if constant else "False"
            case And():
                return self.joined(" and ", node.operands, error)
            case Or():
                return self.joined(" or ", node.operands, error)
            case Not():
                return f"(not {self.verdict(node.operand, not error)})"
            case Choice() if depth(node.condition) <= 3:
                return self.choice(node, error)
            case Has():
                found = self.place(node.operand)
                if found is not None:
                    known, holder = found
                    inside = f"{self.name(node.field)} in {holder}"
                    return f"({known} and {inside})" if not error else f"(not ({known}) or {inside})"
            case Binary():
                written = self.comparison(node, error)
                if written is not None:
                    return written
            case Call():
                written = self.test(node, error)
                if written is not None:
                    return written
            case Loop(macro="all" | "exists"):
                written = self.loop(node, error)
                if written is not None:
                    return written
        value = self.value(node)
        return f"({value} is not False)" if error else f"({value} is True)"

    def joined(self, word: str, operands: tuple[Node, ...], error: bool) -> str:
        return "(" + word.join(self.verdict(operand, error) for operand in operands) + ")"

    def choice(self, node: Choice, error: bool) -> str:
        # A condition that fails is neither true with failures as False nor false with failures as True.
        no, yes = self.verdict(node.condition, False), self.verdict(node.condition, True)
        then, otherwise = self.verdict(node.then, error), self.verdict(node.otherwise, error)
        end = "True" if error else "False"
        return f"({then} if {no} else ({end} if {yes} else {otherwise}))"

    def reach(self, node: Node) -> tuple[str, str] | None:
        """For a field below a map: what must hold for the map to be there, and the lookup, given MISSING to fall back on.

        The lookup has a place `{}` for what stands for an absent field.
        """
        match node:
            case Root(kind="timestamp" | "duration"):
                return None
            case Root(name=name):
                return "", f"a.get({self.name(name)}{{}})"
            case Select(field=field) | Index(key=Literal(value=str() as field)):
                found = self.place(node.operand)
                return None if found is None else (found[0], f"{found[1]}.get({self.name(field)}{{}})")
        return None

    def place(self, node: Node) -> tuple[str, str] | None:
        """For a map: the test that it is there and is one, and the temporary that then holds it."""
        if isinstance(node, Local):
            variable = f"v{node.number}"
            return f"{self.type}({variable}) is {self.dict}", variable
        found = self.reach(node)
        if found is None:
            return None
        known, lookup = found
        holder = self.temporary()
        test = f"{self.type}({holder} := {lookup.format('')}) is {self.dict}"
        return (f"{known} and {test}" if known else test), holder

    def subject(self, node: Node) -> tuple[str, str, str] | None:
        """For a field or loop variable: what must hold for it to be there, how to look it up (None when absent), how to hold it."""
        if isinstance(node, Local):
            return "", f"v{node.number}", f"v{node.number}"
        found = self.reach(node)
        if found is None:
            return None
        holder = self.temporary()
        return found[0], found[1].format(""), holder

    def comparison(self, node: Binary, error: bool) -> str | None:
        operator: str = node.operator
        left, right = node.left, node.right
        if operator == "in":
            return self.membership(left, right, error)
        if operator not in _FLIPPED:
            return None
        if (instants_text := instants.written(self, operator, left, right, error=error)) is not None:
            return instants_text
        if isinstance(left, Literal) and not isinstance(right, Literal):
            operator, left, right = _FLIPPED[operator], right, left
        if not isinstance(right, Literal) or type(right.value) not in (str, int, float, bool, Uint, type(None)):
            return None
        found = self.subject(left)
        if found is None:
            return None
        known, lookup, holder = found
        told = error or operator == "!=" or right.value is None
        present, value = self.present(left, known, lookup, holder, told=told)
        if operator in ("==", "!="):
            test = self.equality(value, right.value, holder)
            return self.guard(present, f"(not {test})" if operator == "!=" else test, error)
        constant = right.value
        if type(constant) is str:
            typed = f"{self.type}({value}) is {self.name(str)}"
        elif isinstance(constant, (int, float)) and not isinstance(constant, bool) and -EXACT <= constant <= EXACT:
            typed = f"{self.type}({value}) in {self.name(_NUMBERS)}"
        else:
            return None
        return self.guard(
            f"{present} and {typed}" if present else typed, f"{holder} {operator} {self.name(constant)}", error
        )

    def present(self, node: Node, known: str, lookup: str, holder: str, *, told: bool = True) -> tuple[str, str]:
        """The test that a field is there, which leaves it in `holder`; a loop variable always is. Unless absent is to be `told` from null,
        the value is looked up where it is first used."""
        if isinstance(node, Local):
            return "", holder
        if not told:
            return known, f"({holder} := {lookup})"
        lookup = f"{lookup[:-1]}, {self.missing})"
        test = f"({holder} := {lookup}) is not {self.missing}"
        return (f"{known} and {test}" if known else test), holder

    def equality(self, value: str, constant: Any, holder: str) -> str:
        if constant is None or isinstance(constant, bool):
            return f"({value} is {constant!r})"
        test = f"{value} == {self.name(constant)}"
        # To Python, True is 1 and 1.0.
        return f"({test} and {self.type}({holder}) is not {self.name(bool)})" if constant in (0, 1) else f"({test})"

    def guard(self, present: str, test: str, error: bool) -> str:
        if not present:
            return f"({test})"
        return f"(not ({present}) or {test})" if error else f"({present} and {test})"

    def membership(self, left: Node, right: Node, error: bool) -> str | None:
        if isinstance(left, Literal) and type(left.value) is str:
            return self.key(left.value, right, error)
        constants = constants_of(right)
        found_subject = self.subject(left)
        if not constants or found_subject is None or not all(type(constant) is str for constant in constants):
            return None
        known, lookup, holder = found_subject
        present, value = self.present(left, known, lookup, holder, told=error)
        return self.guard(
            present,
            f"({self.type}({value}) is {self.name(str)} and {holder} in {self.name(frozenset(constants))})",
            error,
        )

    def key(self, key: str, container: Node, error: bool) -> str | None:
        """`"key" in field`: of a map at once, of a list by the operator."""
        found = self.reach(container)
        if found is None:
            return None
        known, lookup = found
        holder, name = self.temporary(), self.name(key)
        held = f"{self.type}({holder} := {lookup.format(', ' + self.missing)}) is {self.dict}"
        other = f"{self.name(OPERATORS['in'])}({name}, {holder}) {'is not False' if error else 'is True'}"
        return self.guard(known, f"({name} in {holder} if {held} else {other})", error)

    def test(self, node: Call, error: bool) -> str | None:
        """A test of text against a constant."""
        if len(node.arguments) != 2:
            return None
        subject, constant = node.arguments
        if not isinstance(constant, Literal) or type(constant.value) is not str:
            return None
        if node.function in _TESTS:
            test = _TESTS[node.function].replace("{p}", self.name(constant.value))
        elif node.function == "severity_at_least":
            return self.severity(subject, constant.value, error)
        else:
            return None
        found = self.subject(subject)
        if found is None:
            return None
        known, lookup, holder = found
        typed = f"{self.type}({holder}) is {self.name(str)}"
        if not isinstance(subject, Local):
            typed = f"{self.type}({holder} := {lookup}) is {self.name(str)}"
        return self.guard(f"{known} and {typed}" if known else typed, test.replace("{v}", holder), error)

    def severity(self, subject: Node, least: str, error: bool) -> str | None:
        found = self.subject(subject)
        if found is None:
            return None
        known, lookup, holder = found
        present, value = self.present(subject, known, lookup, holder, told=error)
        typed = f"{self.type}({value}) is {self.name(str)} and {holder} in {self.name(frozenset(SEVERITIES))}"
        at_least = self.name(frozenset(SEVERITIES[rank(least) :]))
        return self.guard(f"{present} and {typed}" if present else typed, f"{holder} in {at_least}", error)

    def loop(self, node: Loop, error: bool) -> str | None:
        """`all` and `exists` over a list, when the body tests the loop variable alone."""
        if locals_of(node.over) or not is_simple(node.body, node.number):
            return None
        found = self.subject(node.over)
        if found is None and isinstance(node.over, Call) and node.over.function in APPLIED:
            found = "", self.value(node.over), self.temporary()
        if found is None:
            return None
        known, lookup, holder = found
        held = f"{self.type}({holder} := {lookup}) in {self.name(_CONTAINERS)} and {self.name(len)}({holder}) <= {self.name(MAX_ITEMS)}"
        word, body = self.name(all if node.macro == "all" else any), self.verdict(node.body, error)
        return self.guard(
            f"{known} and {held}" if known else held, f"{word}({body} for v{node.number} in {holder})", error
        )

    # -- values

    def value(self, node: Node) -> str:
        """An expression that is the node's value, or MISSING where it fails."""
        match node:
            case Literal(value=value):
                return self.name(value)
            case Local(number=number):
                return f"v{number}"
            case Root(name=name, kind="timestamp" | "duration" as kind):
                return f"{self.name(timed_reader(name, kind))}(a)"
            case Root() | Select() | Index(key=Literal(value=str())) if (found := self.subject(node)) is not None:
                known, lookup, _ = found
                plain = f"{lookup[:-1]}, {self.missing})"
                return f"({plain} if {known} else {self.missing})" if known else plain
            case Binary():
                return f"{self.name(OPERATORS[node.operator])}({self.value(node.left)}, {self.value(node.right)})"
            case Negative():
                return f"{self.name(NEGATE)}({self.value(node.operand)})"
            case Call(function="matches" | "glob" as function, arguments=(subject, Literal(value=str() as pattern))):
                return f"{self.name(searching(function, pattern))}({self.value(subject)})"
            case Call() if node.function in APPLIED:
                arguments = ", ".join(self.value(argument) for argument in node.arguments)
                return f"{self.name(APPLIED[node.function])}({arguments})"
        # `verdict` admits none but simple bodies to a loop, so no loop variable is read here from outside.
        return f"{self.name(guarded(node))}(a)"
