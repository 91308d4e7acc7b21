"""A rule file as people write it: the closed set of keys, what each may hold, and what is left out when it is not said."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from rules.delivery.said import Dedup, Flapping, Inhibit, Storm, Texts, Throttle, TimeInterval
from schemas.severity import Severity
from schemas.spans import UNITS, Span

CountOperator = Literal[">=", ">", "=="]

REOPEN_WITHIN = 30 * UNITS["m"]
MOST_COUNTED = 10_000
"""The largest number a window may be asked to count to: what bounds its memory."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COUNT = re.compile(r"(>=|>|==)\s*(\d{1,9})")

LATER: dict[str, str] = {
    key: f"{key!r} is part of the rule language but this version does not have it yet; take it out"
    for key in (
        *("for", "unless", "enrich", "correlate", "set_fact", "annotations"),
        *("steps", "absent", "distinct", "rate", "sum", "avg", "min", "max", "percentile", "span", "same", "order"),
        *("expect", "defaults", "include", "macros", "constants"),
    )
}
"""Keys that a later version reads. They are refused, never ignored: a rule that means less than it says is worse than none."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Count(Part):
    """How many signals: an operator and a number."""

    operator: CountOperator
    number: Annotated[int, Field(ge=1, le=MOST_COUNTED)]

    def __str__(self) -> str:
        return f"{self.operator} {self.number}"

    def holds(self, found: int) -> bool:
        if self.operator == "==":
            return found == self.number
        return found >= self.number if self.operator == ">=" else found > self.number


def _read_count(value: Any) -> Any:
    if isinstance(value, Count):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Count(operator=">=", number=value)
    found = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a count; expected '>= 20', '> 19', '== 20' or a number alone for '>='")
    return Count.model_validate({"operator": found[1], "number": int(found[2])})


class Match(Part):
    """A condition over several signals of one group, within a span of event time."""

    count: Annotated[
        Count, BeforeValidator(_read_count), WithJsonSchema({"type": ["string", "integer"], "examples": [">= 20"]})
    ] = Field(description="How many signals of one group make the rule fire: `>= 20`, `> 19`, `== 20`, or a number")
    within: Span = Field(
        gt=0, description="The span of event time, both ends included, in which they must have happened"
    )


class Rule(Part):
    """One rule. `name` and `when` are all it needs."""

    name: str = Field(description="Its name, once among all files; incidents and decisions carry it")
    description: str = Field(default="", description="What it is for, for people")
    when: str = Field(description="A CEL condition over one signal")
    group_by: tuple[str, ...] = Field(
        default=("group_key",),
        description="Fields or CEL expressions whose values make one incident; an empty list makes one for the whole rule",
    )
    match: Match | None = Field(
        default=None, description="Fire only when so many signals of a group come within a span"
    )
    playbook: str | None = Field(default=None, description="The playbook that investigates; without one, nobody looks")
    priority: int = Field(
        default=0, description="Rules of higher priority act first; the order of the files decides ties"
    )
    severity: Severity | None = Field(default=None, description="The incident's severity, whatever the signals say")
    owner: str | None = Field(default=None, description="Who owns the incident")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels set on the incident, over the signal's own"
    )
    resolve_after: Span | None = Field(default=None, description="Resolve when no new signal came for so long")
    reopen_within: Span = Field(
        default=REOPEN_WITHIN,
        description="Firing again so soon after the resolution reopens the incident; later, a new one opens",
    )
    group_wait: Span | None = Field(
        default=None, description="How long the first telling of a group waits for more of it; 0 tells at once"
    )
    group_interval: Span | None = Field(
        default=None, description="How long after a telling the group is looked at again, for what changed"
    )
    repeat_interval: Span | None = Field(
        default=None, gt=0, description="A group that goes on unchanged is told of again after so long"
    )
    send_resolved: bool | None = Field(default=None, description="Whether ends are told of, too")
    throttle: Throttle | None = Field(default=None, description="How often one key may be told of")
    muted: Texts = Field(default=(), description="Named times in which nobody is told")
    active: Texts = Field(default=(), description="Named times outside of which nobody is told")
    inhibit: tuple[Inhibit, ...] = Field(
        default=(), description="While a signal of this rule fires, others are not told of"
    )
    flapping: Flapping | None = Field(
        default=None, description="When a group begins and ends too often to be told of each time"
    )
    storm: Storm | None = Field(default=None, description="When so many groups at once are told of as one")
    dedup: Dedup | None = Field(default=None, description="When a signal says again what one before it said")
    continue_: bool = Field(
        default=False, alias="continue", description="In a routing tree: siblings that follow are tried as well"
    )
    rules: tuple["Rule", ...] = Field(
        default=(), description="Children of a routing tree: the first one that matches acts instead of this rule"
    )
    shadow: bool = Field(default=False, description="Open incidents, but start no investigation")
    enabled: bool = Field(default=True, description="`false` switches the rule off")

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name; expected letters, digits, '.', '_' and '-', at most 100")
        return name

    @field_validator("group_by", mode="before")
    @classmethod
    def _grouped(cls, value: Any) -> Any:
        if isinstance(value, str):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @field_validator("inhibit", "rules", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @field_validator("resolve_after")
    @classmethod
    def _resolving(cls, span: int | None) -> int | None:
        if span == 0:
            raise ValueError(
                "0 would resolve at once; leave the key out to keep incidents open until something resolves them"
            )
        return span


class RuleFile(Part):
    """A file of rules."""

    times: dict[str, tuple[TimeInterval, ...]] = Field(
        default_factory=dict, description="Times by name, for `muted` and `active`, known to all files"
    )
    rules: tuple[Rule, ...] = Field(description="The rules, in the order in which they act")

    @field_validator("times", mode="before")
    @classmethod
    def _intervals(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: tuple(said) if isinstance(said, list) else said for name, said in value.items()}

    @field_validator("rules", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value
