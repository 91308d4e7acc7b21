"""Sigma's correlations as matches of several signals: counts, distinct values, aggregates, and steps in any order or in the one listed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rules.cel.written import below, both, bracketed, either
from rules.importers.sheet import Item, NotImportable, mapping, texts, unknown_keys
from rules.importers.sigma_keys import Keys, Referred, held
from rules.importers.sigma_places import Place
from rules.importers.sigma_words import OPERATORS, Wanted, counted, named, number_of, worded

_AGGREGATES = {"value_sum": "sum", "value_avg": "avg", "value_min": "min", "value_max": "max"}
_KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
_WINDOWS = ("window", "gap")
"""What rsigma adds to the specification: windows laid end to end, and such as last while no gap is longer."""
_SPAN = re.compile(r"(\d+)\s*([smhdwMy])")
_SECONDS = {"M": 2_629_746, "y": 31_556_952}
"""A month and a year as pySigma counts them."""


class NeverFires(NotImportable):
    """The correlation can never hold; what refers to it goes by the rest."""


def rules_of(given: Mapping[str, Any]) -> list[str]:
    """The rules that a correlation refers to: those it lists, or else those that its condition names in words."""
    said = given.get("condition")
    if given.get("rules") is None and isinstance(said, str):
        return named(said)
    return list(dict.fromkeys(texts(given.get("rules"))))


def correlation(
    given: Mapping[str, Any], by_name: Mapping[str, Referred], item: Item
) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys of a rule that say the same, and what its groups are made of, by its own names for it. Raises NotImportable, NeverFires."""
    kind, said = str(given.get("type")), given.get("condition")
    unknown_keys(item, given, (*_KEYS, *(() if kind.startswith("temporal") else _WINDOWS)))
    names = rules_of(given)
    if not names:
        raise NotImportable("the correlation refers to no rules")
    found = {name: one for name in names if not (one := _referred(name, by_name)).never}
    if not found:
        raise NeverFires("none of its rules ever fires")
    keys = Keys(given, found)
    groups = dict(zip(keys.names, keys.grouped(found), strict=True))
    within = _span(given.get("timespan"))
    if kind in ("temporal", "temporal_ordered"):
        return _temporal(kind, found, keys, within, _wanted(said, names, item), item, names), groups
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


def _counted(found: Mapping[str, Referred], keys: Keys, match: dict[str, Any], item: Item) -> dict[str, Any]:
    """A match that counts the events of all rules alike, and how often correlations among them fire."""
    inner = [one.rule for one in found.values() if one.rule is not None]
    tests = [both([*held(one), *keys.there(name)]) for name, one in found.items() if one.rule is None]
    when = {"when": either(tests)} if tests else {}
    grouped = keys.grouped(found)
    item.keys = dict(zip(grouped, keys.names, strict=True))
    return {**when, "group_by": grouped, "match": {**({"of": inner} if inner else {}), **match}}


def _wanted(said: object, names: Sequence[str], item: Item) -> Wanted:
    """What must match: all of the rules, if nothing is said."""
    if isinstance(said, str):
        return worded(said, names)
    criteria = {key: value for key, value in _criteria(said, (), item).items() if key in OPERATORS}
    return counted(criteria or {"gte": len(names)})


def _temporal(
    kind: str,
    found: Mapping[str, Referred],
    keys: Keys,
    within: str,
    wanted: Wanted,
    item: Item,
    names: Sequence[str],
) -> dict[str, Any]:
    """`found`: of all the `names`, those that ever fire."""
    ordered = kind == "temporal_ordered"
    least = wanted.least(list(found))
    if least == 0 or (ordered and (len(found) < len(names) or not wanted.holds(names))):
        raise NeverFires(
            f"its condition holds of no {'order' if ordered else 'number'} of its rules, so it would never fire"
        )
    if len(found) == 1:
        # Of one rule, one event is all.
        return _counted(found, keys, {"count": ">= 1", "within": within}, item)
    steps: dict[str, Any] = {}
    same: dict[str, Any] = {}
    step_of: dict[str, str] = {}
    for name, one in found.items():
        step = step_of[name] = _step_name(name, steps)
        steps[step] = {"rule": one.rule} if one.rule is not None else both([*held(one), *keys.there(name)])
        same[step] = keys.of(name)
        item.keys |= dict(zip(same[step], keys.names, strict=True))
    match: dict[str, Any] = {"steps": steps}
    if any(same.values()):
        plain = {step: values[0] if len(values) == 1 else values for step, values in same.items()}
        alike = all(value == next(iter(plain.values())) for value in plain.values())
        match["same"] = next(iter(plain.values())) if alike else plain
    if ordered:
        match["order"] = "listed"
        if least != len(found):
            item.note("there fewer than all of its rules may suffice; here all of them must come in their order")
    elif least is None:
        match["holds"] = wanted.written(
            {name: below("steps", step_of[name]) if name in step_of else "false" for name in names}
        )
    elif least < len(steps):
        match["at_least"] = least
    overlap = {} if "holds" in match else {"overlap": True}
    return {"match": {**match, "within": within, **overlap}, "group_by": []}


def _referred(name: str, by_name: Mapping[str, Referred]) -> Referred:
    if (one := by_name.get(name)) is None:
        raise NotImportable(f"it refers to {name!r}, which this file does not hold")
    if one.never:
        return one
    if one.refused or (one.condition is None and one.rule is None):
        raise NotImportable(f"it refers to {name!r}, which was left out")
    return one


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
