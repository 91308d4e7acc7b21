"""Sigma's correlations as matches of several signals: counts, distinct values, aggregates, and steps in any order or in the one listed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rules.cel.written import both, bracketed, either
from rules.importers.sheet import Item, NotImportable, mapping, texts, unknown_keys
from rules.importers.sigma_places import Place

_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "neq": "!="}
_AGGREGATES = {"value_sum": "sum", "value_avg": "avg", "value_min": "min", "value_max": "max"}
_KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
_SPAN = re.compile(r"(\d+)\s*([smhdwMy])")
_SECONDS = {"M": 2_629_746, "y": 31_556_952}
"""A month and a year as pySigma counts them."""


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


def correlation(given: Mapping[str, Any], by_name: Mapping[str, Referred], item: Item) -> dict[str, Any]:
    """The keys of a rule that say the same. Raises NotImportable."""
    unknown_keys(item, given, _KEYS)
    names = texts(given.get("rules"))
    if not names:
        raise NotImportable("the correlation refers to no rules")
    found = {name: _referred(name, by_name) for name in names}
    keys = _Keys(given, list(found))
    within = _span(given.get("timespan"))
    kind = str(given.get("type"))
    if kind in ("temporal", "temporal_ordered"):
        said = given.get("condition")
        if isinstance(said, str):
            found, said = _worded(said, found)
        return _temporal(kind, found, keys, within, _criteria(said), item)
    condition = _criteria(given.get("condition"))
    match: dict[str, Any] = {"within": within}
    compared = _comparisons(condition)
    if kind == "event_count":
        match = {"count": compared, **match}
    else:
        value = _field(condition, kind).value
        number = f"double({value})"
        if kind == "value_count":
            match = {"distinct": value, "is": compared, **match}
        elif kind in _AGGREGATES:
            match = {_AGGREGATES[kind]: number, "is": compared, **match}
        elif kind in ("value_percentile", "value_median"):
            if kind == "value_percentile" and "percentile" not in condition:
                item.note("it names no percentile; the 50th is taken")
            share = 50 if kind == "value_median" else condition.get("percentile", 50)
            match = {"percentile": number, "p": float(str(share)), "interpolate": True, "is": compared, **match}
        else:
            raise NotImportable(f"the correlation type {kind!r} is not known")
        # What lacks the field adds nothing, and is looked at all the same.
        match["again"] = True
    return _counted(found, keys, match, item)


def _counted(found: Mapping[str, Referred], keys: _Keys, match: dict[str, Any], item: Item) -> dict[str, Any]:
    """A match that counts the events of all rules alike, and how often correlations among them fire."""
    inner = [one.rule for one in found.values() if one.rule is not None]
    tests = [both([*_held(one), *keys.there(name)]) for name, one in found.items() if one.rule is None]
    when = {"when": either(tests)} if tests else {}
    grouped = keys.grouped(found)
    item.keys = dict(zip(grouped, keys.names, strict=True))
    return {**when, "group_by": grouped, "match": {**({"of": inner} if inner else {}), **match}}


def _temporal(
    kind: str, found: Mapping[str, Referred], keys: _Keys, within: str, condition: Mapping[str, Any], item: Item
) -> dict[str, Any]:
    criteria = {key: value for key, value in condition.items() if key in _OPERATORS}
    least = _at_least(criteria, len(found)) if criteria else len(found)
    if len(found) == 1:
        # Of one rule, one event is all.
        return _counted(found, keys, {"count": ">= 1", "within": within}, item)
    steps: dict[str, Any] = {}
    same: dict[str, Any] = {}
    for name, one in found.items():
        step = _step_name(name, steps)
        steps[step] = {"rule": one.rule} if one.rule is not None else both([*_held(one), *keys.there(name)])
        same[step] = keys.of(name)
        item.keys |= dict(zip(same[step], keys.names, strict=True))
    match: dict[str, Any] = {"steps": steps}
    if any(same.values()):
        plain = {step: values[0] if len(values) == 1 else values for step, values in same.items()}
        alike = all(value == next(iter(plain.values())) for value in plain.values())
        match["same"] = next(iter(plain.values())) if alike else plain
    if kind == "temporal_ordered":
        match["order"] = "listed"
        if least < len(steps):
            item.note(f"there {least} of its rules suffice; here all of them must come in their order")
    elif least < len(steps):
        match["at_least"] = least
    return {"match": {**match, "within": within, "overlap": True}, "group_by": []}


def _worded(said: str, found: Mapping[str, Referred]) -> tuple[dict[str, Referred], dict[str, Any] | None]:
    """A condition in words: all of some rules, or any of them."""
    words = said.replace("(", " ").replace(")", " ").split()
    joints = {word.lower() for word in words[1::2]}
    named = words[::2]
    if len(words) % 2 == 0 or len(joints) > 1 or not joints <= {"and", "or"}:
        raise NotImportable(f"its condition {said!r} says more than that all of some rules match, or any of them")
    if unknown := [name for name in named if name not in found]:
        raise NotImportable(f"its condition names {unknown[0]!r}, which is none of its rules")
    return {name: one for name, one in found.items() if name in named}, {"gte": 1} if joints == {"or"} else None


def _at_least(criteria: Mapping[str, Any], steps: int) -> int:
    if len(criteria) == 1:
        ((operator, number),) = criteria.items()
        least = max(1, int(number) + (operator == "gt"))
        if (operator in ("gt", "gte") and least <= steps) or (operator == "eq" and least == steps):
            return least
    raise NotImportable(
        f"of its rules {', '.join(f'{key} {value}' for key, value in criteria.items())} must match; only 'gte' can be said"
    )


def _held(one: Referred) -> list[str]:
    return [] if one.condition is None else [one.condition]


def _referred(name: str, by_name: Mapping[str, Referred]) -> Referred:
    if (one := by_name.get(name)) is None:
        raise NotImportable(f"it refers to {name!r}, which this file does not hold")
    if one.refused or (one.condition is None and one.rule is None):
        raise NotImportable(f"it refers to {name!r}, which was left out")
    return one


class _Keys:
    """`group-by`: the fields that must be alike, by the name that each rule has for them."""

    def __init__(self, given: Mapping[str, Any], names: Sequence[str]) -> None:
        aliases = {
            str(key): mapping(value, "an alias")
            for key, value in mapping(given.get("aliases") or {}, "aliases").items()
        }
        self.names = texts(given.get("group-by"))
        self.fields = {
            name: [Place(str(aliases[key].get(name, key)) if key in aliases else key) for key in self.names]
            for name in names
        }

    def of(self, name: str) -> list[str]:
        return [place.value for place in self.fields[name]]

    def there(self, name: str) -> list[str]:
        """An event without a key, or with nothing as one, is no member."""
        return [f"{place.there} && {place.value} != null" for place in self.fields[name]]

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
        tests = [both([*_held(one), *self.there(name)]) for name, one in ordered]
        keys = []
        for column in columns:
            written = column[-1]
            for value, test in zip(reversed(column[:-1]), reversed(tests[:-1]), strict=True):
                written = (
                    value if value == written else f"{bracketed(test)} ? {bracketed(value)} : {bracketed(written)}"
                )
            keys.append(written)
        return keys


def _criteria(given: object) -> dict[str, Any]:
    return {} if given is None else mapping(given, "the correlation's condition")


def _comparisons(condition: Mapping[str, Any]) -> str:
    parts = [f"{_OPERATORS[key]} {_number(value)}" for key, value in condition.items() if key in _OPERATORS]
    if not parts:
        raise NotImportable(f"the condition needs one of {', '.join(_OPERATORS)}")
    return ", ".join(parts)


def _number(value: object) -> str:
    number = float(str(value))
    return str(int(number)) if number.is_integer() else str(number)


def _field(condition: Mapping[str, Any], kind: str) -> Place:
    fields = texts(condition.get("field"))
    if len(fields) != 1:
        raise NotImportable(f"{kind} needs the one 'field' whose values it looks at, found {fields!r}")
    return Place(fields[0])


def _step_name(name: str, taken: Mapping[str, Any]) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_")[:40] or "step"
    plain = f"r_{plain}" if plain[0].isdigit() else plain
    return plain if plain not in taken else f"{plain}_{len(taken)}"


def _span(value: object) -> str:
    found = _SPAN.fullmatch(str(value).strip())
    if found is None:
        raise NotImportable(f"{value!r} is no timespan; expected a number with s, m, h or d")
    return f"{int(found[1]) * _SECONDS[found[2]]}s" if found[2] in _SECONDS else f"{found[1]}{found[2]}"
