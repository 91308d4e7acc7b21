"""Our decisions as the other systems' firings and notifications: one line for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from rules.importers.sheet import Item, Sheet
from rules.importers.steps import seconds
from rules.trial.lines import Timed
from schemas.decision import Decision

_OURS = ("id", "signals")
"""Groups of our own making: each signal, or each combination of them, by itself."""

_REASONS = {
    "first": "first notification",
    "new": "new alerts added",
    "all_resolved": "all alerts resolved",
    "some_resolved": "some alerts resolved",
    "repeat": "repeat interval elapsed",
}
"""Alertmanager's words for why it notifies."""


def told(decisions: Iterable[Decision], inputs: Iterable[Timed], sheet: Sheet, base: int) -> Iterator[dict[str, Any]]:
    """`{"t", "rule", "playbook", "group", "reason", "signals": [{"index", "labels", "status"}]}` of every firing and notification.

    `index` is the number of the line of STEPS, from 0, by which a signal came; `rule` is the other system's name of it.
    """
    known = {timed.item["id"]: timed for timed in inputs if timed.kind == "signal"}
    rules = {str(each.rule["name"]): each.rule for top in sheet.items for each in top.walk() if each.rule is not None}
    keys = {ours: theirs for top in sheet.items for each in top.walk() for ours, theirs in each.keys.items()}
    paced = {str(each.rule["name"]) for top in sheet.items for each in _paced(top) if each.rule is not None}
    groups: dict[str | None, Mapping[str, str]] = {}
    for decision in decisions:
        rule, data = decision.actor.removeprefix("rule:"), decision.data
        if isinstance(incident := data.get("incident"), Mapping):
            groups[decision.incident_id] = incident.get("group") or {}
        signals = list(_signals(decision, rules.get(rule, {}), known))
        notified = decision.kind == "playbook.notified"
        missed = "absent" in rules.get(rule, {}).get("match", {}) and decision.kind.startswith("playbook.")
        # A source of inhibitions tells nobody of itself.
        if not (signals or missed) or (rule in paced and not notified) or "inhibit" in rules.get(rule, {}):
            continue
        yield {
            "t": seconds(decision.at, base),
            "rule": sheet.names.given.get(rule, rule),
            "playbook": data.get("playbook"),
            "group": _labels(data["group"] if notified else groups.get(decision.incident_id, {}), keys),
            "reason": _REASONS.get(data["reason"], data["reason"]) if notified else "fired",
            "signals": signals,
        }


def _signals(decision: Decision, rule: Mapping[str, Any], known: Mapping[str, Timed]) -> Iterator[dict[str, Any]]:
    """The signals that a firing or notification is about; none of any other decision."""
    data = decision.data
    match decision.kind:
        case "playbook.notified":
            yield from (_signal(known, one["id"], one["status"]) for one in data["signals"])
        case "playbook.selected":
            # What did not come in time is told of by what came first; what is missed, by nothing.
            match = rule.get("match", {})
            names = () if "absent" in match else data["signal_ids"][: 1 if match.get("expect") == "all" else None]
            yield from (_signal(known, name) for name in names)
        case "playbook.skipped" if data["reason"] == "none_named":
            yield from (_signal(known, name) for name in decision.cause if name in known)
        case "incident.updated" if "fired" in data["changes"] and "playbook" not in rule:
            yield _signal(known, data["signal_id"])


def _paced(item: Item) -> Iterator[Item]:
    """Rules of a tree that waits: what they tell are notifications of groups."""
    for each in item.walk():
        if item.rule is not None and each.rule is not None and "group_wait" in item.rule:
            yield each


def _signal(known: Mapping[str, Timed], name: str, status: str | None = None) -> dict[str, Any]:
    timed = known[name]
    return {"index": timed.index, "labels": timed.item["labels"], "status": status or timed.item["status"]}


def _labels(group: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, Any]:
    """The group's values by label, those alone that it has."""
    found: dict[str, Any] = {}
    for path, value in group.items():
        if path == "labels" and value:
            found |= _all_labels(value)
        elif value and path not in _OURS:
            name = keys.get(path) or path.removeprefix("labels.").removeprefix("raw.")
            found[orjson.loads(name[len("labels[") : -1]) if name.startswith("labels[") else name] = value
    return found


def _all_labels(value: str) -> dict[str, Any]:
    """All labels, where they are the group; very many of them are cut off in its name."""
    try:
        labels = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {"labels": value}
    return labels if isinstance(labels, dict) else {"labels": value}
