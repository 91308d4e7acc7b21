"""What a rule says of matching, checked and ready to act."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from rules.cel import Condition, Expression
from rules.cel.schema import FieldSchema
from rules.compiling import Compiler
from rules.fields import SCHEMA
from rules.match.added import Lookup
from rules.match.said import Match
from rules.match.tables import Table
from rules.model import Rule
from rules.windows import Window, window_of
from schemas.document import near
from schemas.ids import content_hash

_WITH_STEPS = FieldSchema({**SCHEMA.fields, "steps": "dyn"})
_STEPS_ALONE = FieldSchema({"steps": "dyn"})


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """One step: what signals or whose firing it is, and the values by which it is joined to the others."""

    name: str
    negated: bool
    condition: Condition | None
    rule: str | None
    same: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps in their order."""

    said: Match
    steps: tuple[CompiledStep, ...]
    memory: str
    where: Condition | None = None
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The fields that `where` reads of each step's signal, which are kept with it."""
    holds: Condition | None = None
    """Which of them happened, where that is what decides."""

    @property
    def joins_some(self) -> bool:
        """Whether `same` leaves steps out, which come together with whatever they meet."""
        return isinstance(self.said.same, dict) and len(self.said.same) < len(self.steps)


@dataclass(frozen=True, slots=True)
class CompiledFact:
    """A fact to be set: under a key of its own where it is a map."""

    name: str
    value: Expression
    key: Expression | None
    span: int | None


@dataclass(frozen=True, slots=True)
class CompiledLookup:
    """A value out of a table."""

    table: Table
    by: Expression
    column: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Matching:
    """All that a rule says of matching beyond `when`."""

    memory: str
    """What its state rests on: while it stays the same, the state does."""
    unless: Condition | None = None
    window: Window | None = None
    value: Expression | None = None
    """Of the window, what is looked at of each signal."""
    steps: Steps | None = None
    absent: int | None = None
    hold: int | None = None
    """The span of `for`."""
    enrich: tuple[tuple[str, Expression | CompiledLookup], ...] = ()
    facts: tuple[CompiledFact, ...] = ()

    heard: tuple[str, ...] = ()
    """The rules whose firings it hears of, as steps or to be counted."""

    @property
    def tables(self) -> str:
        """The content of the tables, which the rule's version covers."""
        return " ".join(to.table.version for _, to in self.enrich if isinstance(to, CompiledLookup))

    @property
    def is_plain(self) -> bool:
        """Whether one signal is all that it takes."""
        return self.window is None and self.steps is None and self.absent is None


