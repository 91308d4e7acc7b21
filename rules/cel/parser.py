"""Reads the text of a condition into its parsed form (the grammar of cel-spec doc/langdef.md), within fixed limits."""

from __future__ import annotations

from typing import NoReturn, cast

from rules.cel.faults import error_at
from rules.cel.lexer import Token, tokens
from rules.cel.syntax import (
    And,
    Binary,
    BinaryOperator,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Loop,
    Macro,
    MapOf,
    Message,
    Name,
    Negative,
    Node,
    Not,
    Or,
    Select,
    children,
    dotted,
)
from rules.cel.values import INT_MAX

MAX_SOURCE = 16_384
"""Characters a condition may have."""
MAX_DEPTH = 64
"""How deep brackets and operators may nest."""

_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"}
    | {"namespace", "return", "var", "void", "while"}
)
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}
_LEVELS: dict[str, int] = {
    "<": 1, "<=": 1, ">": 1, ">=": 1, "==": 1, "!=": 1, "in": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3,
}  # fmt: skip
_MACROS = {"all": (2,), "exists": (2,), "exists_one": (2,), "existsOne": (2,), "map": (2, 3), "filter": (2,)}


def parse(source: str) -> Node:
    """The parsed form, names unresolved; raises CelError at the first fault of syntax, and past MAX_SOURCE or MAX_DEPTH."""
    if len(source) > MAX_SOURCE:
        raise error_at(
            source, [(MAX_SOURCE, f"the condition has {len(source)} characters; at most {MAX_SOURCE} are read")]
        )
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.position = 0
        self.nesting = 0
        # The depth of each node made so far, by identity; holding the node keeps its identity its own.
        self.depths: dict[int, tuple[int, Node]] = {}

    def whole(self) -> Node:
        if len(self.tokens) == 1:
            self.refuse("the condition is empty; write 'true' for one that always holds")
        node = self.expression()
        if self.token.kind != "end":
            self.refuse(f"found {self.token.text!r} where the condition should end or an operator follow")
        return node

    # -- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def at_mark(self, *marks: str) -> bool:
        return self.token.kind == "mark" and self.token.text in marks

    def accept(self, mark: str) -> bool:
        if self.at_mark(mark):
            self.position += 1
            return True
        return False

    def expect(self, mark: str, after: str) -> Token:
        if not self.at_mark(mark):
            self.refuse(f"expected {mark!r} {after}, found {self.found}")
        return self.take()

    @property
    def found(self) -> str:
        return "the end" if self.token.kind == "end" else repr(self.token.text)

    def refuse(self, message: str, at: int | None = None) -> NoReturn:
        raise error_at(self.source, [(self.token.at if at is None else at, message)])

    def node(self, node: Node) -> Node:
        depth = 1 + max((self.depths[id(child)][0] for child in children(node)), default=0)
        if depth > MAX_DEPTH:
            self.refuse(f"the condition nests more than {MAX_DEPTH} deep", node.at)
        self.depths[id(node)] = (depth, node)
        return node

    # -- the grammar, from the loosest binding to the tightest

    def expression(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            self.refuse(f"the condition nests more than {MAX_DEPTH} deep")
        node = self.logic("||")
        if self.at_mark("?"):
            at = self.take().at
            then = self.logic("||")
            self.expect(":", "between the two outcomes of '?'")
            node = self.node(Choice(at, node, then, self.expression()))
        self.nesting -= 1
        return node

    def logic(self, mark: str) -> Node:
        at = self.token.at
        operands = [self.operand(mark)]
        while self.accept(mark):
            operands.append(self.operand(mark))
        if len(operands) == 1:
            return operands[0]
        return self.node(Or(at, tuple(operands)) if mark == "||" else And(at, tuple(operands)))

    def operand(self, mark: str) -> Node:
        return self.logic("&&") if mark == "||" else self.binary(1)

    def binary(self, level: int) -> Node:
        node = self.unary()
        while (token := self.token).text in _LEVELS and token.kind in ("mark", "name"):
            found = _LEVELS[token.text]
            if found < level:
                break
            self.take()
            right = self.binary(found + 1)
            node = self.node(Binary(token.at, cast(BinaryOperator, token.text), node, right))
        return node

    def unary(self) -> Node:
        signs: list[Token] = []
        mark = self.token.text
        while self.at_mark("!", "-") and self.token.text == mark:
            signs.append(self.take())
        if signs and self.at_mark("!", "-"):
            self.refuse(f"{self.found} cannot follow {mark!r}; use brackets")
        node = self.member(signed=bool(signs) and mark == "-")
        if signs and mark == "-" and isinstance(node, Literal) and node.at == signs[-1].at:
            signs.pop()
        for sign in reversed(signs):
            node = self.node(Not(sign.at, node) if mark == "!" else Negative(sign.at, node))
        return node

    def member(self, *, signed: bool) -> Node:
        node = self.primary(signed=signed)
        while True:
            if self.at_mark("."):
                node = self.selection(node)
            elif self.at_mark("["):
                at = self.take().at
                if self.at_mark("?"):
                    self.refuse("optional indexing '[?' is not part of the language; test with 'key in map' first")
                key = self.expression()
                self.expect("]", "after the index")
                node = self.node(Index(at, node, key))
            elif self.at_mark("{") and (name := dotted(node)) is not None:
                node = self.message(node.at, name)
            else:
                return node

    def selection(self, operand: Node) -> Node:
        self.take()
        if self.at_mark("?"):
            self.refuse("optional selection '.?' is not part of the language; test with has() first")
        token = self.take()
        if token.kind == "quoted":
            return self.node(Select(token.at, operand, token.text))
        if token.kind != "name" or token.text in ("in", "true", "false", "null"):
            self.position -= 1
            self.refuse(f"expected the name of a field after '.', found {self.found}")
        if not self.at_mark("("):
            return self.node(Select(token.at, operand, token.text))
        self.take()
        if token.text in _MACROS:
            return self.macro(token, operand)
        return self.node(Call(token.at, token.text, (operand, *self.items(")", "the arguments")), receiver=True))

    def macro(self, token: Token, over: Node) -> Node:
        arguments = self.items(")", "the arguments")
        counts = _MACROS[token.text]
        if len(arguments) not in counts:
            wanted = " or ".join(map(str, counts))
            self.refuse(f"{token.text}() takes {wanted} arguments, a variable first; found {len(arguments)}", token.at)
        variable = arguments[0]
        if not isinstance(variable, Name) or variable.absolute:
            self.refuse(f"the first argument of {token.text}() must be the name of its variable", arguments[0].at)
        macro = cast(Macro, "exists_one" if token.text == "existsOne" else token.text)
        where = arguments[1] if len(arguments) == 3 else None
        return self.node(Loop(token.at, macro, over, variable.name, arguments[-1], where))

    def primary(self, *, signed: bool) -> Node:
        token = self.token
        if token.kind == "value":
            return self.constant(signed=signed)
        if token.kind == "name":
            return self.name()
        if self.accept("("):
            node = self.expression()
            self.expect(")", "to close the bracket")
            return node
        if self.accept("["):
            return self.node(ListOf(token.at, self.items("]", "the list")))
        if self.accept("{"):
            return self.node(MapOf(token.at, self.entries()))
        if not self.accept("."):
            self.refuse(f"expected a value, found {self.found}")
        return self.name(absolute=True)

    def constant(self, *, signed: bool) -> Node:
        token = self.take()
        value = token.value
        if signed and type(value) in (int, float):
            # The minus directly before a number belongs to it: only so can the smallest int be written.
            return self.node(Literal(self.tokens[self.position - 2].at, -value))  # type: ignore[operator]
        if type(value) is int and value > INT_MAX:
            self.refuse(f"{token.text!r} is out of range: the largest int is {INT_MAX}", token.at)
        return self.node(Literal(token.at, value))

    def name(self, *, absolute: bool = False) -> Node:
        token = self.token
        if token.kind != "name":
            self.refuse(f"expected a name after '.', found {self.found}")
        self.take()
        if token.text in _CONSTANTS and not absolute:
            return self.node(Literal(token.at, _CONSTANTS[token.text]))
        if token.text in _RESERVED or token.text in ("in", "true", "false", "null"):
            self.refuse(f"{token.text!r} is a reserved word and cannot be a name", token.at)
        if not self.accept("("):
            return self.node(Name(token.at, token.text, absolute))
        arguments = self.items(")", "the arguments")
        if token.text != "has":
            return self.node(Call(token.at, token.text, arguments, receiver=False))
        if len(arguments) != 1 or not isinstance(arguments[0], Select):
            self.refuse("has() takes one field selection, such as has(labels.env)", token.at)
        return self.node(Has(token.at, arguments[0].operand, arguments[0].field))

    def items(self, close: str, what: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.accept(close):
            if self.at_mark("?"):
                self.refuse("optional entries '?' are not part of the language")
            found.append(self.expression())
            if not self.at_mark(close):
                self.expect(",", f"or {close!r} in {what}")
                # A list may end in a comma, the arguments of a function may not.
                if close == ")" and self.at_mark(")"):
                    self.refuse(f"expected a value after ',' in {what}, found ')'")
        return tuple(found)

    def entries(self) -> tuple[tuple[Node, Node], ...]:
        found: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            if self.at_mark("?"):
                self.refuse("optional entries '?' are not part of the language")
            key = self.expression()
            self.expect(":", "between a key and its value")
            found.append((key, self.expression()))
            if not self.at_mark("}"):
                self.expect(",", "or '}' in the map")
        return tuple(found)

    def message(self, at: int, name: str) -> Node:
        self.expect("{", "to begin the message")
        found: list[tuple[str, Node]] = []
        while not self.accept("}"):
            token = self.take()
            if token.kind not in ("name", "quoted"):
                self.position -= 1
                self.refuse(f"expected the name of a field of {name!r}, found {self.found}")
            self.expect(":", "between a field and its value")
            found.append((token.text, self.expression()))
            if not self.at_mark("}"):
                self.expect(",", "or '}' in the message")
        return self.node(Message(at, name, tuple(found)))
