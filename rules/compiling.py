"""The parts of a rule made ready to act, with every fault told at its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.cel import CelError, Condition, Expression, compile, compile_value  # noqa: A004 (the language's own word for it)
from rules.cel.schema import FieldSchema
from rules.fields import SCHEMA
from rules.match.tables import Table
from schemas.document import Path as At

Wrong = Callable[[At, "CelError | ValueError"], None]


@dataclass(frozen=True, slots=True)
class Compiler:
    """What the texts of a rule are read with: the names known in its file, and who is told of faults."""

    written: Any
    """The rule as it stands in the file, for whether something is a list there."""
    wrong: Wrong
    macros: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)

    def condition(self, text: str, *at: str | int, schema: FieldSchema = SCHEMA) -> Condition | None:
        """None when it is at fault, which has been told."""
        try:
            return compile(text, schema=schema, constants=self.macros)
        except CelError as error:
            self.wrong(at, error)
            return None

    def value(self, text: str, *at: str | int) -> Expression | None:
        """None when it is at fault, which has been told."""
        try:
            return compile_value(text, SCHEMA, constants=self.macros)
        except CelError as error:
            self.wrong(at, error)
            return None

    def values(self, texts: tuple[str, ...], *at: str | int) -> tuple[Expression, ...] | None:
        """Of a key that holds a list, or one text for a list of it; None when one is at fault."""
        listed = isinstance(self.at(*at), list)
        found = [self.value(text, *((*at, number) if listed else at)) for number, text in enumerate(texts)]
        return None if None in found else tuple(one for one in found if one is not None)

    def at(self, *path: str | int) -> Any:
        """What the file has at a place of the rule; None where it has nothing."""
        node = self.written
        for part in path:
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                return None
        return node
