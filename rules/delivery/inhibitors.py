"""The inhibitions of a rule set: whose condition a signal meets, and which signals have the same values on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.delivery.compiled import Inhibition
from rules.index import Index
from rules.texts import as_text

if TYPE_CHECKING:
    from rules.ruleset import CompiledRule


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """One inhibition of a rule. `name` tells it apart from all others."""

    rule: CompiledRule
    inhibition: Inhibition
    name: str

    def key(self, view: Mapping[str, Any]) -> str:
        """The same for two signals whose values in `equal` are the same."""
        values = [as_text(part.get(view)) for part in self.inhibition.equal]
        side = "rehearsal:" if view.get("rehearsal") else ""
        return f"{side}{self.name}/{','.join(str(len(value)) for value in values)}/{'|'.join(values)}"

    def is_source(self, view: Mapping[str, Any]) -> bool:
        """Whether a signal is one of the rule's own."""
        rule: CompiledRule | None = self.rule
        while rule is not None:
            if not rule.condition.matches(view):
                return False
            rule = rule.parent
        return True


class Inhibitors:
    """All inhibitions of a rule set; those whose condition a signal may meet are found by an index."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self.all = tuple(
            Inhibitor(rule, inhibition, f"{rule.name}/{number}")
            for rule in rules
            if rule.delivery is not None
            for number, inhibition in enumerate(rule.delivery.inhibits)
        )
        self.of: dict[str, tuple[Inhibitor, ...]] = {}
        for each in self.all:
            self.of[each.rule.name] = (*self.of.get(each.rule.name, ()), each)
        self._index = Index([each.inhibition.when.equalities for each in self.all])

    def held_back(self, view: Mapping[str, Any]) -> list[Inhibitor]:
        """Those whose condition the signal meets."""
        candidates = (self.all[number] for number in self._index.candidates(view))
        return [each for each in candidates if each.inhibition.when.matches(view)]
