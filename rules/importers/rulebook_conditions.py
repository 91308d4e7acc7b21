"""Conditions of ansible-rulebook as conditions of ours, with its own idea of missing fields and of kinds.

There every comparison with a field that is missing, or across kinds, is false, `!=` included; null alone is unequal to
everything else. Here a missing field is no value, which comes to the same; `!=` across kinds has to be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rules.cel.written import below as written_below
from rules.cel.written import both, bracketed, constant, either, negated, present, text
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
from rules.importers.rulebook_tests import found, held, selected, unequal
from rules.importers.sheet import NotImportable

_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


@dataclass(frozen=True, slots=True)
class Join:
    """This step's field equals a field of the step of that name."""

    step: str
    theirs: str
    ours: str


@dataclass(slots=True)
class Condition:
    """What a condition of theirs comes to. `joins` and `where` look at other steps as well and are left out of `text`."""

    text: str = "true"
    joins: list[Join] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    """Conditions over `steps.NAME`, this step's own name among them."""
    notes: list[str] = field(default_factory=list)
    events: bool = False
    facts: bool = False
    steps: set[str] = field(default_factory=set)
    """The names of the other steps that `joins` and `where` read."""


def alias(source: object) -> str | None:
    """The name that a condition gives to what matches, if it gives one. Raises NotImportable."""
    tree = None if isinstance(source, bool) else parse(str(source))
    if not isinstance(tree, Assigned):
        return None
    if tree.name.root not in ("events", "facts") or len(tree.name.keys) != 1:
        raise NotImportable(f"what matches is kept as events.NAME or facts.NAME, found {tree.name}")
    return str(tree.name.keys[0])


def read(source: object, own: str = "m_0", names: Mapping[str, str] = MappingProxyType({})) -> Condition:
    """A condition as written: text, or a bool. `own` is the name of its step, `names` are those of steps that go by another one.

    Raises NotImportable.
    """
    made = Condition()
    if isinstance(source, bool):
        made.text = constant(source)
        return made
    tree = parse(str(source))
    if isinstance(tree, Assigned):
        tree = tree.condition
    reader = _Reader(made, names)
    parts = []
    for part in _terms(tree):
        if (join := reader.join(part)) is not None:
            made.joins.append(join)
        elif any(found.root == "events" for found in _fields(part)):
            made.where.append(_Reader(made, names, f"steps.{own}.raw").tree(part))
        else:
            parts.append(reader.tree(part))
    made.text = both(parts)
    return made


def _fields(tree: Tree | Value) -> list[Field]:
    """Every path that a condition reads."""
    match tree:
        case Field():
            return [tree]
        case Constant():
            return []
        case Items(values=values):
            return [found for value in values for found in _fields(value)]
        case Tested(left=left, arguments=arguments):
            return [found for value in (left, *arguments) for found in _fields(value)]
        case Negated(operand=operand):
            return _fields(operand)
        case Assigned(condition=condition):
            return _fields(condition)
    return [*_fields(tree.left), *_fields(tree.right)]


def _terms(tree: Tree) -> list[Tree]:
    if isinstance(tree, Joined) and tree.word == "and":
        return [*_terms(tree.left), *_terms(tree.right)]
    return [tree]


class _Reader:
    def __init__(self, made: Condition, names: Mapping[str, str], here: str = "raw") -> None:
        self.made = made
        self.names = names
        self.here = here

    def tree(self, tree: Tree) -> str:
        match tree:
            case Joined(word=word):
                if isinstance(tree.left, Joined) and tree.left.word != word and not tree.left.in_brackets:
                    self.note("'and' and 'or' stand side by side without brackets; they are read from left to right")
                return (both if word == "and" else either)([self.tree(tree.left), self.tree(tree.right)])
            case Negated(operand=operand):
                return self.negative(operand)
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
        if ours.root != "event" or theirs.root != "events" or len(theirs.keys) < 2:
            return None
        self.made.steps.add(self.step(theirs))
        return Join(self.step(theirs), _below("raw", theirs.keys[1:]), self.value(ours))

    def step(self, value: Field) -> str:
        """The step that a path begins with. The first match goes by `m` as well as by `m_0`."""
        name = "m_0" if value.keys[0] == "m" else str(value.keys[0])
        return self.names.get(name, name)

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
                return _below(self.here, keys)
            case Field(root="fact", keys=keys):
                self.made.facts = True
                return _below("fact", keys)
            case Field(root="events", keys=keys) if keys:
                self.made.steps.add(self.step(value))
                return _below(f"steps.{self.step(value)}.raw", keys[1:])
            case Field(root="facts", keys=keys) if keys:
                # A fact that was given a name is a fact all the same.
                self.made.facts = True
                return _below("fact", keys[1:])
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
            case "in" | "not in":
                test = held(right, left, listed=isinstance(tree.right, Items))
                return test if tree.operator == "in" else negated(test)
            case "contains":
                return held(left, right)
            case "not contains":
                return negated(held(left, right))
            case "!=":
                return unequal(tree, left, right)
        return f"{left} {tree.operator} {right}"

    def negative(self, tree: Tree) -> str:
        """The opposite, which as there is false as well where a field is missing or of another kind."""
        match tree:
            case Joined(word=word):
                return (either if word == "and" else both)([self.negative(tree.left), self.negative(tree.right)])
            case Negated(operand=operand):
                return self.tree(operand)
            case Compared(operator="==" | "!=" as operator):
                return self.compared(replace(tree, operator="!=" if operator == "==" else "=="))
            case Compared(operator=">" | ">=" | "<" | "<=" as operator):
                left = self.value(tree.left)
                # Nothing is neither more nor less than anything.
                nothing = [] if isinstance(tree.left, Constant) else [f"{left} == null"]
                return either([*nothing, self.compared(replace(tree, operator=_OPPOSITE[operator]))])
            case Tested(test="match" | "search" | "regex") if not tree.negative:
                return either([f"{self.value(tree.left)} == null", negated(self.tested(tree))])
            case Field():
                return f"{self.value(tree)} in [false, null]"
        return negated(self.tree(tree))

    def tested(self, tree: Tested) -> str:
        if tree.test == "defined":
            there = self.defined(tree.left)
            return negated(there) if tree.negative else there
        left = self.value(tree.left)
        if tree.test in ("match", "search", "regex"):
            said = {"ignorecase": tree.ignorecase, "multiline": tree.multiline}
            test = found(left, tree.test, tree.arguments[0], **said)
            return f"{left} != null && {negated(test)}" if tree.negative else test
        names, (operator, value) = tree.arguments[:-2], tree.arguments[-2:]
        if names and not (isinstance(names[0], Constant) and isinstance(names[0].value, str)):
            raise NotImportable("the key of selectattr() is no text")
        keys = [key for name in names if isinstance(name, Constant) for key in str(name.value).split(".")]
        right = self.value(value)
        test, alone = (selected(holder, keys, operator, value, right) for holder in ("item", left))
        if not tree.negative:
            return f"(type({left}) == list ? {left}.exists(item, {test}) : {bracketed(alone)})"
        # Of a list not all of them, as there; of one value that is there, the opposite.
        needed = [present(left, *keys)] if keys else []
        return f"(type({left}) == list ? !{left}.all(item, {test}) : {bracketed(both([*needed, negated(alone)]))})"

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


def _below(holder: str, keys: tuple[str | int, ...]) -> str:
    for key in keys:
        holder = f"{holder}[{key}]" if isinstance(key, int) else written_below(holder, key)
    return holder
