"""Keep's workflows as rules: each alert trigger is one, and what the workflow does is told as the playbook that is still to be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rules.cel import compile  # noqa: A004 (the language's own word for it)
from rules.cel.reach import implies
from rules.cel.written import below, both, present, text
from rules.fields import SCHEMA
from rules.importers import keep_conditions
from rules.importers.sheet import Item, NotImportable, Sheet, listing, mapping, texts, unknown_keys

_ABOUT = ("id", "name", "description", "services", "permissions", "debug", "inputs", "consts")
"""What says nothing about which alerts it runs for, nor what it does."""
_DONE = ("steps", "actions", "on-failure", "strategy")
_ELSEWHERE = {
    "interval": "a rule asks for its playbook when it fires, and a playbook does not run by the clock",
    "manual": "a rule asks for its playbook when it fires; by hand any playbook can be started, without a rule",
    "incident": "it runs when an incident of Keep's is {events}; name its playbook in the rules whose incidents it is for",
}


def workflow(given: dict[str, Any], sheet: Sheet) -> None:
    """Adds an item for each trigger, and a remark on what the playbook is to do."""
    name = str(given.get("id") or given.get("name") or "workflow")
    triggers = given.get("triggers")
    triggers = [dict(each) for each in triggers if isinstance(each, Mapping)] if isinstance(triggers, list) else []
    if not triggers or len(triggers) != len(given["triggers"]):
        sheet.add(Item("workflow", name)).note(f"its triggers are no list of mappings: {given.get('triggers')!r:.80}")
    for said in triggers:
        item = sheet.add(Item(f"{said.get('type')} trigger", name))
        if said.get("type") == "alert":
            _trigger(given, said, name, item, sheet)
        else:
            item.note(_elsewhere(said))
    if any(said.get("type") == "alert" for said in triggers):
        sheet.remarks.append(
            f"Playbook {name!r} is to do: {'; '.join(_steps(given)) or 'nothing that the workflow says'}."
        )


def remember(sheet: Sheet, workflows: Sequence[Mapping[str, Any]]) -> None:
    """The rule that keeps what each alert says, where others compare the next one with it; and a note where a rule reads what workflows add."""
    added = {
        key
        for given in workflows
        for part in ("steps", "actions")
        for step in _maps(given.get(part))
        for key in _enriched(step, "alert")
    }
    for item in sheet.items:
        for key in sorted(added & _read(item)):
            item.note(f"there workflows set {key!r} on alerts; here an alert says what it came with")
    read = [field for item in sheet.items for field in item.compares]
    if read:
        value = ", ".join(
            f"{text(field)}: {present('raw', *field.split('.'))} ? {below('raw', *field.split('.'))} : null"
            for field in dict.fromkeys(read)
        )
        fact = {"value": f"{{{value}}}", "key": "string(raw.fingerprint)", "for": "400d"}
        memory = Item("memory", "what the alert before said", counted=False)
        memory.rule = {
            "name": sheet.names.take(f"{_first(sheet)}-before"),
            "description": "Keeps what each alert says for the rules that ask whether the next one says something else.",
            "when": "has(raw.fingerprint)",
            "group_by": ["id"],
            "opens": False,
            "set_fact": {_memory(sheet): fact},
        }
        sheet.add(memory)


def _read(item: Item) -> set[str]:
    """The fields of the alert that a rule's condition reads."""
    if item.rule is None or "when" not in item.rule:
        return set()
    paths = compile(str(item.rule["when"]), schema=SCHEMA).paths
    return {path[1] for path in paths if path[0] == "raw" and len(path) > 1}


def _elsewhere(said: Mapping[str, Any]) -> str:
    kind = str(said.get("type"))
    events = " or ".join(texts(said.get("events", said.get("on")))) or "created, updated or resolved"
    return _ELSEWHERE[kind].format(events=events) if kind in _ELSEWHERE else f"a trigger of type {kind!r} is not known"


