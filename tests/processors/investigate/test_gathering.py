"""What is gathered where it is configured, and the briefing a model begins with."""

import asyncio
from typing import Any

import pytest

from playbooks.library import load_library
from playbooks.load import read
from processors.analyst.briefing import MOST
from processors.investigate import Intake
from schemas import Conclusion
from schemas.document import DocumentInvalid
from tests.support.checkout_story import night
from tests.support.model_server import Asked
from tests.support.mortal import Killed, Mortal
from tests.support.probe_tool import Probe
from tests.support.talk import APIS, SIGNALS, Talk, concludes, over, playbook

INCIDENT, _, _ = night()
MORE = "gather_configured: [look.deep, look.first, shape.seen]"


def gathering(w: Any, *names: str) -> dict[str, Probe]:
    """A world with one playbook and these tools."""
    probes = {name: Probe(name) for name in names}
    book = playbook(f"analyst: {{model: none}}\n{MORE}")
    w.tools, w.library = probes, type(w.library)({book.name: book})
    return probes


@pytest.mark.parametrize(
    ("tools", "asked"),
    [
        (("look.first", "look.deep", "shape.seen"), ["look.first", "look.deep", "shape.seen"]),
        (("look.first", "shape.seen"), ["look.first", "shape.seen"]),
        (("look.first",), ["look.first"]),
        ((), ["look.first"]),
    ],
)
def test_tools_that_are_configured_are_asked_after_the_others_and_those_that_are_not_leave_no_trace(
    world: Any, tools: tuple[str, ...], asked: list[str]
) -> None:
    async def main() -> None:
        async with world() as w:
            gathering(w, *tools)
            await w.select(INCIDENT, SIGNALS, playbook="looks")
            await w.processor().drain()
            steps = [each.data["step"] for each in await w.decisions() if each.kind == "investigation.step"]
            assert [step["name"] for step in steps] == [*asked, "incident.now"]
            assert [step["success"] for step in steps] == [*(name in tools for name in asked), True]
            assert (await w.kinds())[-1] == "investigation.concluded"

    asyncio.run(main())


def test_what_is_gathered_is_decided_once_and_holds_for_the_next_worker(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            probes = gathering(w, "look.first", "look.deep")
            await w.select(INCIDENT, SIGNALS, playbook="looks")
            await Intake(w.journal, w.library).step()
            with pytest.raises(Killed):
                await w.workers(Mortal(w.journal, 2, after=True)).one()
            w.clock.advance(seconds=61)
            w.tools = {
                **{name: probe for name, probe in probes.items() if name == "look.first"},
                "shape.seen": Probe("shape.seen"),
            }
            assert await w.workers().one()
            steps = [each.data["step"] for each in await w.decisions() if each.kind == "investigation.step"]
            assert [step["name"] for step in steps] == ["look.first", "look.deep", "incident.now"]
            assert "no tool 'look.deep'" in steps[1]["error"], (
                "it was there when it was decided, and is said to be gone"
            )

    asyncio.run(main())


def test_shipped_playbooks_gather_from_what_is_configured() -> None:
    for book in load_library():
        assert {"prometheus.range", "kubernetes.describe"} <= set(book.front.gather_configured), book.name
        assert book.gathers(()) == book.front.gather
        assert book.gathers({"prometheus.range"}) == (*book.front.gather, "prometheus.range")
        assert all(book.may_ask(name) for name in book.front.gather_configured)


def test_a_slip_of_the_pen_among_them_is_a_fault() -> None:
    text = "---\nname: x\ndescription: x\ngather_configured: [look.frist]\n---\nLook.\n"
    with pytest.raises(DocumentInvalid, match=r"did you mean 'look\.first'"):
        read("x.md", text, {}, tools={"look.first"})


@pytest.mark.parametrize("api", APIS)
def test_a_model_begins_with_what_the_records_alone_say_ranked_and_with_ids_to_cite(world: Any, api: str) -> None:
    async def check(t: Talk) -> None:
        first: Asked = t.server.asked[0]
        assert len(first.body["messages"]) <= 2
        start = first.text[first.text.index("What the records alone say") :]
        (weighed,) = await t.steps("weighed")
        made = Conclusion.model_validate(weighed["result"])
        assert f"verdict: {made.verdict}" in start and f"1. ({made.hypothesis.confidence:.2f})" in start
        assert "for: [" in start and "kind of cause: " in start
        for each in made.evidence[:3]:
            assert f"[{each.cites.replace(weighed['investigation_id'], 'step')}]" in start
        assert len(start) < MOST + 2000

    said = over(world, [concludes(("step/0", "fine"))], api=api, check=check)
    assert said["conclusion"]["analyst"] == "p/m"
