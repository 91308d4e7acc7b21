"""Money: what an answer may cost at most, set aside before it is asked for, and what it did cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connectors.ports.model import ModelRequest
from processors.analyst.loop.bounds import tokens
from processors.analyst.loop.case import Case, Price, Window
from processors.analyst.loop.prompt import CHARACTERS_PER_TOKEN, LEAST_ANSWER, characters
from schemas import Step, Usage

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that fits the bounds, and what is set aside for it."""

    request: ModelRequest
    reserved: Usage


@dataclass(frozen=True, slots=True)
class TooDear:
    """Another answer could go beyond a bound; `because` says which."""

    because: str


def cost(usage: Usage, price: Price) -> float:
    """US dollars."""
    return (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_tokens * price.cache_write
    ) / MILLION


def plan(case: Case, request: ModelRequest, window: Window, *, last: bool) -> Planned | TooDear:
    """Whether the request fits what is left of money and tokens, at the worst: everything read anew, the whole length written. The last
    answer of an investigation may be shortened to fit. Pure."""
    read = expected_tokens(request, case.round)
    analyst = case.playbook.front.analyst
    dollars = {"US dollars": analyst.max_cost_usd - sum(step.usage.cost_usd for step in case.round)}
    dollars |= {each.name: each.limit - each.used for each in case.shared if "tokens" not in each.name}
    left = {"tokens": analyst.max_tokens - sum(map(tokens, case.round))}
    left |= {each.name: each.limit - each.used for each in case.shared if "tokens" in each.name}
    write = request.max_tokens
    dearest_read = max(window.price.input, window.price.cache_write)
    for name, rest in dollars.items():
        if window.price.output > 0:
            write = min(write, int((rest * MILLION - read * dearest_read) / window.price.output))
        elif read * dearest_read > rest * MILLION:
            write = 0
        if write < (LEAST_ANSWER if last else request.max_tokens):
            return TooDear(f"{rest:.4f} of {name} are left")
    for name, rest in left.items():
        write = min(write, int(rest - read))
        if write < (LEAST_ANSWER if last else request.max_tokens):
            return TooDear(f"{max(0, int(rest)):,} of {name} are left")
    usage = Usage(input_tokens=read, output_tokens=write, model_calls=1)
    dollars_set_aside = (read * dearest_read + write * window.price.output) / MILLION
    return Planned(replace(request, max_tokens=write), usage.model_copy(update={"cost_usd": dollars_set_aside}))


def expected_tokens(request: ModelRequest, steps: Sequence[Step]) -> int:
    """Tokens a request is read as: by what the last answer's turned out to be, else by three characters each; never fewer than four each."""
    size = characters(request)
    for step in reversed(steps):
        asked = step.arguments.get("characters") if step.kind == "model_call" and step.success else None
        usage = step.usage
        known = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        if isinstance(asked, int) and asked > 0 and known > 0:
            return int(max(size / 4, 1.1 * size * known / asked)) + 1
    return int(size / CHARACTERS_PER_TOKEN) + 1
