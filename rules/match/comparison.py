"""A number and what it is compared with, as people write it: `>= 20`, `> 0.5, < 2`."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, assert_never

from pydantic import BeforeValidator, Field, WithJsonSchema

from rules.delivery.said import Part

Operator = Literal[">=", ">", "==", "!=", "<=", "<"]

_TERM = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*", re.ASCII)
_JOIN = re.compile(r",|\band\b|&&")


class Term(Part):
    """One operator and its number."""

    operator: Operator
    number: float

    def __str__(self) -> str:
        return f"{self.operator} {self.number:.15g}"

    def holds(self, found: float) -> bool:
        match self.operator:
            case ">=":
                return found >= self.number
            case ">":
                return found > self.number
            case "==":
                return found == self.number
            case "!=":
                return found != self.number
            case "<=":
                return found <= self.number
            case "<":
                return found < self.number
        assert_never(self.operator)


class Comparison(Part):
    """All of its terms must hold."""

    terms: Annotated[tuple[Term, ...], Field(min_length=1, max_length=4)]

    def __str__(self) -> str:
        return " and ".join(map(str, self.terms))

    def holds(self, found: float) -> bool:
        return all(term.holds(found) for term in self.terms)

    def quick(self) -> Callable[[float], bool]:
        """`holds` as a function for whoever asks for every signal."""
        if len(self.terms) > 1:
            return self.holds
        number = self.terms[0].number
        match self.terms[0].operator:
            case ">=":
                return number.__le__
            case ">":
                return number.__lt__
        return self.terms[0].holds

    @property
    def least(self) -> float | None:
        """The smallest number of which it may hold; None when there is no lower bound."""
        bounds = [term.number for term in self.terms if term.operator in (">=", ">", "==")]
        return max(bounds, default=None)

    def times(self, factor: float) -> "Comparison":
        """The same of numbers that are so many times larger."""
        return Comparison(terms=tuple(Term(operator=term.operator, number=term.number * factor) for term in self.terms))


def read_comparison(value: Any) -> Any:
    """From text, a number alone (`>=`), or a list of texts that must all hold. Raises ValueError."""
    if isinstance(value, Comparison):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Comparison(terms=(Term(operator=">=", number=float(value)),))
    texts = value if isinstance(value, list) else _JOIN.split(value) if isinstance(value, str) else []
    terms = []
    for text in texts:
        found = _TERM.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            break
        terms.append(Term.model_validate({"operator": found[1], "number": float(found[2])}))
    if not terms or len(terms) != len(texts):
        raise ValueError(f"{value!r} is not a comparison; expected '>= 20', '> 0.5, < 2', or a number alone for '>='")
    return Comparison(terms=tuple(terms))


Compared = Annotated[
    Comparison,
    BeforeValidator(read_comparison),
    WithJsonSchema({"type": ["string", "number", "array"], "items": {"type": "string"}, "examples": [">= 20"]}),
]
"""A comparison in a model: text in the file."""

_RATE = re.compile(r"(.*)/\s*(s|m|h|d)\s*", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read_rate(value: Any) -> Any:
    """A comparison of signals per second, from text as `> 5/s` or `>= 100/m`. Raises ValueError."""
    if isinstance(value, Comparison):
        return value
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a rate; expected a comparison with its unit, such as '> 5/s' or '>= 100/m'")
    compared: Comparison = read_comparison(found[1])
    return compared.times(1 / _SECONDS[found[2]])


Rate = Annotated[Comparison, BeforeValidator(read_rate), WithJsonSchema({"type": "string", "examples": ["> 5/s"]})]
