"""Keep's workflow triggers, correlation rules, deduplication rules and maintenance windows as rules and silences.

Read as https://docs.keephq.dev says; rules and windows in the form in which Keep's API gives them. The alert lies under `raw`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from rules.cel.written import below, both, bracketed, constant, negated, present
from rules.importers import keep_conditions, keep_workflows
from rules.importers.sheet import Item, NotImportable, Sheet, listing, mapping, texts, unknown_keys

_LISTS = {
    "workflows": "workflow", "rules": "rule", "correlation_rules": "rule", "deduplication_rules": "dedup",
    "maintenance_windows": "window",
}  # fmt: skip
_RULE_KEYS = (
    *(
        "id",
        "name",
        "ruleName",
        "celQuery",
        "definition_cel",
        "definition",
        "sqlQuery",
        "timeframe",
        "timeframeInSeconds",
        "timeUnit",
    ),
    *("groupingCriteria", "grouping_criteria", "threshold", "createOn", "create_on", "resolveOn", "resolve_on"),
    *("groupDescription", "group_description", "itemDescription", "item_description", "created_by", "creation_time"),
    *("updated_by", "update_time", "distribution", "incidents"),
)
_UNSAID = {
    "requireApprove": "approval",
    "require_approve": "approval",
    "multiLevel": "a level for each value",
    "multi_level": "a level for each value",
}


_DUPLICATES = (
    "There an alert that says what the last one of its fingerprint said, but for lastReceived, is dropped before any rule sees it. Say so here of the "
    "rules that it matters to: `dedup: {fields: [...], ignore: [...]}`."
)


def read(content: object, source: str) -> Sheet:
    """The rules of a workflow or of an export. Raises NotImportable."""
    sheet = Sheet("Keep", source)
    found = [
        one
        for each in (content if isinstance(content, list) else [content])
        for one in _things(mapping(each, "the file"))
    ]
    if not found:
        raise NotImportable(
            "found neither a workflow nor correlation rules, deduplication rules or maintenance windows"
        )
    for kind, given in found:
        _READERS[kind](given, sheet)
    keep_workflows.remember(sheet, [given for kind, given in found if kind == "workflow"])
    if "dedup" not in sheet.defaults:
        sheet.remarks.append(_DUPLICATES)
    return sheet


def duplicates(content: object) -> tuple[list[str], list[str]]:
    """What makes alerts one, and what of them may differ between two that say the same: paths in the alert. Keep's own, or those of its rule."""
    found = [
        one
        for each in (content if isinstance(content, list) else [content])
        for one in _things(mapping(each, "the file"))
    ]
    for kind, given in found:
        if kind == "dedup":
            return texts(given.get("fingerprint_fields")), texts(given.get("ignore_fields")) or ["lastReceived"]
    return ["fingerprint"], ["lastReceived"]


