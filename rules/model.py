"""A rule file as people write it: the closed set of keys, what each may hold, and what is left out when it is not said."""

import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rules.correlation.said import StormOfAll, Ways
from rules.delivery.said import Dedup, Flapping, HeldEnds, Inhibit, OrNone, Storm, Texts, Throttle, TimeInterval, Wait
from rules.match.added import SaidEnriched, SaidFacts
from rules.match.said import Match
from schemas.severity import Severity
from schemas.spans import UNITS, Span

REOPEN_WITHIN = 30 * UNITS["m"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

NO_WHEN = "'when' is missing: the condition over one signal that makes the rule act"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(Part):
    """One rule. `name` and `when` are all it needs."""

    name: str = Field(description="Its name, once among all files; incidents and decisions carry it")
    description: str = Field(default="", description="What it is for, for people")
    under: str | None = Field(
        default=None,
        description="The name of a rule, of any file: stand in its routing tree and act instead of it",
    )
    when: str = Field(
        default="", description="A CEL condition over one signal; `match` with `steps`, `absent` or `of` goes without"
    )
    unless: str | None = Field(default=None, description="A CEL condition; a signal that meets it does not match")
    group_by: Texts = Field(
        default=("group_key",),
        description="Fields or CEL expressions whose values make one incident; an empty list makes one for the whole rule",
    )
    match: Match | None = Field(default=None, description="Fire only when several signals, or none, come within a span")
    for_: Span | None = Field(
        default=None, alias="for", gt=0, description="Fire only when it has stayed true for so long"
    )
    enrich: SaidEnriched = Field(
        default_factory=dict,
        description="Set on the signals it matches, before they are grouped: CEL, or out of a table",
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
    annotations: dict[str, str] = Field(default_factory=dict, description="Texts for people, set on the incident")
    set_fact: SaidFacts = Field(
        default_factory=dict, description="Facts it sets when it fires, for conditions to read as `fact.NAME`"
    )
    opens: bool = Field(default=True, description="`false`: it opens nothing, and only serves other rules as a step")
    resolve_after: Span | None = Field(default=None, description="Resolve when no new signal came for so long")
    reopen_within: Annotated[Span, OrNone] = Field(
        default=REOPEN_WITHIN,
        description="Firing again so soon after the resolution reopens the incident; later, a new one opens",
    )
    group_wait: Wait | None = Field(
        default=None, description="How long the first telling of a group waits for more of it; 0 tells at once"
    )
    group_interval: Annotated[Span, OrNone] | None = Field(
        default=None, description="How long after a telling the group is looked at again, for what changed"
    )
    repeat_interval: Span | None = Field(
        default=None, gt=0, description="A group that goes on unchanged is told of again after so long"
    )
    send_resolved: bool | None = Field(default=None, description="Whether ends are told of, too")
    held_ends: HeldEnds | None = Field(
        default=None, description="Ends that come while something holds them: `tell` when the hold is over, or `forget`"
    )
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
    correlate: Ways = Field(default=(), description="When its incident joins one that is open, and is told of by it")
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

    @field_validator("inhibit", mode="before", json_schema_input_type=Inhibit | tuple[Inhibit, ...])
    @classmethod
    def _several(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @field_validator("rules", mode="before")
    @classmethod
    def _children(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _conditional(self) -> Self:
        alone = self.match is not None and self.match.kind in ("steps", "absent")
        if not self.when.strip() and not alone and (self.match is None or not self.match.of):
            raise ValueError(NO_WHEN)
        if self.for_ is not None and alone:
            raise ValueError("'for' goes with a condition or a window; steps and absences have 'within'")
        return self

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
    defaults: dict[str, Any] = Field(
        default_factory=dict,
        description="What its rules say unless they say it themselves: any key but name, when, match",
    )
    macros: dict[str, str] = Field(
        default_factory=dict,
        description="Pieces of CEL by name, for the conditions of the file and of those including it",
    )
    constants: dict[str, Any] = Field(
        default_factory=dict, description="Values by name, for the same: numbers, texts, lists"
    )
    include: Texts = Field(default=(), description="Rule files whose names, times and rules hold here, too")
    lateness: dict[str, Annotated[Span, OrNone]] = Field(
        default_factory=dict,
        description="By source, or `default`: how far behind its group a signal may be and still count",
    )
    dedup: dict[str, Dedup] = Field(
        default_factory=dict, description="By source: when a signal says again what one before it said, for all rules"
    )
    storm: StormOfAll | None = Field(
        default=None, description="When so many groups at once, of any rules, are told of as one"
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The rules, in the order in which they act")

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
