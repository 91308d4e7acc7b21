"""What a rule file says of when people are told: waits, throttles, inhibitions, times, flapping, storms and what counts as the same."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from schemas.spans import UNITS, Span

_NO_WAIT = re.compile(r"0+(?:ms|[smhdw])")
HeldEnds = Literal["tell", "forget"]

MOST_THROTTLED = 10_000
"""The largest number a throttle may be asked to gather: what bounds its memory."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def listed(value: Any) -> Any:
    """One text stands for a list of it, as it does for `group_by`."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _wait(value: Any) -> Any:
    return 0 if isinstance(value, str) and _NO_WAIT.fullmatch(value) else value


OrNone = WithJsonSchema({"type": ["string", "integer"], "examples": ["30s", "5m", "1h30m", "2d", 0]})
"""In the schema of a span that may be a plain 0."""

Wait = Annotated[Span, BeforeValidator(_wait), OrNone]
"""A span that may be nothing: `0s`."""

Texts = Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])]
"""Texts, or one of them alone."""


def _numbered(value: Any) -> Any:
    """A number alone is written without quotes."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item) if type(item) is int else item for item in items)


Numbers = Annotated[
    tuple[str, ...], BeforeValidator(_numbered, json_schema_input_type=str | int | tuple[str | int, ...])
]
"""Numbers or names and ranges of them, or one alone."""


class Throttle(Part):
    """How often one key may be told of; exactly one of the three spans is said. Spans are `[t0, t0 + W)` of time of acceptance."""

    once_within: Span | None = Field(
        default=None, gt=0, description="The first one is told, what follows within the span is not"
    )
    once_after: Span | None = Field(
        default=None,
        gt=0,
        description="What comes within the span is told once, when it is over: the first one of each key",
    )
    accumulate_within: Span | None = Field(
        default=None,
        gt=0,
        description="Told when `count` came within the span, with the last one; fewer are dropped at its end",
    )
    count: int | None = Field(default=None, ge=1, le=MOST_THROTTLED, description="For `accumulate_within`: how many")
    by: Texts | None = Field(
        default=None, description="Fields or CEL expressions that make the key; without it, the rule's group"
    )

    @model_validator(mode="after")
    def _one_span(self) -> "Throttle":
        said = [name for name in ("once_within", "once_after", "accumulate_within") if getattr(self, name) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none of them"
            raise ValueError(f"a throttle says one of once_within, once_after and accumulate_within, found {found}")
        if (self.accumulate_within is not None) != (self.count is not None):
            raise ValueError("'count' belongs to accumulate_within, which needs it: {accumulate_within: 5m, count: 3}")
        return self


class Inhibit(Part):
    """While a signal of this rule fires, signals that meet `when` and have equal values in `equal` are not told of."""

    when: str = Field(description="A CEL condition over the signals to be held back")
    equal: Texts = Field(
        default=(), description="Fields whose values must be the same on both sides; lacking on both sides is the same"
    )

    sources: Literal["all", "last"] = Field(
        default="all",
        description="`last`: of several sources with equal values the one that ends last counts alone, as in Alertmanager 0.34",
    )


class Flapping(Part):
    """A group that begins and ends so often is told of once, until it has been steady for the same span."""

    changes: int = Field(default=4, ge=2, le=1000, description="So many beginnings and ends...")
    within: Span = Field(default=10 * UNITS["m"], gt=0, description="... within this span, of time of acceptance")


class Storm(Part):
    """So many groups at once are one storm: one incident that lists them, instead of a page for each."""

    groups: int = Field(default=20, ge=2, le=10_000, description="So many groups that open...")
    within: Span = Field(default=5 * UNITS["m"], gt=0, description="... within this span, of time of acceptance")


class Dedup(Part):
    """When a signal says again what one before it said: it is counted, and nobody is asked to look again."""

    fields: Texts = Field(
        default=(), description="Fields that make two signals one problem; without them, the signal's occurrence"
    )
    ignore: Texts = Field(
        default=(), description="Fields whose change is no news, such as `measures.value` or `raw.lastReceived`"
    )


class TimeRange(Part):
    """`[start_time, end_time)` of a day, `HH:MM`; `24:00` is the end of the day."""

    start_time: str
    end_time: str


class TimeInterval(Part):
    """Times as Alertmanager writes them: every field said must hold, within a field any of its ranges."""

    times: tuple[TimeRange, ...] = Field(default=(), description="Ranges of the day, `[start_time, end_time)`")
    weekdays: Texts = Field(default=(), description="`monday`, `monday:friday`")
    days_of_month: Numbers = Field(default=(), description="`1`, `1:7`, `-3:-1` counted from the month's end")
    months: Numbers = Field(default=(), description="`may`, `5`, `may:august`")
    years: Numbers = Field(default=(), description="`2026`, `2026:2028`")
    location: str = Field(default="UTC", description="A time zone, such as `Europe/Berlin`")

    @field_validator("times", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value