def _trigger(given: Mapping[str, Any], said: Mapping[str, Any], name: str, item: Item, sheet: Sheet) -> None:
    try:
        conditions = [keep_conditions.condition(str(said["cel"]))] if said.get("cel") else []
        conditions += [
            keep_conditions.filtered(mapping(each, "a filter")) for each in listing(said.get("filters"), "filters")
        ]
    except NotImportable as error:
        item.note(str(error))
        return
    rule: dict[str, Any] = {"name": sheet.names.take(name)}
    if given.get("description") or given.get("name"):
        rule["description"] = " ".join(str(given.get("description") or given["name"]).split())
    # Every alert has one, and what else is heard here has none.
    conditions = conditions or ["has(raw.fingerprint)"]
    if not _is_firing(both(conditions)):
        item.note("there it runs for resolved alerts as well")
    changes = [*texts(said.get("only_on_change")), *(["severity"] if said.get("severity_changed") else [])]
    item.compares = list(dict.fromkeys(changes))
    if changes:
        conditions.append(_changed(item.compares, _memory(sheet)))
        item.note("there the alert before may be a resolved one; here it is the last that fired")
    rule |= {"when": both(conditions), "group_by": ["id"], "playbook": name}
    if owners := texts(given.get("owners")):
        rule["owner"] = ", ".join(owners)
    if given.get("disabled"):
        rule["enabled"] = False
    unknown_keys(item, said, ("type", "cel", "filters", "only_on_change", "severity_changed"))
    unknown_keys(item, given, (*_ABOUT, *_DONE, "owners", "triggers", "disabled"))
    item.rule = rule


def _first(sheet: Sheet) -> str:
    """The first workflow that asks for a change: what is kept for all of the file goes by its name."""
    return next(item.name for item in sheet.items if item.compares)


def _memory(sheet: Sheet) -> str:
    """The fact by which rules know what the alert before said: its fields by fingerprint."""
    return f"before_{re.sub(r'[^a-z0-9]+', '_', _first(sheet).lower()).strip('_')[:60]}".rstrip("_")


def _changed(fields: list[str], memory: str) -> str:
    """No alert of its fingerprint is known, or each of the fields was another in the last one."""
    before = f"fact.{memory}[string(raw.fingerprint)]"
    others = both(f"{before}[{text(field)}] != {below('raw', *field.split('.'))}" for field in fields)
    return f"(!(has(fact.{memory}) && string(raw.fingerprint) in fact.{memory}) || ({others}))"


def _is_firing(condition: str) -> bool:
    """Whether only firing alerts meet a condition."""
    firing = compile('raw.status == "firing"', schema=SCHEMA).ast
    return implies(compile(condition, schema=SCHEMA).ast, firing)


def _steps(given: Mapping[str, Any]) -> Iterator[str]:
    """What a workflow does, in its order."""
    for key in ("steps", "actions"):
        for each in _maps(given.get(key)):
            yield _step(key.removesuffix("s"), each)
    for each in _maps(given.get("on-failure")):
        yield _step("when that fails", each)
    if given.get("strategy"):
        yield f"of several runs at once: {given['strategy']}"


def _step(kind: str, said: Mapping[str, Any]) -> str:
    provider = next(iter(_maps(said.get("provider"))), {})
    parts = [f"{kind} {said.get('name') or said.get('use') or ''}"]
    parts += [f"({provider['type']})"] if provider.get("type") else []
    parts += [f"for each of {said['foreach']}"] if said.get("foreach") else []
    parts += [f"if {said['if']}"] if said.get("if") else []
    parts += [f"if the {each.get('type', 'condition')} holds" for each in _maps(said.get("condition"))]
    parts += [f"throttled: {said['throttle']}"] if said.get("throttle") else []
    for whom in ("alert", "incident"):
        added = _enriched(said, whom)
        parts += [f"and sets {', '.join(added)} on the {whom}"] if added else []
    return " ".join(" ".join(parts).split())


def _enriched(step: Mapping[str, Any], whom: str) -> list[str]:
    """The fields that a step sets on the alert or the incident."""
    found = [given.get(f"enrich_{whom}") for each in _maps(step.get("provider")) for given in _maps(each.get("with"))]
    return [str(one["key"]) for each in found for one in _maps(each) if "key" in one]


def _maps(value: object) -> list[Mapping[str, Any]]:
    """One mapping, or those of a list."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [one for one in listed if isinstance(one, Mapping)]
