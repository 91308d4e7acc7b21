"""Conditions of ansible-rulebook as conditions of ours, with its own idea of missing fields and of kinds.

There every comparison with a field that is missing, or across kinds, is false, `!=` included; null alone is unequal to
everything else. Here a missing field is no value, which comes to the same; `!=` across kinds has to be said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from rules.cel.written import both, bracketed, constant, either, negated, present
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
from rules.importers.rulebook_tests import defined, found, held, path, selected, unequal
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


def read(source: object, own: str = "m_0", bound: Collection[str] = ()) -> Condition:
    """A condition as written: text, or a bool. `own` is the name of its step, `bound` are the names of those before it.

    Raises NotImportable.
    """
    made = Condition()
    if isinstance(source, bool):
        made.text = constant(source)
        return made
    tree = parse(str(source), bound)
    if isinstance(tree, Assigned):
        tree = tree.condition
    reader = _Reader(made)
    parts = []
    for part in _terms(tree):
        if (join := reader.join(part)) is not None:
            made.joins.append(join)
        elif any(found.root == "events" for found in _fields(part)):
            made.where.append(_Reader(made, f"steps.{own}.raw").tree(part))
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
    def __init__(self, made: Condition, here: str = "raw") -> None:
        self.made = made
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
            case Constant(value=bool() as value):
                return constant(value)
            case Constant(value=value):
                raise NotImportable(f"{value!r} is no condition; it compares nothing")
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
        self.made.steps.add(str(theirs.keys[0]))
        return Join(str(theirs.keys[0]), path("raw", theirs.keys[1:]), self.value(ours))

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
                return path(self.here, keys)
            case Field(root="fact", keys=keys):
                self.made.facts = True
                return path("fact", keys)
            case Field(root="events", keys=keys) if keys:
                self.made.steps.add(str(value.keys[0]))
                return path(f"steps.{value.keys[0]}.raw", keys[1:])
            case Field(root="facts", keys=keys) if keys:
                # A fact that was given a name is a fact all the same.
                self.made.facts = True
                return path("fact", keys[1:])
            case Field(root="vars"):
                raise NotImportable(f"{value} is a variable given on the command line; write its value in its place")
            case Field():
                raise NotImportable(f"{value} begins with none of event, events, fact, facts and vars")

    def total(self, value: Sum) -> str:
        """A sum. There what is missing or null counts for nothing: of `event.a + 2` and `event.a - 2` is left 2."""
        sides = value.left, value.right
        texts = [bracketed(self.value(side)) for side in sides]
        written = f" {value.operator} ".join(texts)
        plain = next((number for number, side in enumerate(sides) if isinstance(side, Constant)), None)
        other = None if plain is None else sides[1 - plain]
        if plain is None or other is None or isinstance(other, Constant):
            self.note(f"{written}: a whole number and a broken one cannot be counted together")
            for field, left_over in ((value.right, texts[0]), (value.left, texts[1])):
                written = f"({self.there(field)} ? {written} : {left_over})" if isinstance(field, Field) else written
            return written
        mine, apart = self.value(other), list(texts)
        match sides[plain]:
            case Constant(value=int() as number) if not isinstance(number, bool):
                # A whole number counts with doubles there; here the kinds must be alike.
                apart[plain] = constant(float(number))
                written = f"(type({mine}) == double ? {f' {value.operator} '.join(apart)} : {written})"
            case Constant(value=float()):
                apart[1 - plain] = f"double({mine})"
                written = f"(type({mine}) == int ? {f' {value.operator} '.join(apart)} : {written})"
        return f"({self.there(other)} ? {written} : {texts[plain]})" if isinstance(other, Field) else written

    def there(self, value: Field) -> str:
        return f"{self.defined(value)} && {self.value(value)} != null"

    def nothing(self, value: Value) -> list[str]:
        """When a field is null because something it lies below is: there what lies below null is null."""
        if not isinstance(value, Field) or value.root not in ("event", "fact", "events", "facts"):
            return []
        skip = 1 if value.root in ("events", "facts") else 0
        above = [value.keys[:number] for number in range(skip + 1, len(value.keys))]
        return [f"{self.value(Field(value.root, keys))} == null" for keys in above if keys != ("meta",)]

    def compared(self, tree: Compared) -> str:
        left, right = self.value(tree.left), self.value(tree.right)
        listed = isinstance(tree.right, Items)
        match tree.operator:
            case "in":
                return held(right, left, listed=listed)
            case "not in":
                return either([*self.nothing(tree.left), negated(held(right, left, listed=listed))])
            case "contains":
                return held(left, right)
            case "not contains":
                return either([*self.nothing(tree.left), negated(held(left, right))])
            case "==" | "!=" as operator:
                written = unequal(tree, left, right) if operator == "!=" else f"{left} == {right}"
                plain = [side.value for side in (tree.left, tree.right) if isinstance(side, Constant)]
                if not plain or (plain[0] is None) is (operator == "!="):
                    return written
                return either([*self.nothing(tree.left), *self.nothing(tree.right), written])
        return f"{left} {tree.operator} {right}"

    def negative(self, tree: Tree, *, even: bool = False) -> str:
        """The opposite, which as there is false as well where a field is missing or of another kind.

        `even`: of an even number of `not`. There they turn 'and' to 'or' and back, but a comparison once turned stays so.
        """
        match tree:
            case Joined(word=word):
                sides = [self.negative(side, even=even) for side in (tree.left, tree.right)]
                return (both if (word == "and") is even else either)(sides)
            case Negated(operand=operand):
                self.note("'not' of 'not' is 'not' there, and so it is here")
                return self.negative(operand, even=not even)
            case Compared(operator="==" | "!=" as operator):
                return self.compared(replace(tree, operator="!=" if operator == "==" else "=="))
            case Compared(operator=">" | ">=" | "<" | "<=" as operator):
                opposite = self.compared(replace(tree, operator=_OPPOSITE[operator]))
                if isinstance(tree.left, Constant):
                    return opposite
                nothing = either([*self.nothing(tree.left), f"{self.value(tree.left)} == null"])
                there = [self.defined(tree.right)] if isinstance(tree.right, Field) else []
                return either([both([nothing, *there]), opposite])
            case Tested(test="defined", negative=False):
                self.note("'not (... is defined)' never holds there, nor here; what was meant is 'is not defined'")
                return constant(value=False)
            case Tested(test="match" | "search" | "regex") if not tree.negative:
                left = self.value(tree.left)
                return either([*self.nothing(tree.left), f"{left} == null", negated(self.tested(tree))])
            case Field():
                return either([*self.nothing(tree), f"{self.value(tree)} != true"])
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
        opposite = both([*([present(left, *keys)] if keys else []), negated(alone)])
        one = either([*([f"{left} == null"] if keys else []), opposite])
        written = f"(type({left}) == list ? !{left}.all(item, {test}) : {bracketed(one)})"
        return either([*self.nothing(tree.left), written])

    def defined(self, value: Value) -> str:
        if not isinstance(value, Field) or value.root not in ("event", "fact", "events", "facts"):
            raise NotImportable("'is defined' asks about a field of an event or a fact")
        self.value(value)
        skip = 1 if value.root in ("events", "facts") else 0
        return defined(self.value(Field(value.root, value.keys[:skip])), value.keys[skip:])
