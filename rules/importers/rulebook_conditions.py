"""Conditions of ansible-rulebook as conditions of ours, with its own idea of missing fields and of kinds.

There every comparison with a field that is missing, or across kinds, is false, `!=` included; null alone is unequal to
everything else. Here a missing field is no value, which comes to the same; `!=` across kinds has to be said.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rules.cel import CelFailure
from rules.cel.patterns import search
from rules.cel.written import below as written_below
from rules.cel.written import both, bracketed, constant, either, negated, text
from rules.importers.rulebook_parser import (
    Assigned,
    Compared,
    Constant,
    Field,
    Items,
    Joined,
    Negated,
    Sum,
    Tested,
    Tree,
    Value,
    parse,
)
from rules.importers.sheet import NotImportable

_NUMBERS = "[int, uint, double]"


@dataclass(frozen=True, slots=True)
class Join:
    """This step's field equals a field of the step of that name."""

    step: str
    theirs: str
    ours: str


@dataclass(slots=True)
class Condition:
    """What a condition of theirs comes to. `alias` is the name it gives to what matches; `joins` are left out of `text`."""

    text: str = "true"
    alias: str | None = None
    joins: list[Join] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: bool = False
    facts: bool = False
    steps: set[str] = field(default_factory=set)
    """The names of other steps that `text` reads, as `steps.NAME`."""


def read(source: object) -> Condition:
    """A condition as written: text, or a bool. Raises NotImportable."""
    made = Condition()
    if isinstance(source, bool):
        made.text = constant(source)
        return made
    tree = parse(str(source))
    if isinstance(tree, Assigned):
        if tree.name.root not in ("events", "facts") or len(tree.name.keys) != 1:
            raise NotImportable(f"what matches is kept as events.NAME or facts.NAME, found {tree.name}")
        made.alias, tree = str(tree.name.keys[0]), tree.condition
    reader = _Reader(made)
    parts = []
    for part in _terms(tree):
        if (join := reader.join(part)) is not None:
            made.joins.append(join)
        else:
            parts.append(reader.tree(part))
    made.text = both(parts)
    return made


def _terms(tree: Tree) -> list[Tree]:
    if isinstance(tree, Joined) and tree.word == "and":
        return [*_terms(tree.left), *_terms(tree.right)]
    return [tree]


