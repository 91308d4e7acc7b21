"""The rules in force: compiled, frozen, and versioned by their content."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from rules.cel import Condition, Equalities, Expression
from rules.cel.equalities import both
from rules.correlation.compiled import Way
from rules.correlation.relating import Relations
from rules.correlation.topology import Topology
from rules.delivery.compiled import Delivery
from rules.delivery.inhibitors import Inhibitors
from rules.delivery.sameness import Sameness
from rules.fields import NAMING
from rules.index import Index
from rules.match.compiled import Matching
from rules.model import Rule
from rules.texts import as_text
from schemas.ids import content_hash

NOTHING_MORE = Matching("")


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to act. `version` is the hash of all it says; `matching.memory` of what its state rests on, so that a rule whose
    playbook changed keeps what it has counted."""

    rule: Rule
    condition: Condition
    keys: tuple[Expression, ...]
    file: str = ""
    line: int = 0
    parent: "CompiledRule | None" = None
    """The rule of the routing tree under which it stands: it is asked only where that one matches."""
    matching: Matching = NOTHING_MORE
    """What it says of matching beyond its condition."""
    delivery: Delivery | None = None
    """What it says of when people are told; None when that is nothing but the playbook's name."""
    ways: tuple[Way, ...] = ()
    """The ways in which its incidents join others that are open."""

    @cached_property
    def name(self) -> str:
        return self.rule.name

    @cached_property
    def version(self) -> str:
        said = orjson.dumps(self.rule.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)
        above = self.parent.version if self.parent is not None else ""
        beside = f"{self.delivery.times if self.delivery is not None else ''}{self.matching.tables}"
        return content_hash(said + f"{above}{beside}".encode())

    @cached_property
    def enabled(self) -> bool:
        """Whether it and all above it are switched on."""
        return self.rule.enabled and (self.parent is None or self.parent.enabled)

    @cached_property
    def equalities(self) -> Equalities:
        """What the index may rely on: a rule of a tree acts only where those above it match as well."""
        own = self.condition.equalities
        return both(self.parent.equalities, own) if self.parent is not None else own

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """The names of the values that make a group."""
        steps = self.matching.steps
        if steps is None:
            return self.rule.group_by
        if steps.said.combinations == "each":
            return ("signals",)
        same = steps.said.same
        if isinstance(same, dict):
            same = () if steps.joins_some else next(iter(same.values()))
        return (*self.rule.group_by, *same)

    @cached_property
    def actor(self) -> str:
        return f"rule:{self.rule.name}"

    @cached_property
    def names_its_signals(self) -> bool:
        """Whether signals that merely inform may open incidents by this rule: its condition says which it means."""
        return any(path[0] in NAMING for path in self.condition.paths)

    def means(self, status: str) -> bool:
        """Whether signals of a status other than firing may open incidents by this rule. What somebody suppressed or acknowledged at its
        source opens nothing unless the condition reads `status`."""
        if status in ("suppressed", "acknowledged"):
            return any(path[0] == "status" for path in self.condition.paths)
        return self.names_its_signals

    @cached_property
    def names_its_type(self) -> bool:
        return any(path[0] == "type" for path in self.condition.paths)

    @cached_property
    def reads_incident(self) -> bool:
        return any(path[0] == "incident" for path in self.condition.paths)

    def group(self, activation: Mapping[str, Any]) -> tuple[str, ...]:
        """The values of `group_by` as text; what the signal does not have is the empty text, as in Alertmanager."""
        return tuple([as_text(key.get(activation)) for key in self.keys])


