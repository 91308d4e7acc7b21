"""Reads the conditions of ansible-rulebook into a small tree (https://ansible.readthedocs.io/projects/rulebook/en/latest/conditions.html)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

from rules.importers.sheet import NotImportable

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'[^'\n]*'|"[^"\n]*")
    | (?P<number>[+-]?(?:\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+|\d+)(?![A-Za-z_]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark><<|==|!=|>=|<=|[<>()\[\],.=+*/-])
    )""",
    re.VERBOSE,
)
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=", "in", "not in", "contains", "not contains")
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None, "none": None}
_MOST = 2**63 - 1
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\f": "\f"}


@dataclass(frozen=True, slots=True)
class Constant:
    value: object


@dataclass(frozen=True, slots=True)
class Field:
    """A path such as `event.a.b` or `events.first.x[0]`: its first word, and the keys below."""

    root: str
    keys: tuple[str | int, ...]

    def __str__(self) -> str:
        return self.root + "".join(f".{key}" if isinstance(key, str) else f"[{key}]" for key in self.keys)


@dataclass(frozen=True, slots=True)
class Items:
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Compared:
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Tested:
    """`left is [not] defined | match(...) | search(...) | regex(...) | select(...) | selectattr(...)`."""

    left: Value
    test: str
    negative: bool
    arguments: tuple[Value, ...] = ()
    ignorecase: bool = False
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class Negated:
    operand: Tree


@dataclass(frozen=True, slots=True)
class Joined:
    """`and` and `or`, from left to right."""

    word: str
    left: Tree
    right: Tree
    in_brackets: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """`events.first << condition`: what matches goes by this name in the conditions after it."""

    name: Field
    condition: Tree


Value: TypeAlias = Constant | Field | Items | Sum
Tree: TypeAlias = Compared | Tested | Negated | Joined | Assigned | Constant | Field


def parse(source: str, bound: Collection[str] | None = None) -> Tree:
    """The tree of a condition. `bound` are the names that conditions before it gave: `events.NAME` of any other one is a field like `event.NAME`.

    Raises NotImportable with the place where it stops making sense.
    """
    parser = _Parser(source, bound)
    tree = parser.condition()
    if parser.at < len(parser.tokens):
        parser.refuse("the end")
    return tree


