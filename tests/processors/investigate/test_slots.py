"""Parts of one's own in the slots of a running investigation, and the executor used without the loop, as docs/investigations.md shows them."""

import asyncio
from dataclasses import replace
from typing import Any

from connectors.ports.model import Answer, Call, ModelRequest, Text
from connectors.ports.tool import ToolContext
from processors.analyst.loop import Asked, Case, Denied, Mask, Slots, Told, default_slots
from processors.investigate import Executor
from schemas import Investigation
from tests.support.checkout_story import NOW
from tests.support.echo_tool import Echo
from tests.support.model_server import Asked as Question
from tests.support.model_server import Fault, Says
from tests.support.probe_tool import Probe
from tests.support.talk import GOOD, INCIDENT, SIGNALS, asks, by_turn, over, playbook


def test_a_part_in_each_slot_has_its_say_in_a_running_investigation(world: Any) -> None:
    seen: list[str] = []

    def build_prompt(request: ModelRequest, case: Case) -> ModelRequest:
        seen.append(f"build_prompt {len(case.steps)}")
        return replace(request, system=f"{request.system}\nWe are a bakery.")

    def before_model(request: ModelRequest, _case: Case) -> ModelRequest:
        assert "bakery" in request.system
        return replace(request, max_tokens=777)

    def after_model(answer: Answer, _case: Case) -> Answer:
        blocks = tuple(Text("(left out)") if isinstance(each, Text) else each for each in answer.blocks)
        return replace(answer, blocks=blocks)

    def before_tool(asked: Asked, _case: Case) -> Asked | Denied:
        return Denied("not on a Friday") if asked.name == "look.deep" else asked

    def after_tool(_asked: Asked, told: Told, _case: Case) -> Told:
        return replace(told, result={"text": f"{told.result['text']}, and it is Friday"}) if told.success else told

    async def check(t: Any) -> None:
        assert all("bakery" in asked.text and asked.body["max_tokens"] == 777 for asked in t.server.asked)
        assert [each["result"]["text"] for each in await t.steps("look.first", "look.more")] == [
            "fine, and it is Friday"
        ] * 2
        (denied,) = await t.steps("look.deep")
        assert not denied["success"] and denied["error"] == "not on a Friday"
        assert "not on a Friday" in t.server.asked[1].last and "(left out)" in t.server.asked[1].text

    own = Slots((build_prompt,), (before_model,), (after_model,), (before_tool,), (after_tool,))
    script = [asks(("look.more", {}), ("look.deep", {})), GOOD]
    assert over(world, script, check=check, slots=own)["conclusion"]["analyst"] == "p/m"
    assert seen == ["build_prompt 3", "build_prompt 6"]


def test_the_executor_asks_side_by_side_and_answers_in_order_without_a_loop() -> None:
    book = playbook()
    investigation = Investigation(
        id="inv_1", incident_id=INCIDENT.id, playbook="looks", playbook_version=book.version, incident=INCIDENT, queued_at=NOW
    )  # fmt: skip

    async def main() -> list[tuple[str, bool, str]]:
        both = asyncio.Barrier(2)

        async def meets() -> str:
            await both.wait()
            return "met"

        echo = Echo("look.any")
        tools = {"look.more": Probe("look.more", meets), "look.deep": Probe("look.deep", meets), "look.any": echo}
        executor = Executor(tools, now=lambda: NOW)
        case = Case(investigation, book, tuple(SIGNALS), (), NOW, tools=executor.shapes(book))
        calls = [
            Call("1", "look.more", {}),
            Call("2", "look.deep", {}),
            Call("3", "look.any", {"text": "x"}),
            Call("4", "look.any", {"text": "x"}),
            Call("5", "rm.all", {}),
            Call("6", "look.any", {}, fault="cut off"),
        ]
        context: Any = ToolContext(INCIDENT, SIGNALS, None, NOW)  # type: ignore[arg-type]
        used = executor.use(calls, case, default_slots(Mask()), context, first_index=0, left_s=5, room=10)
        found = [
            (each.asked.call_id, each.told.success, str(each.told.error or each.told.result)) async for each in used
        ]
        assert echo.heard == ["x"]
        return found

    found = asyncio.run(main())
    assert [(number, success) for number, success, _ in found] == [
        ("1", True), ("2", True), ("3", True), ("4", False), ("5", False), ("6", False),
    ]  # fmt: skip
    assert "call '3'" in found[3][2] and "not on offer" in found[4][2] and "cut off" in found[5][2]


def test_a_model_that_fails_again_and_again_is_left_alone_and_the_next_one_answers(world: Any) -> None:
    async def check(t: Any) -> None:
        assert t.servers["p"].calls == 4, "three attempts, one more, and then it was not asked"
        assert t.means.switchboard.health() == {"p/m": False, "q/m": True}
        last = (await t.steps("q/m"))[-1]
        assert "left alone" in last["arguments"]["failures"][0]

    answering = by_turn(asks(("look.more", {})), asks(("look.deep", {})), GOOD)
    said = over(world, {"p": lambda _: Fault(529, "overloaded_error"), "q": answering}, check=check)
    assert said["conclusion"]["analyst"] == "q/m"


def test_a_part_that_denies_everything_still_lets_an_investigation_end(world: Any) -> None:
    def never(_asked: Asked, _case: Case) -> Asked | Denied:
        return Denied("no")

    def digs(asked: Question) -> Says:
        return GOOD if asked.forced else asks(("look.more", {}))

    assert over(world, digs, slots=Slots(before_tool=(never,)))["conclusion"]["analyst"] == "p/m"