@dataclass(frozen=True)
class RuleSet:
    """All rules in force, in the order in which they act. `version` is the hash of every enabled rule in that order;
    `sources` is the text of the files they came from, by name."""

    rules: tuple[CompiledRule, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    lateness: Mapping[str, int] = field(default_factory=dict)
    """By source, or for all others under `default`: how far behind a signal may be and still count."""

    dedup: Mapping[str, Sameness] = field(default_factory=dict)
    """By source: when a signal says again what one before it said."""

    topology: Topology = field(default_factory=Topology)
    """Which services need which."""

    storm: CompiledRule | None = None
    """What decides about storms of all rules; not one of them."""

    @cached_property
    def version(self) -> str:
        late = [f"{source}={span}" for source, span in sorted(self.lateness.items())]
        same = [f"{source}: {said}" for source, said in sorted(self.dedup.items())]
        near = [f"topology: {self.topology.model_dump_json()}"] if self.topology else []
        storm = [self.storm.version] if self.storm is not None else []
        return content_hash("\n".join([*(rule.version for rule in self.rules), *late, *same, *near, *storm]))

    @cached_property
    def index(self) -> Index:
        return Index([rule.equalities for rule in self.rules])

    @cached_property
    def parents(self) -> tuple[int | None, ...]:
        """The number of the rule above each one, numbered as the rules."""
        numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        return tuple(numbers[rule.parent.name] if rule.parent is not None else None for rule in self.rules)

    @cached_property
    def has_trees(self) -> bool:
        return any(rule.parent is not None for rule in self.rules)

    @cached_property
    def inhibitors(self) -> Inhibitors:
        return Inhibitors(self.rules)

    @cached_property
    def tells_in_time(self) -> bool:
        """Whether any rule waits or holds others back, so that more is to be known of what fires than its incident says."""
        return any(rule.delivery is not None and (rule.delivery.pace or rule.delivery.inhibits) for rule in self.rules)

    @cached_property
    def choosers(self) -> frozenset[int]:
        """Numbers of the rules that ask for more than their condition once it holds."""
        unless = (number for number, rule in enumerate(self.rules) if rule.matching.unless is not None)
        return self.readers.union(unless)

    @cached_property
    def followers(self) -> Mapping[str, tuple[CompiledRule, ...]]:
        """The rules that have another one as a step or count its firings, by its name."""
        found: dict[str, list[CompiledRule]] = {}
        for rule in self.rules:
            for name in rule.matching.heard:
                found.setdefault(name, []).append(rule)
        return {name: tuple(listed) for name, listed in found.items()}

    @cached_property
    def by_name(self) -> Mapping[str, CompiledRule]:
        """What decides, by name: the rules, and what decides about storms of all of them."""
        storm = (self.storm,) if self.storm is not None else ()
        return {rule.name: rule for rule in (*self.rules, *storm)}

    @cached_property
    def relations(self) -> Relations | None:
        """How incidents of several rules belong together; None where no rule says so."""
        ways = [way for rule in self.rules for way in rule.ways]
        return Relations(self.topology, ways) if ways else None

    @cached_property
    def conditions(self) -> tuple[Callable[[Mapping[str, Any]], bool], ...]:
        """The conditions as functions, numbered as the rules."""
        return tuple(rule.condition.matches for rule in self.rules)

    @cached_property
    def readers(self) -> frozenset[int]:
        """Numbers of the rules whose condition reads the group's incident."""
        return frozenset(number for number, rule in enumerate(self.rules) if rule.reads_incident)

    @cached_property
    def errors(self) -> tuple[Callable[[Mapping[str, Any]], bool], ...]:
        """Whether a condition that does not hold is an error left over, numbered as the rules."""
        return tuple(rule.condition.unless_false for rule in self.rules)

    def matching(self, activation: Mapping[str, Any]) -> list[int]:
        """Numbers of the rules whose condition holds, in order. Those that read `incident` are left in, yet to be judged."""
        return self.judge(activation)[0]

    def judge(self, activation: Mapping[str, Any], *, count_errors: bool = False) -> tuple[list[int], list[int]]:
        """What `matching` says; and, when asked, the numbers of the rules that do not match because their condition is an error (a missing
        field, a wrong kind) left over. Those the index rules out by an equality are not looked at: whatever else is wrong
        with them, they are false."""
        conditions, readers, candidates = self.conditions, self.readers, self.index.candidates(activation)
        if readers:
            matching = [number for number in candidates if number in readers or conditions[number](activation)]
        else:
            matching = [number for number in candidates if conditions[number](activation)]
        if not count_errors or len(matching) == len(candidates):
            return matching, []
        errors, held = self.errors, set(matching)
        return matching, [number for number in candidates if number not in held and errors[number](activation)]

    def packed(self) -> bytes:
        """The sources as JSON, from which `rules.load.unpack` makes the same rule set."""
        return orjson.dumps(dict(self.sources))