def memory_of(rule: Rule) -> str:
    """The hash of what the state of a rule rests on. How many it counts to and within what is no part of it."""
    said = rule.model_dump(mode="json", by_alias=True, include={"when", "unless", "group_by", "enrich"})
    if rule.match is not None:
        match = rule.match
        loose = {"count", "rate", "is", "within", "p"} if match.steps is None and match.absent is None else set()
        # What is measured of the entries is no part of them; and what no rule said before is left out where it is not said.
        loose |= {"interpolate", "again", "holds", "doubles", "at_once"} | ({"of"} if not match.of else set())
        content = match.model_dump(mode="json", by_alias=True)
        said["match"] = {name: value for name, value in content.items() if name not in loose}
        said["kind"] = "count" if match.kind == "rate" else match.kind
    return content_hash(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


def compile_matching(rule: Rule, compiler: Compiler) -> Matching:
    """Faults are told to the compiler; what comes back then is not to be used."""
    memory, match = memory_of(rule), rule.match
    unless = compiler.condition(rule.unless, "unless") if rule.unless is not None else None
    window = value = steps = absent = None
    if match is not None and match.steps is not None:
        steps = _steps(match, memory, compiler)
    elif match is not None and match.absent is not None:
        compiler.condition(match.absent, "match", "absent")
        absent = match.within
    elif match is not None:
        window = window_of(match, memory)
        if window.most > 20_002:
            compiler.wrong(
                ("match", "rate"), ValueError("that is more than 10000 signals in the span; shorten 'within'")
            )
        value = compiler.value(match.value, "match", match.kind) if match.value is not None else None
    heard = match.of if match is not None else ()
    if steps is not None:
        heard = tuple(dict.fromkeys(step.rule for step in steps.steps if step.rule is not None))
    return Matching(
        memory, unless, window, value, steps, absent, rule.for_, _enrich(rule, compiler), _facts(rule, compiler), heard
    )


def condition_text(rule: Rule) -> str:
    """The condition over one signal that says whether the rule has anything to do with it."""
    match, parts = rule.match, [rule.when] if rule.when.strip() else []
    if match is not None and match.absent is not None:
        parts.append(match.absent)
    elif match is not None and match.steps is not None:
        steps = [f"({step.when})" for step in match.steps.values() if step.when is not None]
        parts.append(" || ".join(dict.fromkeys(steps)) or "false")
    if not parts:
        # Nothing but the firings of other rules counts.
        return "false"
    return parts[0] if len(parts) == 1 else " && ".join(f"({part})" for part in parts)


def _steps(match: Match, memory: str, compiler: Compiler) -> Steps:
    found = []
    common = () if isinstance(match.same, dict) else compiler.values(match.same, "match", "same") or ()
    for name, step in (match.steps or {}).items():
        at: tuple[str, ...] = ("match", "steps", name)
        written = compiler.at(*at)
        while isinstance(written, dict):
            part = next(iter(key for key in ("not", "when") if key in written), None)
            if part is None:
                break
            at, written = (*at, part), written[part]
        condition = compiler.condition(step.when, *at) if step.when is not None else None
        same = common
        if isinstance(match.same, dict):
            same = compiler.values(match.same[name], "match", "same", name) or () if name in match.same else ()
        found.append(CompiledStep(name, step.negated, condition, step.rule, same))
    where = compiler.condition(match.where, "match", "where", schema=_WITH_STEPS) if match.where is not None else None
    reads: dict[str, set[str]] = {}
    for path in where.paths if where is not None else ():
        if path[0] == "steps" and len(path) < 3:
            message = "say which field of which step it reads, as in steps.NAME.labels.host"
            compiler.wrong(("match", "where"), ValueError(message))
        elif path[0] == "steps" and path[1] not in (match.steps or {}):
            hint = near(path[1], match.steps or {})
            compiler.wrong(("match", "where"), ValueError(f"there is no step {path[1]!r}{hint}"))
        elif path[0] == "steps":
            reads.setdefault(path[1], set()).add(path[2])
    holds = compiler.condition(match.holds, "match", "holds", schema=_STEPS_ALONE) if match.holds is not None else None
    for path in holds.paths if holds is not None else ():
        if len(path) != 2 or path[1] not in (match.steps or {}):
            hint = near(path[1], match.steps or {}) if len(path) > 1 else ""
            compiler.wrong(("match", "holds"), ValueError(f"it asks of a step whether it happened: steps.NAME{hint}"))
    kept = {name: frozenset(fields) for name, fields in reads.items()}
    return Steps(match, tuple(found), memory, where, kept, holds)


def _enrich(rule: Rule, compiler: Compiler) -> tuple[tuple[str, Expression | CompiledLookup], ...]:
    found: list[tuple[str, Expression | CompiledLookup]] = []
    for name, said in rule.enrich.items():
        if isinstance(said, str):
            if (value := compiler.value(said, "enrich", name)) is not None:
                found.append((name, value))
        elif (lookup := _lookup(said, name, compiler)) is not None:
            found.append((name, lookup))
    return tuple(found)


def _lookup(said: Lookup, name: str, compiler: Compiler) -> CompiledLookup | None:
    table, by = compiler.tables.get(said.from_), compiler.value(said.by, "enrich", name, "by")
    if table is None:
        hint = near(said.from_, sorted(compiler.tables))
        compiler.wrong(("enrich", name, "from"), ValueError(f"there is no table {said.from_!r} beside the rules{hint}"))
        return None
    try:
        column = table.column(said.take)
    except ValueError as error:
        compiler.wrong(("enrich", name, "take"), error)
        return None
    return CompiledLookup(table, by, column, said.default) if by is not None else None


def _facts(rule: Rule, compiler: Compiler) -> tuple[CompiledFact, ...]:
    found = []
    for name, said in rule.set_fact.items():
        long = isinstance(compiler.at("set_fact", name), dict)
        value = compiler.value(said.value, "set_fact", name, *(("value",) if long else ()))
        key = compiler.value(said.key, "set_fact", name, "key") if said.key is not None else None
        if value is not None and (said.key is None or key is not None):
            found.append(CompiledFact(name, value, key, said.for_))
    return tuple(found)
