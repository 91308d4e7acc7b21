"""Alertmanager's configuration as rules: the routing tree, inhibitions, and time intervals.

Read as https://prometheus.io/docs/alerting/latest/configuration/ says, for version 0.34 and the older keys before it.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from rules.cel.written import below, both
from rules.delivery.said import TimeInterval
from rules.importers import matchers
from rules.importers.sheet import Item, NotImportable, Sheet, listing, mapping, texts, unknown_keys
from rules.times import compile_times

ROUTES = "routes"
_ROUTE_KEYS = (
    *("receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "matchers", "match", "match_re"),
    *("continue", "routes", "mute_time_intervals", "active_time_intervals", "labels"),
)
_INHIBIT_KEYS = (
    *("name", "sources", "source_matchers", "source_match", "source_match_re"),
    *("target_matchers", "target_match", "target_match_re", "equal"),
)
_TOP_KEYS = (
    *("global", "route", "receivers", "inhibit_rules", "templates", "time_intervals", "mute_time_intervals"),
    "tracing",
)
# What Alertmanager does where a receiver does not say whether resolved alerts are sent.
_SEND_RESOLVED = {"email_configs": False, "slack_configs": False, "wechat_configs": False, "mattermost_configs": False}


_AS_THERE = (
    "`held_ends: forget` and `sources: last` keep two things as they are in Alertmanager: the end of an alert that comes while it is held is "
    "never told of, and of several sources of an inhibition only the one that ends last counts. Take them out to have both better; "
    "`tocsin rules import --mended` writes neither."
)


def read(content: object, source: str, *, mended: bool = False) -> Sheet:
    """The configuration's rules; `mended`: without what only repeats known defects. Raises NotImportable."""
    config = mapping(content, "the configuration")
    if "route" not in config:
        raise NotImportable("an Alertmanager configuration has a 'route'; this file has none")
    sheet = Sheet("Alertmanager", source)
    _times(config, sheet)
    receivers = _receivers(config)
    root = mapping(config["route"], "the route")
    top = sheet.add(_route(root, sheet, receivers, name="route", root=True))
    if not mended and top.rule is not None:
        top.rule["held_ends"] = "forget"
        sheet.remarks.append(_AS_THERE)
    for number, rule in enumerate(listing(config.get("inhibit_rules"), "inhibit_rules"), 1):
        _inhibition(mapping(rule, "an inhibition"), number, sheet, mended=mended)
    said = mapping(config.get("global") or {}, "global")
    beside = [
        *(key for key in ("templates", "tracing") if config.get(key)),
        *(f"global.{key}" for key in said if key != "resolve_timeout"),
    ]
    sheet.beside(beside, "how receivers are reached and what they are sent is said by playbooks and connectors here")
    keys = Item("key", "top level", None)
    unknown_keys(keys, config, _TOP_KEYS)
    if keys.notes:
        sheet.add(keys)
    return sheet


def resolve_timeout(content: object) -> str:
    """How long an alert without an end counts as firing."""
    config = mapping(content, "the configuration")
    return str(mapping(config.get("global") or {}, "global").get("resolve_timeout", "5m"))


def _receivers(config: dict[str, Any]) -> dict[str, tuple[bool, list[str]]]:
    """By name: whether resolved alerts are sent, and what cannot be carried over."""
    found: dict[str, tuple[bool, list[str]]] = {}
    for each in listing(config.get("receivers"), "receivers"):
        receiver = mapping(each, "a receiver")
        sends, notes = [], []
        for kind, configs in receiver.items():
            if not kind.endswith("_configs"):
                continue
            usual = _SEND_RESOLVED.get(kind, True)
            sends += [bool(mapping(one, kind).get("send_resolved", usual)) for one in listing(configs, kind)]
        if len(set(sends)) > 1:
            notes.append("only some integrations of this receiver are told of resolved alerts; here all are")
        if not sends:
            notes.append("")
        found[str(receiver.get("name"))] = (any(sends), notes)
    return found


