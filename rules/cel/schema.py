"""What a rule file's conditions may refer to: the root variables and their kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

FieldKind: TypeAlias = Literal[
    "string", "int", "double", "bool", "timestamp", "duration", "map", "numbers", "list", "dyn"
]


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """Root variables by name, each with its kind.

    "map" is an open map of text (labels), "numbers" an open map of numbers (measures), "dyn" may hold anything (raw).
    A "timestamp" stands in the signal as RFC 3339 text or microseconds, a "duration" as text like "90s" or microseconds.
    A name may be dotted: the longest declared one wins over a selection.
    """

    fields: Mapping[str, FieldKind]

    def __post_init__(self) -> None:
        for name, kind in self.fields.items():
            if kind not in get_args(FieldKind):
                raise ValueError(
                    f"field {name!r} has the kind {kind!r}; the kinds are {', '.join(get_args(FieldKind))}"
                )
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
