"""The whole loop with a scripted model on the real wire: turns, tools, conclusions that go back, and every way a model can fail."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from processors.investigate.events import Ended, Failed, Recorded, Writing
from tests.support.model_server import Asked, Fault, Hangs, Says
from tests.support.probe_tool import Probe
from tests.support.talk import APIS, GOOD, SIGNALS, Talk, asks, by_turn, concludes, over, playbook, prepare, run, talk

both = pytest.mark.parametrize("api", APIS)


@both
def test_a_model_asks_tools_and_concludes_with_evidence(world: Any, api: str) -> None:
    async def check(t: Talk) -> None:
        names = [step["name"] for step in await t.steps()]
        assert names == ["look.first", "incident.now", "weighed", "p/m", "look.more", "look.deep", "p/m"]
        first, second = t.server.asked
        assert {"look.first", "look.more", "look.deep", "conclude"} == set(first.tools)
        assert "step/4" in second.text and "step/5" in second.text
        assert [type(each) for each in t.events][-2:] == [Recorded, Ended]
        written = "".join(
            each.piece.text for each in t.events if isinstance(each, Writing) and each.piece.kind == "text"
        )
        assert written == "Let me look."

    script = [
        asks(("look.more", {}), ("look.deep", {})),
        concludes(("step/4", "fine"), (SIGNALS[0].id, SIGNALS[0].title)),
    ]
    said = over(world, script, api=api, check=check)
    conclusion = said["conclusion"]
    assert conclusion["verdict"] == "actionable" and conclusion["analyst"] == "p/m"
    assert conclusion["evidence"][0]["cites"].endswith("/4")
    assert said["usage"]["model_calls"] == 2 and said["usage"]["input_tokens"] == 200
    assert said["usage"]["cost_usd"] == pytest.approx((200 * 3 + 40 * 15) / 1e6)


@both
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (concludes(("step/99", "fine")), "no recorded step"),
        (concludes(("step/0", "not said anywhere")), "does not stand in"),
        (concludes(), "no evidence"),
        (concludes(("step/0", "fine"), verdict="dreadful"), "verdict"),
        (concludes(("step/0", "fine"), component="mainframe-7"), "component"),
        (concludes(("step/0", "fine"), change={"kind": "commit", "id": "abcdef0123"}), "abcdef0123"),
        (concludes(("step/0", "fine"), summary="Prometheus shows nothing."), "prometheus"),
        (concludes(("step/0", "fine"), actions=[{"kind": "shell.run"}]), "shell.run"),
        (Says(calls=(("conclude", '{"verdict": noise}'),)), "JSON"),
    ],
    ids=["citation", "quote", "evidence", "schema", "component", "change", "system", "action", "json"],
)  # fmt: skip
def test_a_conclusion_that_does_not_hold_goes_back_with_the_reason(
    world: Any, api: str, bad: Says, reason: str
) -> None:
    async def check(t: Talk) -> None:
        assert reason.lower() in t.server.asked[1].last.lower()

    said = over(world, [bad, GOOD], api=api, check=check)
    assert said["conclusion"]["analyst"] == "p/m"


def test_a_conclusion_goes_back_at_most_twice_and_then_the_records_alone_conclude(world: Any) -> None:
    async def check(t: Talk) -> None:
        assert t.server.calls == 3

    said = over(world, lambda _: concludes(("step/99", "x")), check=check)
    assert said["conclusion"]["analyst"] == "none"


@both
@pytest.mark.parametrize("fault", [Fault(529, "overloaded_error"), Fault(429, "rate_limit_error", headers=(("retry-after", "0"),)), Says("I", drop_after=2)])  # fmt: skip
def test_a_model_that_stumbles_is_asked_again(world: Any, api: str, fault: Any) -> None:
    async def check(t: Talk) -> None:
        assert t.server.calls == 3 and sum(isinstance(each, Failed) for each in t.events) == 2
        (step,) = await t.steps("p/m")
        assert len(step["arguments"]["failures"]) == 2

    assert over(world, [fault, fault, GOOD], api=api, check=check)["conclusion"]["analyst"] == "p/m"


@both
@pytest.mark.parametrize("fault", [Fault(529, "overloaded_error"), Fault(401, "authentication_error"), Fault(400, "invalid_request_error"), Says("no", stop="refusal"), Fault(429, "rate_limit_error", headers=(("retry-after", "3600"),))])  # fmt: skip
def test_when_a_model_cannot_the_next_one_is_asked(world: Any, api: str, fault: Any) -> None:
    scripts = {"p": lambda _: fault, "q": [asks(("look.more", {})), GOOD]}

    async def check(t: Talk) -> None:
        assert [step["name"] for step in await t.steps("p/m", "q/m")] == ["q/m", "q/m"]

    assert over(world, scripts, api=api, check=check)["conclusion"]["analyst"] == "q/m"


@both
@pytest.mark.parametrize(
    "fault", [Fault(529, "overloaded_error"), Fault(401, "authentication_error"), Says("I", drop_after=2)]
)
def test_when_no_model_answers_the_records_alone_conclude(world: Any, api: str, fault: Any) -> None:
    async def check(t: Talk) -> None:
        (failed,) = [step for step in await t.steps() if step["kind"] == "model_call"]
        assert failed["success"] is False and failed["error"]

    said = over(world, {"p": lambda _: fault, "q": lambda _: fault}, api=api, check=check)
    assert said["conclusion"]["analyst"] == "none" and said["conclusion"]["evidence"]


def test_a_model_that_fails_in_the_middle_leaves_what_it_gathered(world: Any) -> None:
    said = over(world, [asks(("look.more", {})), *[Fault(500)] * 9])
    assert said["conclusion"]["analyst"] == "none" and said["steps"] == 6


@both
def test_malformed_arguments_are_not_executed_and_are_repaired_by_one_more_turn(world: Any, api: str) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w)
            broken = Says(calls=(("look.more", '{"text": celsius}'),))
            async with talk(w, [broken, asks(("look.more", {})), GOOD], api=api) as t:
                await run(t)
                assert probes["look.more"].calls == 1
                assert "not valid JSON" in t.server.asked[1].last
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_what_is_not_on_offer_is_not_asked(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w, playbook(tools="[look.more]"), other_secret=Probe("other.secret"))
            async with talk(w, [asks(("other.secret", {}), ("look.deep", {}), ("look.more", {})), GOOD]) as t:
                await run(t)
                assert probes["other.secret"].calls == probes["look.deep"].calls == 0 and probes["look.more"].calls == 1
                assert "not on offer" in t.server.asked[1].last

    asyncio.run(main())


def test_a_tool_that_comes_or_goes_between_turns_is_seen(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w)

            def second(asked: Asked) -> Says:
                assert "look.new" in asked.tools and "look.deep" not in asked.tools
                return asks(("look.new", {}), ("look.deep", {}))

            async def changes() -> str:
                w.tools["look.new"] = probes["look.new"] = Probe("look.new")
                del w.tools["look.deep"]
                return "changed"

            w.tools["look.more"] = Probe("look.more", changes)
            async with talk(w, by_turn(asks(("look.more", {})), second, GOOD)) as t:
                await run(t)
                assert probes["look.new"].calls == 1
                assert (await t.concluded())["conclusion"]["analyst"] == "p/m"

    asyncio.run(main())


def test_the_same_question_is_not_asked_again(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w)
            same = asks(("look.more", {}))
            async with talk(w, [same, same, asks(("look.more", {}), ("look.more", {})), GOOD]) as t:
                await run(t)
                assert probes["look.more"].calls == 1
                assert "step/4" in t.server.asked[2].last and "asked before" in t.server.asked[2].last

    asyncio.run(main())


def test_who_goes_round_in_circles_is_told_and_then_made_to_conclude(world: Any) -> None:
    def circles(asked: Asked) -> Says:
        return GOOD if asked.forced == "conclude" else asks(("look.more", {}))

    async def check(t: Talk) -> None:
        assert "no new evidence" in t.server.asked[4].last
        assert t.server.asked[-1].forced == "conclude" and t.server.calls == 6

    assert over(world, circles, check=check)["conclusion"]["analyst"] == "p/m"


def test_who_only_talks_is_reminded_and_then_made_to_conclude(world: Any) -> None:
    def talks(asked: Asked) -> Says:
        return GOOD if asked.forced else Says("I think it is the database.")

    async def check(t: Talk) -> None:
        assert [asked.forced for asked in t.server.asked] == [None, None, "conclude"]

    assert over(world, talks, check=check)["conclusion"]["analyst"] == "p/m"


def test_who_talks_even_then_is_left(world: Any) -> None:
    said = over(world, lambda _: Says("I think it is the database."))
    assert said["conclusion"]["analyst"] == "none"


def test_an_answer_cut_off_by_its_length_executes_nothing_and_goes_on(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = prepare(w)
            cut = Says(calls=(("look.more", "{}"),), stop="max_tokens")
            async with talk(w, [cut, asks(("look.more", {})), GOOD]) as t:
                await run(t)
                assert probes["look.more"].calls == 1

    asyncio.run(main())


def test_a_hanging_model_costs_its_share_of_the_time_and_the_next_one_concludes(world: Any) -> None:
    # The deadline of the whole investigation is 2 s, kept for the last answer are 0.4 s of it.
    said = over(world, {"p": lambda _: Hangs(), "q": [GOOD]}, playbook("analyst: {timeout: 2s}"))
    assert said["conclusion"]["analyst"] == "q/m"


def test_a_failing_tool_is_an_answer_too(world: Any) -> None:
    async def broken() -> str:
        raise KeyError("surprise")

    async def main() -> None:
        async with world() as w:
            prepare(w, look_broken=Probe("look.broken", broken))
            async with talk(w, [asks(("look.broken", {})), GOOD]) as t:
                await run(t)
                assert "surprise" in t.server.asked[1].last and "is_error" in t.server.asked[1].last

    asyncio.run(main())


def test_thoughts_go_back_to_the_model_that_had_them(world: Any) -> None:
    async def check(t: Talk) -> None:
        assert any(block["type"] == "thinking" for block in t.server.asked[1].body["messages"][1]["content"])

    over(world, [replace(asks(("look.more", {})), thinking="First the logs."), GOOD], check=check)


def test_a_playbook_without_a_model_asks_none(world: Any) -> None:
    async def check(t: Talk) -> None:
        assert t.server.calls == 0

    assert over(world, [], playbook("analyst: {model: none}"), check=check)["conclusion"]["analyst"] == "none"
