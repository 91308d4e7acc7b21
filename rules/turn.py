"""One step of the engine: the moment it happens at, the rules in force, and the decisions it has made so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rules.bounds import rule_of
from rules.counts import Outcome, count, recorded
from rules.decided import decided
from rules.incidents import incident_of
from rules.model import Rule
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import Fields
from rules.state import Row, State
from schemas.decision import Decision, DecisionKind, Versions


@dataclass(slots=True)
class Turn:
    """`at` is journal time, or the due time of the timer that fires."""

    state: State
    ruleset: RuleSet
    versions: Mapping[str, Versions]
    """By name of rule; under "" those of the rule set alone."""
    at: int
    matcher: Callable[[str], Callable[[Mapping[str, Any]], bool]]
    """A condition as data says it (a silence's), compiled once; one this version cannot read never holds."""
    out: list[Decision] = field(default_factory=list)
    chain: list[tuple[CompiledRule, Fields, int]] = field(default_factory=list)
    """Rules that fired and are steps of others, which are yet to hear of it; with the signal and its moment."""
    _told: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, unless it is in force no more."""
        found: CompiledRule | None = self.ruleset.by_name.get(name)
        return found.rule if found is not None else None

    def compiled(self, name: str) -> CompiledRule | None:
        """The same, ready to act."""
        return self.ruleset.by_name.get(name)

    def lateness(self, source: str) -> int:
        """How far behind the latest signal of its group one of this source may be and still count."""
        return self.ruleset.lateness.get(source) or self.ruleset.lateness.get("default") or self.state.limits.lateness

    def waits(self, rule: str) -> bool:
        """Whether people are told of the rule's incidents in another time than that of what becomes of them."""
        found = self.ruleset.by_name.get(rule)
        said = found.delivery if found is not None else None
        return said is not None and (said.pace is not None or not said.is_open(self.at))

    def version(self, rule: str) -> Versions:
        return self.versions.get(rule) or self.versions[""]

    def incident(self, row: Row) -> dict[str, Any]:
        """The incident as the world sees it; what was just told of it, while nothing has come to it since."""
        return self._told[1] if self._told is not None and self._told[0] == _stand(row) else incident_of(row)

    def count(self, outcome: Outcome, signal_id: str, by: str = "", number: int = 1) -> None:
        """Count a signal that came to nothing."""
        if (full := count(self.state, outcome, signal_id, now=self.at, by=by, number=number)) is not None:
            self.record(full)

    def tell_lost(self) -> None:
        """Say what limits have put out of memory."""
        lost, self.state.lost = self.state.lost, []
        for limit, key, number in lost:
            self.count("evicted", f"{limit} of {key}", rule_of(key) if "/" in key else "", number)

    def record(self, counted: Row) -> None:
        """Say what was counted."""
        by = counted["by"] if counted["outcome"] != "silence" else ""
        self.out.append(recorded(counted, self.at, self.version(by)))

    def say(
        self,
        kind: DecisionKind,
        row: Row,
        because: str,
        *,
        cause: Sequence[str],
        data: dict[str, Any],
        actor: str | None = None,
        trace: str | None = None,
    ) -> None:
        """Decide something about a group's incident."""
        rule: str = row["rule"]
        decision = decided(
            kind,
            at=self.at,
            actor=actor or f"rule:{rule}",
            because=because,
            cause=(*cause, row["id"]),
            data=data,
            attempt=row["rev"],
            versions=self.version(rule),
            incident_id=row["id"],
            rehearsal=row["rehearsal"],
            trace=trace or row.get("trace"),
        )
        row["rev"] += 1
        self.out.append(decision)

    def changed(
        self,
        kind: DecisionKind,
        row: Row,
        because: str,
        *,
        cause: Sequence[str],
        changes: Sequence[str] = (),
        signal_id: str | None = None,
        actor: str | None = None,
        trace: str | None = None,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Say that an incident is as it is now, and `more` that the kind of decision says."""
        incident = incident_of(row)
        data: dict[str, Any] = {"incident": incident, "changes": list(changes), **more}
        if signal_id is not None:
            data["signal_id"] = signal_id
        if self.waits(row["rule"]):
            data["waits"] = True
        self.say(kind, row, because, cause=cause, data=data, actor=actor, trace=trace)
        self.remember(row, incident)

    def remember(self, row: Row, incident: dict[str, Any]) -> None:
        """What was just told of the incident still holds: whoever tells of it next in this turn need not make it again."""
        self._told = _stand(row), incident


def _stand(row: Row) -> tuple[Any, ...]:
    """What differs after anything came to an incident within a turn: decisions about it, signals, what fires."""
    return row["id"], row["rev"], row["n"], len(row["firing"])
