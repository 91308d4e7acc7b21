"""What a rule says of correlation, checked and ready to act."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rules.cel import Expression
from rules.compiling import Compiler
from rules.correlation.said import Correlate, StormOfAll
from rules.model import Rule
from rules.texts import as_text
from schemas.document import Path as At

STORM = "storm"
"""The name of what decides about storms of all rules, as of a rule."""
_SEP = "\x1f"


@dataclass(frozen=True)
class Way:
    """One way to belong together, with the values by which it goes."""

    said: Correlate
    values: tuple[tuple[str, Expression], ...] = ()
    apart: tuple[tuple[str, Expression], ...] = ()
    """The values that keep incidents apart."""

    @cached_property
    def texts(self) -> frozenset[str]:
        """The values by which it goes, by their text."""
        return frozenset(text for text, _ in self.values)

    @cached_property
    def key(self) -> str:
        """The name of its values taken together."""
        return ", ".join(text for text, _ in self.values)

    def value(self, fields: Mapping[str, Any]) -> str:
        """Its values taken together; nothing where one of them is."""
        found = [as_text(value.get(fields)) for _, value in self.values]
        return _SEP.join(found) if all(found) else ""


def compile_ways(rule: Rule, compiler: Compiler, *, has_topology: bool) -> tuple[Way, ...]:
    """The ways of a rule; the compiler is told each fault."""
    several = isinstance(compiler.at("correlate"), list)
    found = []
    for number, said in enumerate(rule.correlate):
        at: At = ("correlate", number) if several else ("correlate",)
        if said.services and not said.learnt and not has_topology and compiler.at("correlate") is not None:
            message = "no topology.yaml stands beside the rules to say which services are neighbours; write one, or say learnt: true"
            compiler.wrong((*at, "services"), ValueError(message))
        values = compiler.values(said.by, *at, "by") or ()
        apart = compiler.values(said.apart, *at, "apart") or ()
        found.append(Way(said, tuple(zip(said.by, values, strict=False)), tuple(zip(said.apart, apart, strict=False))))
    return tuple(found)


def rule_of(said: StormOfAll) -> Rule:
    """What decides about storms of all rules, as a rule that no signal meets."""
    rule = Rule(name=STORM, when="false", group_by=(), playbook=said.playbook, owner=said.owner, severity=said.severity)
    return rule.model_copy(update={"storm": said})
