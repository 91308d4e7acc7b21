"""What groups a correlation's events: the fields that must be alike, by the name that each of its rules has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rules.cel.written import both, bracketed
from rules.importers.sheet import mapping, texts
from rules.importers.sigma_places import Place


class Referred(Protocol):
    """A rule that a correlation may refer to."""

    @property
    def names(self) -> Sequence[str]: ...
    @property
    def condition(self) -> str | None: ...
    @property
    def refused(self) -> str: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def never(self) -> bool: ...
    @property
    def groups(self) -> Mapping[str, str]: ...


def held(one: Referred) -> list[str]:
    """The condition that its events meet; of a correlation none is known."""
    return [] if one.condition is None else [one.condition]


@dataclass(frozen=True, slots=True)
class _Grouped(Place):
    """A key of a correlation's own groups, by the expression that finds it in the event that made it fire."""

    written: str = ""

    @property
    def value(self) -> str:
        return bracketed(self.written)

    @property
    def there(self) -> str:
        return "true"


def _key(key: str, alias: Mapping[str, Any], names: Sequence[str], one: Referred) -> Place:
    """Where a rule has a key: under the alias, as a correlation has it itself, or under its own name."""
    called = next((str(alias[name]) for name in names if name in alias), None)
    if called is None and key in one.groups:
        return _Grouped(key, one.groups[key])
    return Place(called or key)


class Keys:
    """`group-by`: the fields that must be alike, by the name that each rule has for them."""

    def __init__(self, given: Mapping[str, Any], found: Mapping[str, Referred]) -> None:
        aliases = {
            str(key): mapping(value, "an alias")
            for key, value in mapping(given.get("aliases") or {}, "aliases").items()
        }
        self.names = texts(given.get("group-by"))
        self.fields = {
            name: [_key(key, aliases.get(key, {}), (name, *one.names), one) for key in self.names]
            for name, one in found.items()
        }

    def of(self, name: str) -> list[str]:
        return [place.value for place in self.fields[name]]

    def there(self, name: str) -> list[str]:
        """An event without a key, or with nothing as one, is no member."""
        return [
            both([each for each in (place.there, f"{place.value} != null") if each != "true"])
            for place in self.fields[name]
        ]

    def whole(self, name: str, one: Referred) -> list[str]:
        """The values of a rule; of a correlation, whose firings no condition chooses among, none of them where one is lacking."""
        values = self.of(name)
        if one.rule is None or len(values) == 1:
            return values
        there = bracketed(both(self.there(name)))
        return [f"{there} ? {value} : null" for value in values]

    def grouped(self, found: Mapping[str, Referred]) -> list[str]:
        """The keys of a group; where the rules have different names for one, the first rule that an event meets decides."""
        # Correlations last: no condition says which signals made them fire.
        ordered = sorted(found.items(), key=lambda each: each[1].rule is not None)
        columns = list(zip(*(self.whole(name, one) for name, one in ordered), strict=True))
        tests = [both([*held(one), *self.there(name)]) for name, one in ordered]
        keys = []
        for column in columns:
            written = column[-1]
            for value, test in zip(reversed(column[:-1]), reversed(tests[:-1]), strict=True):
                written = (
                    value if value == written else f"{bracketed(test)} ? {bracketed(value)} : {bracketed(written)}"
                )
            keys.append(written)
        return keys
