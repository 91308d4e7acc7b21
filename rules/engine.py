"""The pure engine: inputs in their order go in with their journal time, decisions come out; the state is the caller's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, cast

from pydantic import ValidationError

from rules import commands
from rules.cel import CelError, compile  # noqa: A004 (the language's own word for it)
from rules.fields import SCHEMA
from rules.incidents import POINTS, units_of
from rules.judging import goes_on, judge, touched
from rules.limits import Limits
from rules.match import absence
from rules.passing import pass_time
from rules.ruleset import RuleSet
from rules.signals import BadInput, Fields, batch_of, line_of, moment_of, signal_of
from rules.state import Row, State
from rules.turn import Turn
from schemas.command import Command
from schemas.decision import Decision, Versions

InputKind = Literal["signal", "batch", "command", "tick", "repeat"]

_COMMAND_REMEMBER_S = 48 * 3600


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
            **{
                rule.name: Versions(rules=version, rule=rule.version, code=self._code)
                for rule in ruleset.by_name.values()
            },
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
        out: list[Decision] = []
        if state.quiet_until <= now:
            pass_time(state, now, lambda at: self._turn(state, at, out))
        turn = self._turn(state, now, out)
        if not state.begun:
            self._begin(turn)
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
        if state.lost:
            turn.tell_lost()
        return out

    def preview(self, state: State, signal: Fields, now: int) -> list[Decision]:
        """What would be decided about a signal now. Changes nothing, neither the state nor the signal."""
        fields = signal_of({**signal})
        rules = self.in_force(state).rules
        keys = {key for rule in rules for key in touched(rule, fields)}
        keys.update(key for unit in units_of(fields) for key in state.firing.of(unit))
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

    def _begin(self, turn: Turn) -> None:
        """The first input of all: what is waited for is waited for from here on."""
        turn.state.begin(turn.at)
        absence.begin(turn)

    def _batch(self, turn: Turn, batch: Fields) -> None:
        number = len(batch["lines"])
        if turn.state.seen.knows(batch["id"], turn.at):
            turn.count("duplicate", batch["id"], number=number)
            return
        turn.state.seen.remember(batch["id"], remember_s=batch["remember_s"], now=turn.at)
        for index in range(number):
            fields = line_of(batch, index)
            fields["occurred_micros"] = batch["lines"][index]["occurred_micros"]
            judge(turn, fields)

    def _signal(self, turn: Turn, fields: Fields) -> None:
        state, name = turn.state, fields["id"]
        if state.seen.knows(name, turn.at):
            for unit in units_of(fields):
                for key in state.firing.of(unit):
                    if "dup" in state.rows[key]:
                        state.rows[key]["dup"] += 1
                        state.touch(key)
            if fields["status"] == "firing" and fields["type"] not in POINTS:
                # An alert told of again is one that lasts; an event told of again is as old as it was.
                goes_on(turn, fields)
            turn.count("duplicate", name)
            return
        evicted = state.seen.evicted
        state.seen.remember(name, remember_s=fields["remember_s"], now=turn.at)
        if state.seen.evicted != evicted:
            state.lost.append(("seen", f"before {name}", 1))
        if fields.get("own"):
            turn.count("own", name)
        else:
            judge(turn, fields)

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


def _never(_: Mapping[str, Any]) -> bool:
    return False


__all__ = ["BadInput", "Engine", "InputKind"]
