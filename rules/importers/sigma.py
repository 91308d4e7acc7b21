"""Sigma's rules as ours: detections, correlations of them, and filters.

Read as https://sigmahq.io/docs/ and the specification (2.1) say. Fields of the event lie under `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rules.cel.written import both
from rules.importers.sheet import NotImportable, Sheet, mapping, texts, unknown_keys
from rules.importers.sigma_correlations import NeverFires, correlation, rules_of
from rules.importers.sigma_detections import detection
from rules.importers.sigma_documents import Source, documents, named

_LEVELS = {"informational": "info", "low": "info", "medium": "warning", "high": "error", "critical": "critical"}
_KEYS = (
    *(
        "title",
        "id",
        "name",
        "related",
        "taxonomy",
        "status",
        "description",
        "license",
        "references",
        "author",
        "date",
        "modified",
    ),
    *(
        "logsource",
        "detection",
        "fields",
        "falsepositives",
        "level",
        "tags",
        "scope",
        "correlation",
        "generate",
        "filter",
    ),
)


def read(content: object, source: str) -> Sheet:
    """The rules of all documents. Raises NotImportable."""
    sheet = Sheet("Sigma", source)
    sources = documents(content)
    by_name = named(sources)
    for one in sources:
        if "filter" in one.given:
            _filter(one, sources, by_name)
    for one in sources:
        if "detection" in one.given:
            _detect(one)
    _who_generates(sources, by_name)
    for one in sources:
        if "detection" in one.given and one.generates:
            _alone(one, sheet)
    for one in _ordered(sources, by_name):
        _correlate(one, by_name, sheet)
    for one in sources:
        if "detection" in one.given and not one.generates and not one.refused:
            one.item.inside = "part of the correlations that refer to it"
            one.item.within = [each.item for each in sources if any(by_name.get(name) is one for name in _parts(each))]
            _commented(one)
    sheet.items += [one.item for one in sources]
    return sheet


def _filter(one: Source, sources: Sequence[Source], by_name: Mapping[str, Source]) -> None:
    """A filter is a further condition of the rules that it names; the one thing it becomes is a part of them."""
    given = mapping(one.given["filter"], "the filter")
    rules = given.get("rules")
    everybody = not rules or str(rules).lower() == "any"
    chosen = [each for each in sources if "detection" in each.given] if everybody else []
    for name in [] if everybody else texts(rules):
        named = by_name.get(name)
        if named is not None and "detection" in named.given:
            chosen.append(named)
        else:
            one.item.note(f"it filters {name!r}, which this file does not hold as a detection")
    try:
        condition = detection({key: value for key, value in given.items() if key != "rules"})
        met = [each for each in chosen if _is_about(one.given, each.given)]
    except NotImportable as error:
        one.item.note(str(error))
        return
    unknown_keys(one.item, one.given, _known(one.given))
    for each in met:
        each.filters.append(condition)
    if met:
        one.item.inside = f"part of the condition of {', '.join(repr(each.item.name) for each in met)}"
    else:
        one.item.note("no rule of this file is one of those that it filters")


def _is_about(given: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    """Whether a rule's log source is one of a filter's: it says all that the filter's says."""
    wanted, there = (mapping(each.get("logsource") or {}, "logsource") for each in (given, rule))
    return all(
        str(there.get(key, "")).lower() == str(value).lower()
        for key, value in wanted.items()
        if key in ("category", "product", "service") and value is not None
    )


def _detect(one: Source) -> None:
    try:
        given = mapping(one.given["detection"], "the detection")
        if "timeframe" in given:
            one.item.note("'timeframe' belongs to aggregations, which correlations have replaced")
        one.condition = both([detection(given), *one.filters])
    except NotImportable as error:
        one.refused = str(error)
        one.item.note(one.refused)
    except ValueError as error:
        one.refused = f"a value is not of the kind its modifiers need: {error}"
        one.item.note(one.refused)


def _who_generates(sources: Sequence[Source], by_name: Mapping[str, Source]) -> None:
    """What a correlation refers to fires by itself only where `generate` says so."""
    for one in sources:
        if one.is_correlation:
            given = mapping(one.given["correlation"], "the correlation")
            generates = bool(given.get("generate", one.given.get("generate", False)))
            for name in rules_of(given):
                if name in by_name:
                    by_name[name].generates = by_name[name].generates and generates


def _parts(one: Source) -> list[str]:
    """What a correlation refers to."""
    return rules_of(mapping(one.given["correlation"], "the correlation")) if one.is_correlation else []


def _alone(one: Source, sheet: Sheet) -> None:
    """A detection as a rule: each event that meets it is an incident."""
    if one.condition is None:
        return
    rule = _headed(one, sheet)
    rule |= {"when": one.condition, "group_by": ["id"]}
    _graded(rule, one)
    one.item.rule = rule
    _commented(one)


def _correlate(one: Source, by_name: Mapping[str, Source], sheet: Sheet) -> None:
    rule = _headed(one, sheet)
    try:
        made, one.groups = correlation(mapping(one.given["correlation"], "the correlation"), by_name, one.item)
    except (NotImportable, ValueError) as error:
        one.never = isinstance(error, NeverFires)
        one.item.note(str(error))
        return
    rule |= made
    _graded(rule, one)
    if not one.generates:
        # It fires for the correlations that refer to it alone.
        rule["opens"] = False
    one.item.rule, one.rule = rule, str(rule["name"])
    _commented(one)


def _ordered(sources: Sequence[Source], by_name: Mapping[str, Source]) -> list[Source]:
    """The correlations, those that others refer to before them."""
    found: list[Source] = []

    def visit(one: Source, above: tuple[str, ...]) -> None:
        if one in found or not one.is_correlation or one.names[0] in above:
            return
        for name in rules_of(mapping(one.given["correlation"], "the correlation")):
            if name in by_name:
                visit(by_name[name], (*above, one.names[0]))
        found.append(one)

    for each in sources:
        visit(each, ())
    return found


def _headed(one: Source, sheet: Sheet) -> dict[str, Any]:
    theirs = str(one.given.get("name") or one.item.name)
    rule: dict[str, Any] = {"name": sheet.names.take(theirs)}
    if one.item.name != rule["name"]:
        rule["description"] = one.item.name
    return rule


def _graded(rule: dict[str, Any], one: Source) -> None:
    if (level := one.given.get("level")) is not None:
        if str(level) in _LEVELS:
            rule["severity"] = _LEVELS[str(level)]
        else:
            one.item.note(f"the level {level!r} is none of {', '.join(_LEVELS)}")


def _commented(one: Source) -> None:
    """What of a rule says more than which events it is about."""
    if logsource := one.given.get("logsource"):
        said = ", ".join(
            f"{key} {value}" for key, value in mapping(logsource, "logsource").items() if key != "definition"
        )
        one.item.note(f"it is about events of {said}: add what tells them from others to `when`")
    if one.given.get("status") in ("deprecated", "unsupported"):
        one.item.note(f"its status is {one.given['status']!r}")
    if one.given.get("taxonomy") not in (None, "sigma"):
        one.item.note(f"its taxonomy is {one.given['taxonomy']!r}: its fields are taken by the names they have there")
    unknown_keys(one.item, one.given, _known(one.given))


def _known(given: Mapping[str, Any]) -> list[str]:
    """The keys that say nothing else: all of the specification's, and those by which people add their own."""
    return [*_KEYS, *(key for key in given if re.match(r"x[-_]|custom", str(key)))]
