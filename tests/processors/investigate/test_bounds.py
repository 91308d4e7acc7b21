"""Bounds: the model is told at 80 %, must conclude at 100 %, and is left when it does not; money is never overdrawn."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from processors.analyst.loop.case import Price
from processors.investigate import Facts, Limits, Storms
from processors.investigate.rows import SPENDING
from schemas import Usage, to_rfc3339
from tests.support.echo_tool import Echo
from tests.support.model_server import Asked, Fault, Says
from tests.support.probe_tool import Probe
from tests.support.talk import (
    APIS,
    GOOD,
    INCIDENT,
    PRICE,
    SIGNALS,
    Talk,
    asks,
    by_turn,
    concludes,
    over,
    playbook,
    prepare,
    run,
    talk,
)


def digs(asked: Asked) -> Says:
    """A model that never has enough: each question is another one. It concludes when it must."""
    if asked.forced == "conclude":
        return GOOD
    number = asked.text.count("step/")
    return asks(
        ("look.any", {"text": f"{number} {'abcdefghijklmnopqrstuvwxyz'[number % 26] * 20}"}),
        input_tokens=1000,
        output_tokens=100,
    )


def never(asked: Asked) -> Says:
    """One that does not conclude even then."""
    return digs(Asked(asked.api, asked.path, asked.headers, {**asked.body, "tool_choice": {}}))


def bounded(
    world: Any, script: Callable[[Asked], Says], text: str, check: Any = None, **settings: Any
) -> dict[str, Any]:
    return over(world, script, playbook(text), check=check, tools={"look_any": Echo("look.any")}, **settings)


CONTEXT = 5000
BOUNDS = {
    "turns": "analyst: {max_turns: 5}",
    "tool calls": "analyst: {max_tool_calls: 5}",
    "tokens": "analyst: {max_tokens: 20000}",
    "US dollars": "analyst: {max_cost_usd: 0.09}",
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", BOUNDS)
def test_near_a_bound_the_model_is_told_and_at_it_it_must_conclude(world: Any, name: str, api: str) -> None:
    async def check(t: Talk) -> None:
        (last,) = [asked for asked in t.server.asked if asked.forced]
        assert last is t.server.asked[-1] and "Conclude now" in last.text
        told = [step["arguments"]["about"] for step in await t.steps("budget")]
        assert told[-1] == "end"
        if name in ("turns", "tool calls"):
            assert told == [name, "end"]

    said = bounded(world, digs, BOUNDS[name], check, api=api)
    assert said["conclusion"]["analyst"] == "p/m"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", BOUNDS)
def test_who_does_not_conclude_at_a_bound_is_left_and_the_records_conclude(world: Any, name: str, api: str) -> None:
    async def check(t: Talk) -> None:
        assert sum(asked.forced is not None for asked in t.server.asked) == 1

    assert bounded(world, never, BOUNDS[name], check, api=api)["conclusion"]["analyst"] == "none"


@pytest.mark.parametrize("most", [0.0, 0.005, 0.03, 0.06, 0.2])
def test_money_is_never_overdrawn_whatever_a_model_costs(world: Any, most: float) -> None:
    def dear(asked: Asked) -> Says:
        said = digs(asked)
        return Says(said.text, said.calls, input_tokens=len(asked.text) // 4, output_tokens=asked.body["max_tokens"])

    said = bounded(world, dear, f"analyst: {{max_cost_usd: {most}, max_turns: 40}}")
    assert said["usage"]["cost_usd"] <= most


def test_the_last_answer_is_shortened_to_what_is_left(world: Any) -> None:
    async def check(t: Talk) -> None:
        assert 512 <= t.server.asked[-1].body["max_tokens"] < 2000

    bounded(world, digs, BOUNDS["US dollars"], check)


def test_time_is_a_bound_of_model_and_tools_together(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w, playbook("analyst: {timeout: 1m}"))

            async def slow() -> str:
                w.clock.advance(seconds=45)
                return "slow"

            def second(asked: Asked) -> Says:
                assert "Nearly used up: seconds" in asked.last or "Used up" in asked.last
                return GOOD

            w.tools["look.more"] = Probe("look.more", slow)
            async with talk(w, by_turn(asks(("look.more", {})), second)) as t:
                await run(t)
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def today(w: Any) -> str:
    return to_rfc3339(w.clock.now())[:10]


SHARED = {
    "day": (Limits(day_usd=0.4), "US dollars today"),
    "playbook": (Limits(), "US dollars today for playbook 'looks'"),
    "storm": (Limits(storm_usd=0.4), "US dollars for this storm"),
    "tokens": (Limits(day_tokens=60_000), "tokens today"),
}


@pytest.mark.parametrize("which", SHARED)
def test_a_day_and_a_storm_are_bounds_over_all_investigations(world: Any, which: str) -> None:
    limits, name = SHARED[which]
    text = "analyst: {day_cost_usd: 0.4}" if which == "playbook" else ""
    storms = Storms(after=100 if which == "storm" else 0)

    def at_length(asked: Asked) -> Says:
        return replace(GOOD, input_tokens=1500, output_tokens=min(1900, asked.body["max_tokens"]))

    async def main() -> None:
        async with world() as w:
            prepare(w, playbook(text))
            async with talk(w, at_length, limits=limits, storms=storms) as t:
                for number in range(40):
                    incident = INCIDENT.model_copy(update={"id": f"inc_{number}"})
                    await run(t, incident=incident)
                ended = [each.data for each in await w.decisions() if each.kind == "investigation.concluded"]
                said = [each["conclusion"]["analyst"] for each in ended]
                assert len(said) == 40 and said[0] == "p/m" and said[-1] == "none"
                row = json.loads(await w.journal.get(SPENDING, f"day/{today(w)}"))
                assert row["usd"] == pytest.approx(sum(each["usage"]["cost_usd"] for each in ended))
                assert row["usd"] <= 0.4 or which == "tokens"
                assert row["tokens"] <= 60_000 or which != "tokens"
                told = [step["arguments"]["about"] for step in await t.steps("budget")]
                assert name in told and "end" in told
                # The next day it may think again.
                w.clock.advance(seconds=24 * 3600)
                await run(t, incident=INCIDENT.model_copy(update={"id": "inc_next"}))
                last = [each for each in await w.decisions() if each.kind == "investigation.concluded"][-1]
                assert last.data["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_many_at_once_do_not_overdraw_a_day_together(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)
            said = replace(GOOD, wait_s=0.05, input_tokens=2000, output_tokens=1900)
            async with talk(w, lambda _: said, limits=Limits(day_usd=0.2), storms=Storms(after=0), concurrency=16) as t:
                for number in range(16):
                    incident = INCIDENT.model_copy(update={"id": f"inc_{number}"})
                    await w.select(incident, SIGNALS, playbook="looks", cause=incident.id)
                await t.investigate.intake.step()
                await asyncio.gather(*(t.investigate.workers.one(owner=f"w{number}") for number in range(16)))
                concluded = [
                    each.data["conclusion"]["analyst"]
                    for each in await w.decisions()
                    if each.kind == "investigation.concluded"
                ]
                assert len(concluded) == 16 and 1 <= concluded.count("p/m") < 16
                row = json.loads(await w.journal.get(SPENDING, f"day/{today(w)}"))
                assert 0 < row["usd"] <= 0.2
                assert row["usd"] == pytest.approx(t.server.calls * (2000 * 3 + 1900 * 15) / 1e6)

    asyncio.run(main())


def test_what_is_set_aside_is_given_back_when_the_answer_is_there(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            prepare(w)

            async with talk(w, [asks(("look.more", {})), GOOD]) as t:
                await run(t)
                row = json.loads(await w.journal.get(SPENDING, f"day/{today(w)}"))
                usage = Usage.model_validate((await t.concluded())["usage"])
                assert row["usd"] == pytest.approx(usage.cost_usd) and row["tokens"] == 240

    asyncio.run(main())


def test_failed_attempts_cost_what_they_cost(world: Any) -> None:
    said = over(world, [Says("I look", drop_after=4, input_tokens=5000), GOOD])
    assert said["usage"]["cost_usd"] == pytest.approx(((5000 + 100) * PRICE.input + (1 + 20) * PRICE.output) / 1e6)


def test_a_long_conversation_goes_on_from_a_digest_of_itself_in_which_ids_survive(world: Any) -> None:
    async def long() -> str:
        return "line of a log " * 60

    async def main() -> None:
        async with world() as w:
            prepare(w)
            for name in ("look.a", "look.b", "look.c", "look.d"):
                w.tools[name] = Probe(name, long, max_bytes=100_000)

            def at_last(asked: Asked) -> Says:
                return by_name(asked) if not asked.forced else GOOD

            def by_name(asked: Asked) -> Says:
                done = [
                    name
                    for name in ("look.a", "look.b", "look.c", "look.d")
                    if f"step/{4 + 2 * 'abcd'.index(name[-1])}" in asked.text
                ]
                left = [name for name in ("look.a", "look.b", "look.c", "look.d") if name not in done]
                return (
                    asks((left[0], {}))
                    if left
                    else concludes(("step/4", "line of a log line of a log"), ("step/0", "fine"))
                )

            async with talk(w, at_last, facts=Facts(context=CONTEXT, output=512, price=Price())) as t:
                await run(t)
                compactions = await t.steps("compaction")
                assert compactions and "step/4 look.a" in compactions[0]["result"]["text"]
                said = await t.concluded()
                assert said["conclusion"]["analyst"] == "p/m"
                sizes = [len(asked.text) for asked in t.server.asked]
                assert max(sizes) < CONTEXT * 4, sizes

    asyncio.run(main())


def test_a_context_that_is_full_is_compacted_and_asked_again(world: Any) -> None:
    full = Fault(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum")

    async def check(t: Talk) -> None:
        assert await t.steps("compaction")

    assert over(world, [asks(("look.more", {})), full, GOOD], check=check)["conclusion"]["analyst"] == "p/m"
