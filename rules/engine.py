"""The pure engine: inputs in their order go in with their journal time, decisions come out; the state is the caller's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

from pydantic import ValidationError

from rules import commands, lifecycle, windows
from rules.cel import CelError, compile  # noqa: A004 (the language's own word for it)
from rules.delivery import seam
from rules.fields import SCHEMA
from rules.incidents import POINTS, group_key_of, group_suffix, incident_of, unit_of, units_of
from rules.limits import Limits
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import BadInput, Fields, batch_of, line_of, moment_of, signal_of
from rules.state import Row, State
from rules.turn import Turn
from schemas.command import Command
from schemas.decision import Decision, Versions

InputKind = Literal["signal", "batch", "command", "tick", "repeat"]

_COMMAND_REMEMBER_S = 48 * 3600
_NOTHING: Mapping[str, Any] = {}


class Engine:
    """Decides by the rule set in force: the one given, until a command activates another one that was offered.

    The same state and inputs give the same decisions, ids included, whatever the process and the hour.
    """

    def __init__(self, ruleset: RuleSet, *, code_version: str | None = None, limits: Limits | None = None) -> None:
        self.ruleset = ruleset
        self.limits = limits or Limits()
        self._code = code_version
        self._library: dict[str, RuleSet] = {}
        self._versions: dict[str, dict[str, Versions]] = {}
        self._matchers: dict[str, Callable[[Mapping[str, Any]], bool]] = {}
        self.offer(ruleset)

    def offer(self, ruleset: RuleSet) -> None:
        """Make a rule set known, so that a command can activate it."""
        version = ruleset.version
        self._library[version] = ruleset
        self._versions[version] = {
            "": Versions(rules=version, code=self._code),
            **{rule.name: Versions(rules=version, rule=rule.version, code=self._code) for rule in ruleset.rules},
        }

    def knows(self, version: str) -> bool:
        """Whether a rule set of that version was offered."""
        return version in self._library

    def state(self, rows: Iterable[tuple[str, Row]] = ()) -> State:
        """A new state, or the one whose rows these are."""
        return State.restore(rows, self.limits)

    def in_force(self, state: State) -> RuleSet:
        """The rule set by which the next input is decided."""
        row = state.rows.get("rules")
        return self.ruleset if row is None else self._library.get(row["version"], self.ruleset)

    def next_due(self, state: State) -> int | None:
        """When something is to be decided even if nothing comes: call `advance` with a tick then, or with anything later."""
        return state.next_due()

    def advance(self, state: State, item: Fields, *, kind: str, now: int) -> list[Decision]:
        """What follows from an input accepted at `now`, and before it from every timer due by then, in order of their dues.

        `item` is the decoded JSON of the stored record; it becomes the engine's. `now` never decreases from call to call.
        Raises BadInput, with nothing changed, for an input that cannot be decided about.
        """
        ready = self._ready(item, kind)
        out = self._pass_time(state, now) if state.quiet_until <= now else []
        turn = self._turn(state, now, out)
        match kind:
            case "signal":
                self._signal(turn, cast(Fields, ready))
            case "batch":
                self._batch(turn, cast(Fields, ready))
            case "command":
                command = cast(Command, ready)
                if not state.seen.knows(command.id, now):
                    state.seen.remember(command.id, remember_s=_COMMAND_REMEMBER_S, now=now)
                    commands.obey(turn, command, self._library)
        return out

    def preview(self, state: State, signal: Fields, now: int) -> list[Decision]:
        """What would be decided about a signal now. Changes nothing, neither the state nor the signal."""
        fields = signal_of({**signal})
        rules = self.in_force(state).rules
        keys = {f"{kind}/{self._group(rule, fields)[0]}" for rule in rules for kind in ("group", "window")}
        keys.update(key for unit in units_of(fields) for key in state.firing.get(unit, ()))
        return [
            decision
            for decision in self.advance(state.excerpt(keys, (fields["id"],)), fields, kind="signal", now=now)
            if fields["id"] in decision.cause
        ]

    def _ready(self, item: Fields, kind: str) -> Fields | Command | None:
        """The input checked and complete, before anything is changed."""
        match kind:
            case "signal":
                fields = signal_of(item)
                fields["occurred_micros"] = moment_of(fields, "occurred_at")
                if fields.get("expires_at") is not None:
                    fields["expires_micros"] = moment_of(fields, "expires_at")
                return fields
            case "batch":
                batch = batch_of(item)
                for line in batch["lines"]:
                    line["occurred_micros"] = moment_of(line, "occurred_at")
                return batch
            case "command":
                try:
                    return Command.model_validate(item)
                except ValidationError as error:
                    raise BadInput(f"not a Command: {error.errors(include_url=False)[0]}") from error
            case "tick" | "repeat":
                # A repeat stands where a journal holds an earlier record again: nothing is to be decided about it a second time.
                return None
        raise BadInput(f"inputs are of the kinds signal, batch, command and tick, found {kind!r}")

    def _turn(self, state: State, at: int, out: list[Decision]) -> Turn:
        ruleset = self.in_force(state)
        return Turn(state, ruleset, self._versions[ruleset.version], at, self._matcher, out)

    def _pass_time(self, state: State, now: int) -> list[Decision]:
        out: list[Decision] = []
        while (found := state.pop_due(now)) is not None:
            due, key, row = found
            turn = self._turn(state, due, out)
            match key.partition("/")[0]:
                case "group":
                    lifecycle.due(turn, key, row)
                case "delivery":
                    seam.due(turn, key, row)
                case "count":
                    state.delete(key)
                    turn.record(row)
                case "silence":
                    because = f"silence of {row['matcher']!r} by {row['author']} is over"
                    commands.silence_over(turn, row, actor="system", because=because, cause=row["command"])
        while (swept := state.pop_sweep("fact", now)) is not None:
            state.facts.pop(swept[1].partition("/")[2], None)
            state.delete(swept[1])
        while (swept := state.pop_sweep("group", now)) is not None:
            lifecycle.forget(self._turn(state, swept[0], out), swept[1], swept[2])
        while (swept := state.pop_sweep("delivery", now)) is not None:
            seam.swept(self._turn(state, swept[0], out), swept[1], swept[2])
        windows.sweep(state, now)
        state.settle()
        return out

    def _batch(self, turn: Turn, batch: Fields) -> None:
        number = len(batch["lines"])
        if turn.state.seen.knows(batch["id"], turn.at):
            turn.count("duplicate", batch["id"], number=number)
            return
        turn.state.seen.remember(batch["id"], remember_s=batch["remember_s"], now=turn.at)
        for index in range(number):
            fields = line_of(batch, index)
            fields["occurred_micros"] = batch["lines"][index]["occurred_micros"]
            self._judge(turn, fields)

    def _signal(self, turn: Turn, fields: Fields) -> None:
        state, name = turn.state, fields["id"]
        if state.seen.knows(name, turn.at):
            for unit in units_of(fields):
                for key in state.firing.get(unit, ()):
                    state.rows[key]["dup"] += 1
                    state.touch(key)
            if fields["status"] == "firing" and fields["type"] not in POINTS:
                # An alert told of again is one that lasts; an event told of again is as old as it was.
                self._goes_on(turn, fields)
            turn.count("duplicate", name)
            return
        state.seen.remember(name, remember_s=fields["remember_s"], now=turn.at)
        if fields.get("own"):
            turn.count("own", name)
        else:
            self._judge(turn, fields)

    def _judge(self, turn: Turn, fields: Fields) -> None:
        """Let every rule say what it makes of a signal that is new."""
        state, status = turn.state, fields["status"]
        fields["fact"], fields["incident"] = state.facts, _NOTHING
        firing = status == "firing"
        acted = self._goes_on(turn, fields) if firing else self._ended(turn, fields)
        if status != "resolved" and (hush := seam.hushed(turn, fields)) is not None:
            turn.count(hush[0], fields["id"], hush[1])
            return
        ruleset, groups = turn.ruleset, _Groups()
        plain_type = fields["type"] not in ("change", "comment")
        matching, erring = ruleset.judge(fields, count_errors=True)
        for number in erring:
            state.erring[ruleset.rules[number].rule.name] += 1
        if ruleset.readers:
            matching = [number for number in matching if self._also_of_incident(turn, number, fields)]
        for number in seam.routed(ruleset, matching):
            rule = ruleset.rules[number]
            if status == "resolved":
                acted |= self._calmed(turn, rule, fields)
            elif (firing or rule.means(status)) and (plain_type or rule.names_its_type):
                acted = True
                self._act(turn, rule, fields, groups)
        if not acted:
            turn.count("unmatched", fields["id"])

    def _act(self, turn: Turn, rule: CompiledRule, fields: Fields, groups: "_Groups") -> None:
        """A matching rule: count where it counts, and take the signal in where the group fires."""
        state, filled = turn.state, None
        by = rule.rule.group_by
        if (found := groups.get(by)) is None:
            values = rule.group(fields)
            found = groups[by] = (group_suffix(values), values)
        suffix, values = found
        name = f"{'rehearsal:' if fields.get('rehearsal') else ''}{rule.rule.name}{suffix}"
        # A clock ahead of ours must not push everyone else's windows into the past.
        moment = min(fields["occurred_micros"], turn.at)
        key = f"group/{name}"
        if (match := rule.rule.match) is not None:
            filled = windows.fill(
                state, f"window/{name}", match, rule.memory, signal_id=fields["id"], moment=moment, now=turn.at
            )
            if filled is windows.LATE:
                turn.count("late", fields["id"], rule.name)
                return
            if filled is None:
                row = state.rows.get(key)
                if row is None or row.get("status", "resolved") == "resolved":
                    turn.count("below_threshold", fields["id"], rule.name)
                    return
        lifecycle.take_in(turn, rule, key, values, fields, moment, filled)

    def _ended(self, turn: Turn, fields: Fields) -> bool:
        """A resolved or acknowledged signal reaches every incident in which its occurrence fires, whatever rules say now."""
        state, units = turn.state, units_of(fields)
        keys = sorted({key for unit in units for key in state.firing.get(unit, ())})
        for key in keys:
            row = state.rows[key]
            if fields["status"] == "resolved":
                lifecycle.calmed(turn, key, fields, units)
            elif fields["status"] == "acknowledged" and row["status"] == "open":
                because = f"acknowledged in {fields['source']}"
                lifecycle.acknowledge(turn, key, row, by=fields["source"], because=because, cause=(fields["id"],))
        return bool(keys)

    def _goes_on(self, turn: Turn, fields: Fields) -> bool:
        """A firing signal keeps every incident in which its occurrence fires from running out: silenced, repeated, or matched by no
        rule any more, it says that this is not over."""
        keys = sorted(turn.state.firing.get(unit_of(fields), ()))
        for key in keys:
            lifecycle.goes_on(turn, key, fields)
        return bool(keys)

    def _calmed(self, turn: Turn, rule: CompiledRule, fields: Fields) -> bool:
        key = f"group/{self._group(rule, fields)[0]}"
        if key not in turn.state.rows:
            return False
        lifecycle.calmed(turn, key, fields, units_of(fields))
        return True

    def _group(self, rule: CompiledRule, fields: Fields) -> tuple[str, tuple[str, ...]]:
        values = rule.group(fields)
        return group_key_of(rule.name, values, rehearsal=bool(fields.get("rehearsal"))), values

    def _also_of_incident(self, turn: Turn, number: int, fields: Fields) -> bool:
        """Whether a rule that matched still does if its condition reads the incident of its group."""
        if number not in turn.ruleset.readers:
            return True
        rule = turn.ruleset.rules[number]
        fields["incident"] = self._incident(turn.state, rule, fields)
        return rule.condition.matches(fields)

    def _incident(self, state: State, rule: CompiledRule, fields: Fields) -> Mapping[str, Any]:
        row = state.rows.get(f"group/{self._group(rule, fields)[0]}")
        return incident_of(row) if row is not None and "id" in row else _NOTHING

    def _matcher(self, source: str) -> Callable[[Mapping[str, Any]], bool]:
        found = self._matchers.get(source)
        if found is None:
            try:
                found = compile(source, schema=SCHEMA).matches
            except CelError:
                # It was accepted by another version of this program. Failing open: what it hid is heard.
                found = _never
            self._matchers[source] = found
        return found


_Groups = dict[tuple[str, ...], tuple[str, tuple[str, ...]]]
"""What one signal gives for each way of grouping: the same for all rules that group alike."""


def _never(_: Mapping[str, Any]) -> bool:
    return False


__all__ = ["BadInput", "Engine", "InputKind"]
