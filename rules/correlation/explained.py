"""Why two incidents belong together by the rules in force, or why not, in words and without changing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rules.correlation.gathered import nothing_yet
from rules.correlation.learnt import Past
from rules.correlation.names import plain
from rules.correlation.relating import Relations, taken_in
from rules.correlation.said import Correlate
from rules.correlation.terms import Term
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import Fields
from rules.state import Row, State

_SHOWN = 5
"""So many open incidents are looked at for one signal: those heard of last."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """An incident as it began: with which signal, and when it was heard of first and last."""

    incident: str
    rule: str
    first: int
    last: int
    fields: Fields
    service: str = ""


@dataclass(frozen=True, slots=True)
class WayVerdict:
    """What one way of a rule makes of two incidents: each thing that it asks for, as it is."""

    way: str
    terms: tuple[Term, ...]

    @property
    def holds(self) -> bool:
        return all(term.holds for term in self.terms)

    def render(self) -> str:
        """Lines for a person."""
        lines = [f"by {self.way}: {'they belong together' if self.holds else 'they do not'}"]
        return "\n".join([*lines, *(f"  {'true ' if term.holds else 'false'}  {term.words}" for term in self.terms)])


def between(
    ruleset: RuleSet, earlier: Beginning, later: Beginning, changes: Sequence[Sequence[Any]], past: Past | None = None
) -> list[WayVerdict]:
    """What each way of the later one's rule makes of the two. `changes` are label, moment and service of those that are known. Empty
    where its rule does not correlate, or is in force no more."""
    relations, rule = ruleset.relations, ruleset.by_name.get(later.rule)
    if relations is None or rule is None:
        return []
    known = nothing_yet(earlier.first) | {"taken": {}}
    taken_in(known, relations.newcomer(earlier.incident, earlier.first, earlier.fields, earlier.service, changes))
    known["last"] = max(known["last"], min(earlier.last, later.first))
    newcomer = relations.newcomer(later.incident, later.first, later.fields, later.service, changes)
    return [WayVerdict(_named(way.said), tuple(relations.terms(way, known, newcomer, past))) for way in rule.ways]


def prospects(ruleset: RuleSet, state: State, rule: CompiledRule, fields: Fields, moment: int) -> tuple[str, ...]:
    """What a new incident of the rule would make of those that are open, the ones heard of last; a line for each and each way."""
    relations = ruleset.relations
    if relations is None or not rule.ways:
        return ()
    side = "rehearsal" if fields.get("rehearsal") else "real"
    late = (state.rows.get(f"correlation/change/{side}") or {"late": []})["late"]
    past: Past | None = state.rows.get(f"correlation/past/{side}")
    newcomer = relations.newcomer("", moment, fields, fields.get("service") or "", late)
    open_: list[Row] = [row for key in state.sets if (row := state.rows[key])["side"] == side]
    open_.sort(key=lambda row: (-row["last"], row["lead"]))
    found = []
    for row in open_[:_SHOWN]:
        title = state.rows.get(row["key"], {}).get("title", "")
        for way in rule.ways:
            terms = tuple(relations.terms(way, row, newcomer, past))
            wrong = [term.words for term in terms if not term.holds]
            verdict = f"not, {'; '.join(wrong)}" if wrong else f"joins it: {'; '.join(term.words for term in terms)}"
            found.append(f"{row['lead']} {title[:60]!r} by {_named(way.said)}: {verdict}")
    return tuple(found) or (_sought(relations, rule, fields),)


def _sought(relations: Relations, rule: CompiledRule, fields: Fields) -> str:
    """What it would look for where nothing is open."""
    service = plain(fields.get("service") or "")
    near = ", ".join(relations.graph.around(service)) if service else ""
    ways = "; or ".join(_named(way.said) for way in rule.ways)
    return f"joins an open incident by {ways}{f' (next to it: {near})' if near else ''}; none is open"


def _named(said: Correlate) -> str:
    """A way in short."""
    weighed = f"weighing {', '.join(('time', 'sameness', 'services', *said.by))}"
    parts = [weighed] if said.weighed else list(said.by)
    if said.services is not None:
        parts.append({0: "the same service", 1: "neighbours", 2: "neighbours of neighbours"}[said.services])
    if said.change is not None:
        parts.append("a change before both")
    return " and ".join(parts)