def _route(
    node: dict[str, Any], sheet: Sheet, receivers: dict[str, tuple[bool, list[str]]], *, name: str, root: bool = False
) -> Item:
    item = Item("route", name)
    found = matchers.of_node(node, ("matchers",), ("match",), ("match_re",))
    when = 'source == "alertmanager"' if root else matchers.condition(found)
    rule: dict[str, Any] = {"name": sheet.names.take(name), "when": when}
    if root or node.get("group_by") is not None:
        rule["group_by"] = _group_by(texts(node.get("group_by")))
    for key, usual in (("group_wait", "30s"), ("group_interval", "5m"), ("repeat_interval", "4h")):
        if root or node.get(key) is not None:
            rule[key] = _span(str(node.get(key) or usual))
    if (receiver := node.get("receiver")) is not None:
        _receiver(rule, item, str(receiver), receivers)
    elif root:
        item.note("the root route names no receiver")
    for key, ours in (("mute_time_intervals", "muted"), ("active_time_intervals", "active")):
        if names := texts(node.get(key)):
            missing = [one for one in names if one not in sheet.times]
            if missing:
                item.note(f"{key} names {', '.join(map(repr, missing))}, which the configuration does not define")
            rule[ours] = [one for one in names if one in sheet.times]
    if node.get("continue"):
        rule["continue"] = True
    if labels := node.get("labels"):
        rule["labels"] = {key: str(value) for key, value in mapping(labels, "labels").items()}
        if templates := [key for key, value in rule["labels"].items() if "{{" in value]:
            item.note(f"labels that are templates there are plain texts here: {', '.join(templates)}")
    unknown_keys(item, node, _ROUTE_KEYS)
    item.rule = rule
    for number, child in enumerate(listing(node.get("routes"), "routes"), 1):
        inner = mapping(child, "a route")
        try:
            item.items.append(_route(inner, sheet, receivers, name=f"{name}.{number}"))
        except NotImportable as error:
            item.items.append(Item("route", f"{name}.{number}", None, [str(error)]))
    return item


def _receiver(rule: dict[str, Any], item: Item, name: str, receivers: dict[str, tuple[bool, list[str]]]) -> None:
    if name not in receivers:
        item.note(f"the receiver {name!r} is not defined")
    sends, notes = receivers.get(name, (True, []))
    # A receiver without integrations tells nobody.
    rule["playbook"] = None if notes == [""] else name
    rule["send_resolved"] = sends
    for note in filter(None, notes):
        item.note(note)


def _span(said: str) -> str:
    """A year is 365 days there, and none here."""
    return re.sub(r"(\d+)y", lambda found: f"{int(found[1]) * 365}d", said)


def _group_by(names: list[str]) -> list[str]:
    if "..." in names:
        return ["labels"]
    return [below("labels", name) for name in names]


def _inhibition(node: dict[str, Any], number: int, sheet: Sheet, *, mended: bool) -> None:
    name = f"inhibit-{number}" if not node.get("name") else str(node["name"])
    sources = listing(node.get("sources"), "sources") or [node]
    for each in sources:
        source = mapping(each, "an inhibition's source")
        item = sheet.add(Item("inhibition", name))
        equal = texts(source.get("equal")) or texts(node.get("equal"))
        try:
            when = matchers.condition(
                matchers.of_node(source, ("matchers", "source_matchers"), ("source_match",), ("source_match_re",))
            )
            target = matchers.condition(
                matchers.of_node(node, ("target_matchers",), ("target_match",), ("target_match_re",))
            )
        except NotImportable as error:
            item.note(str(error))
            continue
        inhibit: dict[str, Any] = {"when": _heard(target)}
        if equal:
            inhibit["equal"] = [below("labels", label) for label in equal]
        if not mended:
            inhibit["sources"] = "last"
        item.rule = {"name": sheet.names.take(name), "when": _heard(when), "inhibit": inhibit}
        unknown_keys(item, node, _INHIBIT_KEYS)


def _heard(condition: str) -> str:
    return both(['source == "alertmanager"', condition])


def _times(config: dict[str, Any], sheet: Sheet) -> None:
    for key in ("time_intervals", "mute_time_intervals"):
        for each in listing(config.get(key), key):
            named = mapping(each, "a time interval")
            name = str(named.get("name"))
            intervals = [
                {field: _plain(value) for field, value in mapping(one, "an interval").items() if value is not None}
                for one in listing(named.get("time_intervals"), "time_intervals")
            ]
            try:
                compile_times(name, [TimeInterval.model_validate(interval) for interval in intervals])
            except ValueError as error:
                sheet.add(Item("time interval", name, None, [_first_line(error)]))
            else:
                sheet.times.setdefault(name, intervals)


def _first_line(error: ValueError) -> str:
    """What is wrong, of all faults of a value the first."""
    said = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
    return f"{'.'.join(map(str, said['loc']))}: {said['msg']}" if said is not None else str(error)


def _plain(value: Any) -> Any:
    """Lists of texts as texts: years and days may be written as numbers."""
    if isinstance(value, (list, tuple)):
        return [mapping(item, "a time range") if isinstance(item, dict) else str(item) for item in value]
    return str(value)
