"""The key `match` as people write it: a condition over several signals, or over their absence."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from rules.delivery.said import Part, Texts
from rules.match.comparison import Compared, Rate
from schemas.spans import Span

Kind = Literal["count", "distinct", "rate", "sum", "avg", "min", "max", "percentile", "steps", "absent"]
SpanKind = Literal["sliding", "tumbling", "session"]

KINDS: tuple[Kind, ...] = ("count", "distinct", "rate", "sum", "avg", "min", "max", "percentile", "steps", "absent")
VALUED: frozenset[Kind] = frozenset({"distinct", "sum", "avg", "min", "max", "percentile"})
"""Kinds that look at a value of each signal, compared by `is`."""

MOST_COUNTED = 10_000
"""The largest number a window may be asked to count to: what bounds its memory."""
MOST_STEPS = 16


class Step(Part):
    """What has to happen at one step: a signal that meets a condition, or the firing of another rule; or, negated, neither."""

    when: str | None = Field(default=None, description="A CEL condition over one signal")
    rule: str | None = Field(default=None, description="The name of a rule whose firing is the step")
    negated: bool = Field(default=False, description="Written as `not: ...`: this must not happen")

    @model_validator(mode="after")
    def _one(self) -> "Step":
        if (self.when is None) == (self.rule is None):
            raise ValueError("a step is a condition, 'when: ...', or 'rule: NAME'; say one of them")
        return self


def _read_step(value: Any) -> Any:
    if isinstance(value, str):
        return {"when": value}
    if isinstance(value, dict) and set(value) == {"not"}:
        inner = _read_step(value["not"])
        if isinstance(inner, dict) and "negated" not in inner:
            return {**inner, "negated": True}
        raise ValueError("'not' holds a condition or 'rule: NAME'")
    if isinstance(value, dict) and "negated" in value:
        raise ValueError("a negated step is written 'not: ...'")
    return value


SaidStep = Annotated[
    Step,
    BeforeValidator(_read_step),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"when": {"type": "string"}, "rule": {"type": "string"}, "not": {}},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Match(Part):
    """Exactly one of the kinds is said, and `within`."""

    count: Compared | None = Field(default=None, description="How many signals of one group: `>= 20`")
    distinct: str | None = Field(default=None, description="How many different values of a field they have")
    rate: Rate | None = Field(default=None, description="How many signals in a second, minute or hour: `> 5/s`")
    sum: str | None = Field(default=None, description="The sum of a field of theirs")
    avg: str | None = Field(default=None, description="The mean of a field of theirs")
    min: str | None = Field(default=None, description="The smallest value of a field of theirs")
    max: str | None = Field(default=None, description="The largest value of a field of theirs")
    percentile: str | None = Field(default=None, description="The value of a field below which `p` percent of them are")
    p: float | None = Field(default=None, gt=0, le=100, description="For `percentile`: which, by nearest rank")
    interpolate: bool = Field(
        default=False, description="For `percentile`: between the two nearest values, as a median is, not one of them"
    )
    is_: Compared | None = Field(default=None, alias="is", description="What the value is compared with: `> 500`")
    of: Texts = Field(
        default=(), description="Of windows: rules whose firings count, beside the signals that meet `when`"
    )
    again: bool = Field(
        default=False, description="Of values: signals without the value add nothing, but fire again what still holds"
    )
    steps: dict[str, SaidStep] | None = Field(
        default=None, description="What has to happen, by name: conditions, rules, or `not` one of these"
    )
    same: Texts | dict[str, Texts] = Field(
        default=(), description="For `steps`: fields that must be equal; by step where they are called differently"
    )
    where: str | None = Field(
        default=None,
        description="For `steps`: a CEL condition over `steps.NAME.FIELD`, of the signals that come together",
    )
    holds: str | None = Field(
        default=None,
        description="For `steps`: a CEL condition over `steps.NAME`, each true if it happened within the span, in whatever order",
    )
    order: Literal["any", "listed"] = Field(default="any", description="For `steps`: the order in which they come")
    expect: Literal["all"] | None = Field(
        default=None, description="For `steps`: `all` fires when one has happened and not all come in time"
    )
    at_least: int | None = Field(default=None, ge=1, description="For `steps`: so many of them suffice")
    combinations: Literal["one", "each"] = Field(
        default="one", description="For `steps`: `each` makes every combination of signals an incident of its own"
    )
    consume: bool = Field(default=False, description="For `steps`: signals that fired take part in no further firing")
    doubles: Literal["wait", "lost"] = Field(
        default="wait",
        description="With `consume`: what becomes of signals that are enough only if one stands for several steps; `lost` uses them up and fires nothing",
    )
    overlap: bool = Field(default=False, description="For `steps`: one signal may stand for several steps of a firing")
    absent: str | None = Field(default=None, description="A CEL condition; fires when no signal met it for the span")
    at_once: bool = Field(
        default=False, description="For `absent`: what was never heard is missed from the start, not after the span"
    )
    within: Span = Field(
        gt=0, description="The span: of event time with both ends included; for deadlines, of time of acceptance"
    )
    span: SpanKind = Field(
        default="sliding",
        description="`sliding`: ends at each signal; `tumbling`: spans laid end to end since 1970; `session`: no gap is longer",
    )

    @field_validator("same", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return {str(name): said for name, said in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fits(self) -> "Match":
        said = [kind for kind in KINDS if getattr(self, kind) is not None]
        if said == ["count", "distinct"] and self.is_ is None:
            said = ["distinct"]
        if len(said) != 1:
            raise ValueError(f"a match says one of {', '.join(KINDS)}; found {' and '.join(said) or 'none of them'}")
        kind = said[0]
        if (kind in VALUED) != (self.compared is not None and (self.is_ is not None or self.count is not None)):
            if kind in VALUED:
                raise ValueError(f"{kind!r} needs what it is compared with: {{{kind}: ..., is: '> 5', within: 5m}}")
            if self.is_ is not None:
                raise ValueError(f"'is' belongs to {', '.join(sorted(VALUED))}; {kind!r} has its comparison itself")
        if (self.percentile is not None) != (self.p is not None):
            raise ValueError(
                "'percentile' and 'p' go together: {percentile: measures.ms, p: 95, is: '> 500', within: 5m}"
            )
        if self.interpolate and self.percentile is None:
            raise ValueError("'interpolate' belongs to 'percentile'")
        if self.again and kind not in VALUED:
            raise ValueError(f"'again' belongs to {', '.join(sorted(VALUED))}: {kind!r} looks at no value")
        if self.at_once and kind != "absent":
            raise ValueError("'at_once' belongs to 'absent'")
        if self.of and kind in ("steps", "absent"):
            raise ValueError("'of' belongs to windows; a step that is a rule is written 'NAME: {rule: NAME}'")
        self._bounded(kind)
        self._stepwise(kind)
        return self

    @property
    def kind(self) -> Kind:
        said = [kind for kind in KINDS if getattr(self, kind) is not None]
        return said[-1] if said[0] == "count" else said[0]

    @property
    def compared(self) -> "Compared | None":
        """What the number is compared with, for windows."""
        return self.is_ or self.count or self.rate

    @property
    def value(self) -> str | None:
        """The field whose values are looked at."""
        kind = self.kind
        return getattr(self, kind) if kind in VALUED else None

    def _bounded(self, kind: Kind) -> None:
        for term in self.compared.terms if self.compared is not None and kind in ("count", "distinct") else ():
            if term.number != int(term.number) or not 0 <= term.number <= MOST_COUNTED:
                raise ValueError(f"signals are counted in whole numbers up to {MOST_COUNTED}, found {str(term)!r}")

    def _stepwise(self, kind: Kind) -> None:
        if kind != "steps":
            only = (
                "same",
                "where",
                "holds",
                "order",
                "expect",
                "at_least",
                "combinations",
                "consume",
                "doubles",
                "overlap",
            )
            if wrong := [name for name in only if name in self.model_fields_set]:
                raise ValueError(f"{wrong[0]!r} belongs to 'steps'")
            if kind == "absent" and "span" in self.model_fields_set:
                raise ValueError("'span' belongs to windows; 'absent' has 'within' alone")
            return
        steps = self.steps or {}
        positive = [name for name, step in steps.items() if not step.negated]
        if not 1 < len(steps) <= MOST_STEPS or not positive:
            raise ValueError(f"'steps' names 2 to {MOST_STEPS} steps, one of them at least not negated")
        if "span" in self.model_fields_set:
            raise ValueError("'span' belongs to windows; 'steps' have 'within' alone")
        if isinstance(self.same, dict) and (unknown := sorted(set(self.same) - set(steps))):
            raise ValueError(f"'same' names no step {unknown[0]!r}; there are {', '.join(steps)}")
        if isinstance(self.same, dict) and len({len(paths) for paths in self.same.values()}) > 1:
            raise ValueError("'same' names as many fields for one step as for another")
        other = ("where", "expect", "at_least", "consume")
        if self.holds is not None and (
            any(getattr(self, name) for name in other) or self.order == "listed" or self.combinations == "each"
        ):
            raise ValueError(
                f"'holds' says all about which steps happen; it goes with none of {', '.join(other)}, order"
            )
        if self.holds is not None and len(positive) < len(steps):
            raise ValueError("with 'holds' a step that must not happen is written there: '!steps.NAME'")
        if self.at_least is not None and not self.at_least <= len(positive):
            raise ValueError(f"'at_least' is at most the number of steps that are to happen, {len(positive)}")
        if self.at_least is not None and self.where is not None:
            raise ValueError("'where' needs every step; it does not go with 'at_least'")
        if self.at_least is not None and (self.order == "listed" or self.expect):
            raise ValueError("'at_least' goes with 'order: any' alone")
        if self.doubles == "lost" and (not self.consume or self.overlap):
            raise ValueError("'doubles: lost' goes with 'consume: true', and not with 'overlap'")
        if len(positive) < len(steps) and self.expect:
            raise ValueError("'expect: all' has no 'not': it fires when steps do not come")