class _Reader:
    def __init__(self, made: Condition) -> None:
        self.made = made

    def tree(self, tree: Tree) -> str:
        match tree:
            case Joined(word=word):
                if isinstance(tree.left, Joined) and tree.left.word != word and not tree.left.in_brackets:
                    self.note("'and' and 'or' stand side by side without brackets; they are read from left to right")
                return (both if word == "and" else either)([self.tree(tree.left), self.tree(tree.right)])
            case Negated(operand=operand):
                return negated(self.tree(operand))
            case Compared():
                return self.compared(tree)
            case Tested():
                return self.tested(tree)
            case Constant(value=value):
                return constant(value)
            case Field():
                return f"{self.value(tree)} == true"
            case Assigned():
                raise NotImportable("'<<' stands within a condition; it can only stand before one")

    def note(self, words: str) -> None:
        if words not in self.made.notes:
            self.made.notes.append(words)

    def join(self, tree: Tree) -> Join | None:
        """The equality of a field of this step with a field of another one."""
        if not isinstance(tree, Compared) or tree.operator != "==":
            return None
        sides = [tree.left, tree.right]
        if isinstance(sides[0], Field) and sides[0].root in ("events", "facts"):
            sides.reverse()
        ours, theirs = sides
        if not isinstance(ours, Field) or not isinstance(theirs, Field):
            return None
        if ours.root not in ("event", "fact") or theirs.root not in ("events", "facts") or len(theirs.keys) < 2:
            return None
        if ours.root == "fact" or theirs.root == "facts":
            return None
        return Join(_step(theirs), _below("raw", theirs.keys[1:]), self.value(ours))

    def value(self, value: Value) -> str:
        match value:
            case Constant(value=plain):
                return constant(plain)
            case Items(values=items):
                return f"[{', '.join(map(self.value, items))}]"
            case Sum():
                return self.total(value)
            case Field(root="event", keys=keys):
                self.made.events = True
                return _below("raw", keys)
            case Field(root="fact", keys=keys):
                self.made.facts = True
                return _below("fact", keys)
            case Field(root="events" | "facts", keys=keys) if keys:
                self.made.steps.add(_step(value))
                holder = f"steps.{_step(value)}"
                return _below(f"{holder}.raw" if value.root == "events" else holder, keys[1:])
            case Field(root="vars"):
                raise NotImportable(f"{value} is a variable given on the command line; write its value in its place")
            case Field():
                raise NotImportable(f"{value} begins with none of event, events, fact, facts and vars")

    def total(self, value: Sum) -> str:
        left, right = bracketed(self.value(value.left)), bracketed(self.value(value.right))
        written = f"{left} {value.operator} {right}"
        for side, other in ((value.left, value.right), (value.right, value.left)):
            if isinstance(side, Constant) and type(side.value) is int and not isinstance(other, Constant):
                # A whole number counts with doubles there; here the kinds must be alike.
                mine = self.value(other)
                apart = written.replace(constant(side.value), constant(float(side.value)))
                return f"(type({mine}) == double ? {apart} : {written})"
            if isinstance(side, Constant) and type(side.value) is float:
                return written.replace(mine := bracketed(self.value(other)), f"double({mine})")
        self.note(f"{written}: a whole number and a broken one cannot be counted together")
        return written

    def compared(self, tree: Compared) -> str:
        left, right = self.value(tree.left), self.value(tree.right)
        match tree.operator:
            case "in":
                return f"{left} in {right}"
            case "not in":
                return f"!({left} in {right})"
            case "contains":
                return f"{right} in {left}"
            case "not contains":
                return f"!({right} in {left})"
            case "!=":
                return self.unequal(tree, left, right)
        return f"{left} {tree.operator} {right}"

    def unequal(self, tree: Compared, left: str, right: str) -> str:
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
        numbers = f"(type({left}) in {_NUMBERS} && type({right}) in {_NUMBERS})"
        return f"{written} && ({alike} || {numbers} || {left} == null || {right} == null)"

    def tested(self, tree: Tested) -> str:
        if tree.test == "defined":
            there = self.defined(tree.left)
            return negated(there) if tree.negative else there
        left = self.value(tree.left)
        if tree.test in ("match", "search", "regex"):
            found = self.found(left, tree.test, tree.arguments[0], ignorecase=tree.ignorecase)
            return negated(found) if tree.negative else found
        item, keys = "item", tree.arguments[:-2]
        operator, value = tree.arguments[-2:]
        holder = item
        if keys:
            if not isinstance(keys[0], Constant) or not isinstance(keys[0].value, str):
                raise NotImportable("the key of selectattr() is no text")
            holder = written_below(item, *keys[0].value.split("."))
        test = self.selected(holder, operator, value)
        return negated(f"{left}.exists({item}, {test})") if tree.negative else f"{left}.exists({item}, {test})"

    def selected(self, holder: str, operator: Value, value: Value) -> str:
        """The test on one item; an item of another kind, or without the key, is none that is looked for."""
        name = operator.value if isinstance(operator, Constant) else None
        right = self.value(value)
        guard = (
            []
            if holder == "item"
            else [f"type(item) == map && has({holder})" if "[" not in holder else "type(item) == map"]
        )
        match name:
            case "match" | "search" | "regex":
                test = self.found(holder, str(name), value, ignorecase=False)
                return both([*guard, f"type({holder}) == string", test])
            case "==":
                return both([*guard, f"{holder} == {right}"])
            case "!=":
                return both([*guard, self.unequal(Compared("!=", Field("item", ()), value), holder, right)])
            case ">" | ">=" | "<" | "<=":
                kinds = "[string]" if isinstance(value, Constant) and isinstance(value.value, str) else _NUMBERS
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

    def found(self, left: str, test: str, pattern: Value, *, ignorecase: bool) -> str:
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
            raise NotImportable(f"the pattern of {test}() is no text")
        written = f"^(?:{pattern.value})" if test == "match" else pattern.value
        written = f"(?i){written}" if ignorecase else written
        try:
            search(written)
        except CelFailure as failure:
            raise NotImportable(failure.message) from None
        return f"{left}.matches({text(written)})"

    def defined(self, value: Value) -> str:
        if not isinstance(value, Field) or value.root not in ("event", "fact", "events", "facts"):
            raise NotImportable("'is defined' asks about a field of an event or a fact")
        self.value(value)
        skip = 1 if value.root in ("events", "facts") else 0
        holder = self.value(Field(value.root, value.keys[:skip]))
        tests = []
        for key in value.keys[skip:]:
            if isinstance(key, int):
                tests.append(f"type({holder}) == list && size({holder}) > {key}")
            else:
                if tests:
                    tests.append(f"type({holder}) == map")
                plain = written_below("", key)
                tests.append(f"has({holder}{plain})" if plain[0] == "." else f"{text(key)} in {holder}")
            holder = _below(holder, (key,))
        return both(tests)


def _step(value: Field) -> str:
    """The first match goes by `m` as well as by `m_0`."""
    name = str(value.keys[0])
    return "m_0" if name == "m" else name


def _below(holder: str, keys: tuple[str | int, ...]) -> str:
    for key in keys:
        holder = f"{holder}[{key}]" if isinstance(key, int) else written_below(holder, key)
    return holder
