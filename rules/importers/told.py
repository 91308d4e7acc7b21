"""Our decisions as the other systems' firings and notifications: one line for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from rules.importers.sheet import Sheet
from rules.importers.steps import seconds
from rules.trial.lines import Timed
from schemas.decision import Decision

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
    paced = {str(item.rule["name"]) for top in sheet.items for item in _paced(top)}
    for decision in decisions:
        rule = decision.actor.removeprefix("rule:")
        data = decision.data
        if decision.kind == "playbook.notified":
            signals = [_signal(known, one["id"], one["status"]) for one in data["signals"]]
            reason, group = _REASONS.get(data["reason"], data["reason"]), _labels(data["group"])
        elif decision.kind == "playbook.selected" and rule not in paced:
            signals = [_signal(known, name) for name in data["signal_ids"]]
            reason, group = "fired", _labels(dict(data["incident"].get("group") or {}))
        else:
            continue
        yield {
            "t": seconds(decision.at, base),
            "rule": sheet.names.given.get(rule, rule),
            "playbook": data.get("playbook"),
            "group": group,
            "reason": reason,
            "signals": signals,
        }


def _paced(item: Any) -> Iterator[Any]:
    """Rules of a tree that waits: what they tell are notifications of groups."""
    for each in item.walk():
        if item.rule is not None and each.rule is not None and "group_wait" in item.rule:
            yield each


def _signal(known: Mapping[str, Timed], name: str, status: str | None = None) -> dict[str, Any]:
    timed = known[name]
    return {"index": timed.index, "labels": timed.item["labels"], "status": status or timed.item["status"]}


def _labels(group: Mapping[str, str]) -> dict[str, Any]:
    """The group's values by label, those alone that it has."""
    found: dict[str, Any] = {}
    for path, value in group.items():
        if path == "labels" and value:
            found |= orjson.loads(value)
        elif value:
            name = path.removeprefix("labels.")
            found[orjson.loads(name[len("labels[") : -1]) if name.startswith("labels[") else name] = value
    return found
