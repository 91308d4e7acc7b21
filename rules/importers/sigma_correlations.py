"""Sigma's correlations as matches of several signals: counts, distinct values, aggregates, and steps in any order or in the one listed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rules.cel.written import both, bracketed, either
from rules.importers.sheet import Item, NotImportable, mapping, texts, unknown_keys
from rules.importers.sigma_places import Place
from rules.importers.sigma_words import OPERATORS, Wanted, counted, named, number_of, worded

_AGGREGATES = {"value_sum": "sum", "value_avg": "avg", "value_min": "min", "value_max": "max"}
_KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
_WINDOWS = ("window", "gap")
"""What rsigma adds to the specification: windows laid end to end, and such as last while no gap is longer."""
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
    @property
    def groups(self) -> Mapping[str, str]: ...


def rules_of(given: Mapping[str, Any]) -> list[str]:
    """The rules that a correlation refers to: those it lists, or else those that its condition names in words."""
    said = given.get("condition")
    if given.get("rules") is None and isinstance(said, str):
        return named(said)
    return list(dict.fromkeys(texts(given.get("rules"))))


def correlation(
    given: Mapping[str, Any], by_name: Mapping[str, Referred], item: Item
) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys of a rule that say the same, and what its groups are made of, by its own names for it. Raises NotImportable."""
    kind, said = str(given.get("type")), given.get("condition")
    unknown_keys(item, given, (*_KEYS, *(() if kind.startswith("temporal") else _WINDOWS)))
    names = rules_of(given)
    if not names:
        raise NotImportable("the correlation refers to no rules")
    found = {name: _referred(name, by_name) for name in names}
    keys = _Keys(given, found)
    groups = dict(zip(keys.names, keys.grouped(found), strict=True))
    within = _span(given.get("timespan"))
    if kind in ("temporal", "temporal_ordered"):
        return _temporal(kind, found, keys, within, _wanted(said, names, item), item), groups
    if isinstance(said, str):
        raise NotImportable(f"a condition in words, {said!r}, belongs to the temporal correlations")
    beside = ("field", "percentile") if kind == "value_percentile" else ("field",) if kind != "event_count" else ()
    condition = _criteria(said, beside, item)
    match = _window(given, within, item)
    compared = _comparisons(condition)
    if kind == "event_count":
        match = {"count": compared, **match}
    elif kind == "value_count":
        match = {"distinct": _values(condition), "is": compared, **match}
    else:
        number = f"double({_field(condition, kind).value})"
        if kind in _AGGREGATES:
            match = {_AGGREGATES[kind]: number, "is": compared, **match}
        elif kind in ("value_percentile", "value_median"):
            match = {**_percentile(kind, condition, number, item), "is": compared, **match}
        else:
            raise NotImportable(f"the correlation type {kind!r} is not known")
    if kind != "event_count":
        # What lacks the field adds nothing, and is looked at all the same.
        match["again"] = True
    return _counted(found, keys, match, item), groups


def _window(given: Mapping[str, Any], within: str, item: Item) -> dict[str, Any]:
    """How long events count, and together with which."""
    match given.get("window", "sliding"):
        case "sliding":
            return {"within": within}
        case "tumbling":
            return {"within": within, "span": "tumbling"}
        case "session":
            item.note(
                f"there a session is no longer than {within}, and a new one begins then; here it lasts while no gap is longer"
            )
            return {"within": _span(given.get("gap")), "span": "session"}
    raise NotImportable(f"the window is sliding, tumbling or session, found {given['window']!r:.60}")


def _percentile(kind: str, condition: Mapping[str, Any], number: str, item: Item) -> dict[str, Any]:
    if kind == "value_percentile" and "percentile" not in condition:
        item.note("it names no percentile; the 50th is taken")
    share = 50.0 if kind == "value_median" else number_of(condition.get("percentile", 50))
    if share == 0:
        return {"min": number}
    return {"percentile": number, "p": share, "interpolate": True}


def _counted(found: Mapping[str, Referred], keys: _Keys, match: dict[str, Any], item: Item) -> dict[str, Any]:
    """A match that counts the events of all rules alike, and how often correlations among them fire."""
    inner = [one.rule for one in found.values() if one.rule is not None]
    tests = [both([*_held(one), *keys.there(name)]) for name, one in found.items() if one.rule is None]
    when = {"when": either(tests)} if tests else {}
    grouped = keys.grouped(found)
    item.keys = dict(zip(grouped, keys.names, strict=True))
    return {**when, "group_by": grouped, "match": {**({"of": inner} if inner else {}), **match}}


def _wanted(said: object, names: Sequence[str], item: Item) -> Wanted | None:
    """What must match; None where that is all of the rules."""
    if isinstance(said, str):
        return worded(said, names)
    criteria = {key: value for key, value in _criteria(said, (), item).items() if key in OPERATORS}
    return counted(criteria) if criteria else None


def _temporal(
    kind: str, found: Mapping[str, Referred], keys: _Keys, within: str, wanted: Wanted | None, item: Item
) -> dict[str, Any]:
    least = len(found) if wanted is None else wanted.least(list(found))
    if least == 0:
        raise NotImportable("its condition holds of no number of its rules, so it would never fire")
    if len(found) == 1:
        # Of one rule, one event is all.
        return _counted(found, keys, {"count": ">= 1", "within": within}, item)
    steps: dict[str, Any] = {}
    same: dict[str, Any] = {}
    step_of: dict[str, str] = {}
    for name, one in found.items():
        step = step_of[name] = _step_name(name, steps)
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
        if wanted is not None and not wanted.holds(list(found)):
            raise NotImportable(
                "all of its rules must come in their order, and of all of them its condition does not hold"
            )
        if least != len(found):
            item.note("there fewer than all of its rules may suffice; here all of them must come in their order")
    elif least is None and wanted is not None:
        match["holds"] = wanted.written_of(step_of)
    elif least is not None and least < len(steps):
        match["at_least"] = least
    overlap = {} if "holds" in match else {"overlap": True}
    return {"match": {**match, "within": within, **overlap}, "group_by": []}


def _held(one: Referred) -> list[str]:
    return [] if one.condition is None else [one.condition]


def _referred(name: str, by_name: Mapping[str, Referred]) -> Referred:
    if (one := by_name.get(name)) is None:
        raise NotImportable(f"it refers to {name!r}, which this file does not hold")
    if one.refused or (one.condition is None and one.rule is None):
        raise NotImportable(f"it refers to {name!r}, which was left out")
    return one


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


class _Keys:
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


def _criteria(given: object, beside: Sequence[str], item: Item) -> dict[str, Any]:
    found = {} if given is None else mapping(given, "the correlation's condition")
    unknown_keys(item, found, (*OPERATORS, *beside))
    return found


def _comparisons(condition: Mapping[str, Any]) -> str:
    parts = [f"{OPERATORS[key]} {_number(value)}" for key, value in condition.items() if key in OPERATORS]
    if not parts:
        raise NotImportable(f"the condition needs one of {', '.join(OPERATORS)}")
    return ", ".join(parts)


def _number(value: object) -> str:
    number = number_of(value)
    return str(int(number)) if number.is_integer() else str(number)


def _values(condition: Mapping[str, Any]) -> str:
    """The value whose different ones are counted: of several fields, all of theirs together."""
    fields = texts(condition.get("field"))
    if len(fields) < 2:
        return _field(condition, "value_count").value
    places = [Place(field) for field in fields]
    there = both(f"{place.there} && {place.value} != null" for place in places)
    return f"{bracketed(there)} ? [{', '.join(f'string({place.value})' for place in places)}] : null"


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
