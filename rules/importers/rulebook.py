"""Rulebooks of ansible-rulebook as rules: conditions, `any`, `all`, `not_all`, throttles.

Read as https://ansible.readthedocs.io/projects/rulebook/en/latest/rulebooks.html says. Every event that fires a rule is an
incident of its own here (`group_by: [id]`), as every event runs the action there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from rules.cel.written import both, constant, either
from rules.importers.rulebook_beside import beside
from rules.importers.rulebook_conditions import Condition, alias
from rules.importers.rulebook_conditions import read as read_condition
from rules.importers.rulebook_parser import Assigned, Field, Negated, Tested, parse
from rules.importers.rulebook_tests import defined, path
from rules.importers.sheet import Item, NotImportable, Sheet, listing, mapping, unknown_keys
from schemas.spans import parse_span

_SPAN = re.compile(r"\s*(\d+)\s*(milliseconds?|seconds?|minutes?|hours?|days?)\s*")
_UNITS = {"m": "m", "s": "s", "h": "h", "d": "d", "milliseconds": "ms", "millisecond": "ms"}
_FOREVER = "2h"
"""How long an event is known, and waits for the others of `all`, where nothing is said (default_events_ttl)."""

_SET_KEYS = (
    "name",
    "hosts",
    "sources",
    "rules",
    "execution_strategy",
    "gather_facts",
    "default_events_ttl",
    "match_multiple_rules",
)
_RULE_KEYS = ("name", "condition", "action", "actions", "throttle", "enabled")
_NO_PLAYBOOK = {"set_fact", "retract_fact", "post_event", "shutdown"}
_FACTS_ALONE = "it asks about facts alone: rules fire when something comes, not when a fact is set"
_NAMED = {"run_playbook", "run_job_template", "run_workflow_template", "run_module"}


def read(content: object, source: str, *, mended: bool = False) -> Sheet:
    """The rules of all rule sets; `mended`: no event is lost because it meets several conditions of `all`. Raises NotImportable."""
    sheet = Sheet("ansible-rulebook", source)
    sets = listing(content, "a rulebook")
    if not any(isinstance(each, dict) and "rules" in each for each in sets):
        raise NotImportable("a rulebook is a list of rule sets, each with 'rules'; this file has none")
    for each in sets:
        _ruleset(mapping(each, "a rule set"), sheet, mended=mended)
    sheet.beside(
        beside(sets, _NO_PLAYBOOK),
        "what playbooks run on and with, and what filters make of events before, is not said in rules here",
    )
    return sheet


def _ruleset(given: dict[str, Any], sheet: Sheet, *, mended: bool) -> None:
    name = str(given.get("name") or "ruleset")
    for source in listing(given.get("sources"), "sources"):
        kind = next((key for key in mapping(source, "a source") if key not in ("name", "filters")), "source")
        sheet.add(Item("source", kind, None, ["signals come from the connectors that tocsin.yaml names"]))
    many = bool(given.get("match_multiple_rules"))
    rules = [mapping(each, "a rule") for each in listing(given.get("rules"), "rules")]
    made = [_Rule(each, given, sheet, many=many, mended=mended).item for each in rules]
    single = [item for item in made if item.rule is not None and "match" not in item.rule]
    top = Item("rule set", name)
    unknown_keys(top, given, _SET_KEYS)
    if top.notes:
        sheet.add(top)
    if len(single) < 2 or (many and not any("throttle" in (item.rule or {}) for item in single[:-1])):
        sheet.items += made
        return
    # There an event goes to the first rule that it matches and to no other: a routing tree here. Where rules share events, those that
    # throttle still keep theirs to themselves.
    tree = Item("rule set", name, items=single)
    when = either(str(item.rule["when"]) for item in single if item.rule is not None)
    tree.rule = {"name": sheet.names.take(name, "ruleset"), "when": when, "group_by": ["id"]}
    for item in single:
        if item.rule is not None:
            del item.rule["group_by"]
            if many and "throttle" not in item.rule:
                item.rule["continue"] = True
    first = made.index(single[0])
    sheet.items += [
        tree if number == first else item for number, item in enumerate(made) if number == first or item not in single
    ]


class _Rule:
    """One rule of a rule set on its way to one of ours: `item`."""

    def __init__(
        self, given: dict[str, Any], ruleset: dict[str, Any], sheet: Sheet, *, many: bool, mended: bool
    ) -> None:
        self.given, self.ruleset, self.many, self.mended = given, ruleset, many, mended
        name = str(given.get("name") or "rule")
        self.item = Item("rule", name)
        rule: dict[str, Any] = {"name": sheet.names.take(name)}
        if rule["name"] != name:
            rule["description"] = name
        try:
            self.condition(rule, given.get("condition"))
            self.throttle(rule)
            self.actions(rule)
        except NotImportable as error:
            self.item.note(str(error))
            return
        if given.get("enabled") is False:
            rule["enabled"] = False
        unknown_keys(self.item, given, _RULE_KEYS)
        self.item.rule = rule

    def condition(self, rule: dict[str, Any], condition: object) -> None:
        if condition is None:
            raise NotImportable("it has no condition")
        if not isinstance(condition, dict):
            self.one(rule, [condition])
            return
        kinds = [key for key in ("all", "any", "not_all") if key in condition]
        if len(kinds) != 1:
            raise NotImportable(
                f"a condition is a text, or has one of all, any and not_all; found {', '.join(condition)!r}"
            )
        parts = listing(condition[kinds[0]], kinds[0])
        timeout = condition.get("timeout")
        if kinds[0] == "any" or (len(parts) == 1 and kinds[0] == "all"):
            self.one(rule, parts)
        else:
            self.several(rule, parts, None if timeout is None else span(timeout), expected=kinds[0] == "not_all")

    def one(self, rule: dict[str, Any], parts: list[object]) -> None:
        """A rule about one event: it matches one of the conditions."""
        if len(parts) == 1 and (there := _missed(parts[0])) is not None:
            rule["match"] = {"absent": there, "within": self.ttl(), "at_once": True}
            self.item.note(
                "there as here it fires when no event is known that has the field, not for each event without it"
            )
            return
        read = [self.read(part) for part in parts]
        for made in read:
            if made.steps:
                raise NotImportable("a condition of one event cannot look at others ('events.', 'facts.')")
            if made.facts and not made.events:
                raise NotImportable(
                    "it asks about facts alone: rules fire when something comes, not when a fact is set"
                )
        rule["when"] = either(made.text for made in read)
        rule["group_by"] = ["id"]

    def read(self, part: object, own: str = "m_0", bound: Collection[str] = ()) -> Condition:
        made = read_condition(part, own, bound)
        for note in made.notes:
            self.item.note(note)
        return made

    def several(self, rule: dict[str, Any], parts: list[object], timeout: str | None, *, expected: bool) -> None:
        names = [alias(part) or f"m_{number}" for number, part in enumerate(parts)]
        steps = {name: self.read(parts[number], name, names[:number]) for number, name in enumerate(names)}
        facts = [made.text for made in steps.values() if made.facts and not made.events and not made.steps]
        if facts:
            self.item.note("a fact that is set fires nothing by itself; the next event that matches does")
        kept = {name: made for name, made in steps.items() if made.events or made.steps or not made.facts}
        for name, made in kept.items():
            if unknown := sorted(made.steps - set(kept)):
                raise NotImportable(f"the condition {name} looks at 'events.{unknown[0]}', which no condition keeps")
        if facts and not kept:
            raise NotImportable(_FACTS_ALONE)
        if facts and len(kept) <= 1:
            # Facts beside at most one event: the event, while the facts hold.
            rule["when"] = both([*(made.text for made in kept.values()), *facts])
            rule["group_by"] = ["id"]
            return
        match: dict[str, Any] = {"steps": {name: both([made.text, *facts]) for name, made in kept.items()}}
        same, where = _joined(kept)
        match |= ({"same": same} if same else {}) | ({"where": both(where)} if where else {})
        if expected:
            if timeout is None:
                raise NotImportable("not_all has no timeout: nothing says by when the events must have come")
            # Each window that is not closed in time runs the action.
            match |= {"expect": "all", "within": timeout, "combinations": "each"}
        else:
            # Events are known no longer than that, whatever the timeout is.
            ttl = self.ttl()
            within = ttl if timeout is None or parse_span(timeout) > parse_span(ttl) else timeout
            match |= {"within": within, "combinations": "each"}
            if not self.many:
                match |= {"consume": True} | ({} if self.mended else {"doubles": "lost"})
        rule["match"] = match
        rule["group_by"] = []

    def ttl(self) -> str:
        """How long events are known."""
        said = self.ruleset.get("default_events_ttl")
        return _FOREVER if said is None else span(said)

    def throttle(self, rule: dict[str, Any]) -> None:
        if (throttle := self.given.get("throttle")) is None:
            return
        said = mapping(throttle, "throttle")
        kinds = [key for key in ("once_within", "once_after", "accumulate_within") if key in said]
        if len(kinds) != 1:
            raise NotImportable("a throttle has one of once_within, once_after and accumulate_within")
        if "match" in rule:
            raise NotImportable("throttles work with one condition alone, there as well")
        made: dict[str, Any] = {kinds[0]: span(said[kinds[0]])}
        if kinds[0] == "accumulate_within":
            made["count"] = int(said.get("threshold", 1))
        keys = [_key(attribute) for attribute in listing(said.get("group_by_attributes"), "attributes")]
        made["by"] = [where for where, _ in keys]
        if kinds[0] == "accumulate_within":
            # An event without a key is none of its, and may be another rule's.
            rule["when"] = both([str(rule["when"]), *(there for _, there in keys)])
        rule["throttle"] = made

    def actions(self, rule: dict[str, Any]) -> None:
        given = listing(self.given.get("actions"), "actions") or [self.given.get("action") or {}]
        playbook = None
        for each in given:
            for kind, arguments in mapping(each, "an action").items():
                said = arguments if isinstance(arguments, dict) else {}
                if kind == "set_fact":
                    self.fact(rule, said)
                elif kind in _NO_PLAYBOOK:
                    self.item.note(f"the action {kind} has nothing like it here")
                elif playbook is not None:
                    self.item.note(f"the action {kind} is left out: a rule has one playbook, which does it all")
                else:
                    name = str(said.get("name") or kind) if kind in _NAMED else kind
                    playbook = re.sub(r"\.ya?ml$", "", name)
        if playbook is not None:
            rule["playbook"] = playbook

    def fact(self, rule: dict[str, Any], said: dict[str, Any]) -> None:
        facts = mapping(said.get("fact") or {}, "a fact")
        if any("{{" in str(value) for value in facts.values()):
            self.item.note(f"set_fact of {', '.join(facts)} takes its values from the event by Jinja2")
        else:
            rule["set_fact"] = {str(name): constant(_plain(value)) for name, value in facts.items()}


def _joined(steps: Mapping[str, Condition]) -> tuple[Any, list[str]]:
    """What joins the steps: `same`, the field of each step that must be equal in all of them; and what that cannot say, as conditions."""
    found: list[dict[str, str]] = []
    links = [(name, join) for name, made in steps.items() for join in made.joins]
    where = [condition for made in steps.values() for condition in made.where]
    for name, join in links:
        for key in found:
            if key.get(join.step) == join.theirs and name not in key:
                key[name] = join.ours
                break
        else:
            found.append({join.step: join.theirs, name: join.ours})
    if len({frozenset(key) for key in found}) > 1:
        return None, [*where, *(f"steps.{name}.{join.ours} == steps.{join.step}.{join.theirs}" for name, join in links)]
    if len(found) < 2:
        return (found[0] if found else None), where
    return {name: [key[name] for key in found] for name in found[0]}, where


def _plain(value: Any) -> Any:
    """A value of YAML as plain ones."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _missed(condition: object) -> str | None:
    """The test that a field is there, where a condition says nothing else than that it is not. Raises NotImportable."""
    tree = None if isinstance(condition, bool) else parse(str(condition), ())
    while isinstance(tree, (Assigned, Negated)):
        tree = tree.condition if isinstance(tree, Assigned) else tree.operand
    if not isinstance(tree, Tested) or tree.test != "defined" or not tree.negative:
        return None
    return defined("raw", tree.left.keys) if isinstance(tree.left, Field) and tree.left.root == "event" else None


def _key(attribute: object) -> tuple[str, str]:
    """An attribute to group by, and the test that it is there. Raises NotImportable."""
    tree = parse(str(attribute))
    if not isinstance(tree, Field) or tree.root != "event" or not tree.keys:
        raise NotImportable(f"events are grouped by attributes such as event.host, found {attribute!r}")
    return path("raw", tree.keys), defined("raw", tree.keys)


def span(value: object) -> str:
    """`5 minutes` as `5m`. Raises NotImportable."""
    found = _SPAN.fullmatch(str(value))
    if found is None:
        raise NotImportable(f"{value!r} is no time; expected a number of milliseconds, seconds, minutes, hours or days")
    unit = found[2] if found[2].startswith("milli") else found[2][0]
    return f"{found[1]}{_UNITS[unit]}"