class _Parser:
    def __init__(self, source: str, bound: Collection[str] | None) -> None:
        self.source = source
        self.bound = bound
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        place = 0
        while place < len(source.rstrip()):
            match = _TOKEN.match(source, place)
            if match is None:
                raise NotImportable(
                    f"in the condition {source!r}: {source[place:].strip()[:20]!r} is no word of conditions"
                )
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)], place))
            place = match.end()

    def refuse(self, expected: str) -> None:
        found = repr(self.tokens[self.at][1]) if self.at < len(self.tokens) else "the end"
        raise NotImportable(f"in the condition {self.source!r}: expected {expected}, found {found}")

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) and self.tokens[at][0] != "text" else ""

    def accept(self, *words: str) -> bool:
        if all(self.peek(number) == word for number, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            self.refuse(repr(word))

    def condition(self) -> Tree:
        tree = self.joined()
        if isinstance(tree, Field) and self.accept("<<"):
            return Assigned(tree, self.joined())
        return tree

    def joined(self) -> Tree:
        tree = self.negation()
        while (word := self.peek()) in ("and", "or"):
            self.at += 1
            tree = Joined(word, tree, self.negation())
        return tree

    def negation(self) -> Tree:
        return Negated(self.negation()) if self.accept("not") else self.comparison()

    def comparison(self) -> Tree:
        if self.peek() == "(" and (tree := self.bracketed()) is not None:
            return tree
        left = self.total()
        if self.accept("is"):
            return self.test(left, negative=self.accept("not"))
        for operator in _COMPARISONS:
            if self.accept(*operator.split()):
                return Compared(operator, left, self.total())
        if not isinstance(left, (Constant, Field)):
            self.refuse("a comparison")
        return left  # type: ignore[return-value]

    def bracketed(self) -> Tree | None:
        """A condition in brackets; None where the brackets are those of a value, such as `(event.a + 1) > 2`."""
        start = self.at
        self.at += 1
        try:
            tree = self.joined()
            self.expect(")")
        except NotImportable:
            self.at = start
            return None
        if self.peek() in ("+", "-", "*", "/", "is", *_COMPARISONS) and isinstance(tree, (Constant, Field)):
            self.at = start
            return None
        return replace(tree, in_brackets=True) if isinstance(tree, Joined) else tree

    def total(self) -> Value:
        value = self.product()
        while self.peek() in ("+", "-") or self.signed():
            if self.signed():
                # A sign that belongs to the number behind it, as in `event.a -1`.
                text = self.tokens[self.at][1]
                self.tokens[self.at : self.at + 1] = [("mark", text[0], 0), ("number", text[1:], 0)]
            operator = self.peek()
            self.at += 1
            value = Sum(operator, value, self.product())
        return value

    def signed(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][0] == "number" and self.tokens[self.at][1][0] in "+-"

    def product(self) -> Value:
        value = self.value()
        while (operator := self.peek()) in ("*", "/"):
            self.at += 1
            value = Sum(operator, value, self.value())
        return value

    def value(self) -> Value:
        if self.accept("("):
            inner = self.total()
            self.expect(")")
            return inner
        if self.accept("["):
            return Items(self.listed("]"))
        if self.at >= len(self.tokens):
            self.refuse("a value")
        kind, text, _ = self.tokens[self.at]
        if kind == "mark":
            self.refuse("a value")
        self.at += 1
        match kind:
            case "text":
                return Constant(re.sub(r"\\[ntrf]", lambda found: _ESCAPES[found[0]], text[1:-1]))
            case "number":
                number = float(text) if re.search(r"[.eE]", text) else int(text)
                if abs(number) > _MOST:
                    raise NotImportable(f"in the condition {self.source!r}: the number {text} is out of range")
                return Constant(number)
        if text in _CONSTANTS:
            return Constant(_CONSTANTS[text])
        keys = self.keys()
        given = self.bound is None or not keys or keys[0] in self.bound or self.peek() == "<<"
        return Field(text if given or text not in ("events", "facts") else text[:-1], keys)

    def keys(self) -> tuple[str | int, ...]:
        found: list[str | int] = []
        while True:
            if self.accept("."):
                if self.at >= len(self.tokens) or self.tokens[self.at][0] != "word":
                    self.refuse("a name")
                found.append(self.tokens[self.at][1])
                self.at += 1
            elif self.accept("["):
                key = self.value()
                if not isinstance(key, Constant) or not isinstance(key.value, (str, int)):
                    self.refuse("a name or a number in the brackets")
                    continue
                found.append(key.value)
                self.expect("]")
            else:
                return tuple(found)

    def listed(self, close: str) -> tuple[Value, ...]:
        found: list[Value] = []
        while not self.accept(close):
            found.append(self.value())
            if self.peek() != close:
                self.expect(",")
        return tuple(found)

    def test(self, left: Value, *, negative: bool) -> Tree:
        name = self.peek()
        if name == "defined":
            self.at += 1
            return Tested(left, name, negative)
        if name not in ("match", "search", "regex", "select", "selectattr"):
            self.refuse("defined, match(), search(), regex(), select() or selectattr() after 'is'")
        self.at += 1
        self.expect("(")
        arguments: list[Value] = []
        options: set[str] = set()
        while not self.accept(")"):
            if self.peek(1) == "=":
                option = self.peek()
                self.at += 2
                value = self.value()
                if option not in ("ignorecase", "multiline"):
                    self.refuse("ignorecase or multiline")
                options |= {option} if value == Constant(True) else set()
            else:
                arguments.append(self.value())
            if self.peek() != ")":
                self.expect(",")
        wanted = {"select": 2, "selectattr": 3}.get(name, 1)
        if len(arguments) != wanted:
            self.refuse(f"{wanted} arguments of {name}()")
        return Tested(left, name, negative, tuple(arguments), "ignorecase" in options, "multiline" in options)