def _things(given: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if "workflow" in given or "alert" in given:
        return [("workflow", mapping(given.get("workflow", given.get("alert")), "the workflow"))]
    if "triggers" in given:
        return [("workflow", given)]
    if "celQuery" in given or "definition_cel" in given:
        return [("rule", given)]
    if "fingerprint_fields" in given:
        return [("dedup", given)]
    if "cel_query" in given:
        return [("window", given)]
    found = []
    for key, kind in _LISTS.items():
        listed = given.get(key)
        if isinstance(listed, Mapping):
            listed = [{"name": name, **mapping(one, key)} for name, one in listed.items()]
        for one in listing(listed, key):
            each = mapping(one, key)
            found.append((kind, mapping(each["workflow"], "the workflow") if "workflow" in each else each))
    return found


def _rule(given: dict[str, Any], sheet: Sheet) -> None:
    name = str(given.get("ruleName") or given.get("name") or "rule")
    item = sheet.add(Item("correlation rule", name))
    source = str(given.get("celQuery") or given.get("definition_cel"))
    try:
        seconds = _whole(given.get("timeframeInSeconds") or given.get("timeframe") or 600)
        threshold = _whole(given.get("threshold") or 1)
        when = keep_conditions.condition(source)
        parts = keep_conditions.parts(source)
        keys = [
            str(key).removeprefix("event.")
            for key in listing(given.get("groupingCriteria", given.get("grouping_criteria")), "the grouping")
        ]
    except NotImportable as error:
        item.note(str(error))
        return
    rule: dict[str, Any] = {"name": sheet.names.take(name)}
    if rule["name"] != name:
        rule["description"] = name
    rule |= {"when": when, "group_by": _grouped(keys)}
    if (given.get("createOn") or given.get("create_on")) == "all" and len(parts) > 1:
        rule["match"] = {
            "steps": {f"part_{number}": part for number, part in enumerate(parts)},
            "within": f"{seconds}s",
            "overlap": True,
        }
        item.note("there the parts may come in a span that each new alert makes longer; here all come within one")
    elif threshold > 1:
        rule["match"] = {"count": f">= {threshold}", "within": f"{seconds}s", "span": "session"}
        item.note("there the threshold leaves out what is resolved by then; here every alert counts")
    rule |= {"resolve_after": f"{seconds}s", "reopen_within": "1ms"}
    resolve = given.get("resolveOn") or given.get("resolve_on") or "never"
    if resolve not in ("all", "all_resolved"):
        item.note(
            f"there it resolves by {resolve!r}; here when nothing of it fires any more, or nothing came for its timeframe"
        )
    for key, words in _UNSAID.items():
        if given.get(key):
            item.note(f"{key}: {words} is not part of rules")
    unknown_keys(item, (key for key in given if given[key] not in (None, "", False, [])), (*_RULE_KEYS, *_UNSAID))
    item.rule = rule


def _grouped(keys: list[str]) -> list[str]:
    """The alert's values; one that lacks any of them belongs to the group of all those, which Keep calls "none"."""
    paths = [key.split(".") for key in keys]
    there = both(present("raw", *path) for path in paths)
    return [f'{bracketed(there)} ? {below("raw", *path)} : "none"' for path in paths]


def _dedup(given: dict[str, Any], sheet: Sheet) -> None:
    item = sheet.add(
        Item("deduplication rule", str(given.get("name") or given.get("provider_type") or "deduplication"))
    )
    if "dedup" in sheet.defaults:
        item.note(
            "rules of one file have one way to tell duplicates; put those of this source into a file of their own"
        )
        return
    dedup: dict[str, Any] = {
        "fields": [below("raw", *key.split(".")) for key in texts(given.get("fingerprint_fields"))]
    }
    if given.get("full_deduplication", True):
        ignored = texts(given.get("ignore_fields")) or ["lastReceived"]
        dedup["ignore"] = [below("raw", *key.split(".")) for key in ignored]
    if given.get("provider_type"):
        item.note(f"there it is about alerts of {given['provider_type']!r} alone")
    item.note("there it is about all alerts, here about those that a rule matches")
    sheet.defaults["dedup"] = dedup
    item.inside = "`defaults` of this file"


def _window(given: dict[str, Any], sheet: Sheet) -> None:
    name = str(given.get("name") or "maintenance")
    item = sheet.add(Item("maintenance window", name))
    if given.get("enabled") is False:
        item.note("it is switched off")
        return
    try:
        matcher = keep_conditions.condition(str(given.get("cel_query")))
        starts = _moment(given.get("start_time"))
        length = datetime.timedelta(seconds=_whole(given.get("duration_seconds") or 0))
        ends = _moment(given["end_time"]) if given.get("end_time") else starts + length
    except (NotImportable, ValueError, OverflowError) as error:
        item.note(str(error))
        return
    statuses = texts(given.get("ignore_statuses", ["resolved", "acknowledged"]))
    excluded = [negated(f"raw.status in {constant(statuses)}")] if statuses else []
    sheet.silences.append(
        {
            "matcher": both([matcher, *excluded]),
            "starts_at": starts.isoformat().replace("+00:00", "Z"),
            "until": ends.isoformat().replace("+00:00", "Z"),
            "reason": name,
        }
    )
    item.inside = "a silence, see above: make it with `tocsin silence add`"
    if not given.get("suppress"):
        item.note("there what comes within it is gone; here it is told of at its end, if it still fires")


def _whole(value: object) -> int:
    """A whole number, or its text. Raises NotImportable."""
    try:
        return int(str(value))
    except ValueError:
        raise NotImportable(f"{value!r:.60} is no whole number") from None


def _moment(value: object) -> datetime.datetime:
    """A time of Keep's; without a zone it is UTC there."""
    read = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))
    return read.replace(tzinfo=read.tzinfo or datetime.UTC).astimezone(datetime.UTC)


_READERS: Mapping[str, Callable[[dict[str, Any], Sheet], None]] = {
    "workflow": keep_workflows.workflow, "rule": _rule, "dedup": _dedup, "window": _window,
}  # fmt: skip
