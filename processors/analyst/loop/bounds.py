"""Bounds: what an investigation may use, how near it is, and when it must come to its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from playbooks.model import Analyst
from processors.analyst.loop.names import OWN
from schemas import Step
from schemas.time import SECOND

TOLD_AT = 0.8
"""The share at which the model is told."""
GRACE = 0.2
"""The share of the time that is kept for the last answer, at most `GRACE_S`."""
GRACE_S = 30.0
CACHED = 0.1
"""What a token out of the cache counts."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A bound many investigations share: of the playbook's day, the whole day, the storm. `used` has this investigation in it."""

    name: str
    used: float
    limit: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of one bound is used."""

    name: str
    used: float
    limit: float

    @property
    def share(self) -> float:
        """1 and more: used up."""
        return self.used / self.limit if self.limit > 0 else float("inf")

    def __str__(self) -> str:
        return f"{self.name}: {self.used:,.4g} of {self.limit:,.4g}"


def standings(
    analyst: Analyst, steps: Sequence[Step], asked: Sequence[Step], shared: Sequence[Shared]
) -> tuple[Standing, ...]:
    """Every bound; the turn that begins counts, so that the last one is the one that concludes. `steps` are all of the investigation (time), `asked` those of this round (turns, calls, tokens, money)."""
    turns = [step for step in asked if step.kind == "model_call"]
    calls = [step for step in asked if step.kind == "tool_call" and step.name not in OWN]
    timeout_s = analyst.timeout / SECOND
    own = (
        Standing("turns", len(turns) + 1, analyst.max_turns),
        Standing("tool calls", len(calls), analyst.max_tool_calls),
        Standing("seconds", spent_s(steps), timeout_s - grace_s(timeout_s)),
        Standing("tokens", sum(map(tokens, asked)), analyst.max_tokens),
        Standing("US dollars", sum(step.usage.cost_usd for step in asked), analyst.max_cost_usd),
    )
    return (*own, *(Standing(each.name, each.used, each.limit) for each in shared))


def tokens(step: Step) -> float:
    """Tokens of a step, as they are counted against a bound."""
    usage = step.usage
    return usage.input_tokens + usage.output_tokens + usage.cache_write_tokens + CACHED * usage.cache_read_tokens


def spent_s(steps: Sequence[Step]) -> float:
    """Seconds of work; what nobody worked at does not count."""
    return sum(max(0, step.finished_at - step.started_at) for step in steps) / SECOND


def grace_s(timeout_s: float) -> float:
    """What is kept for the last answer."""
    return min(GRACE_S, GRACE * timeout_s)


def left_s(analyst: Analyst, steps: Sequence[Step], *, last: bool) -> float:
    """Seconds an answer may take; the last one may use what was kept for it."""
    timeout_s = analyst.timeout / SECOND
    return max(0.0, timeout_s - spent_s(steps) - (0.0 if last else grace_s(timeout_s)))


def used_up(standing: Sequence[Standing]) -> tuple[Standing, ...]:
    """Bounds at which there must be an end."""
    return tuple(each for each in standing if each.used >= each.limit)


def near(standing: Sequence[Standing], told: Sequence[str]) -> tuple[Standing, ...]:
    """Bounds from 80 % on of which the model does not know yet."""
    return tuple(each for each in standing if each.share >= TOLD_AT and each.name not in told)
