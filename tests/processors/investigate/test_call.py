"""A tool may fail, hang, babble or break: there is always an answer that can be recorded."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.ports.tool import ToolContext, ToolFailed
from playbooks.load import read
from processors.analyst.loop.case import Case
from processors.analyst.loop.moves import Ask, Conclude, Look, Move
from processors.analyst.loop.next import next_move
from processors.investigate.call import Answer, call
from schemas import Investigation, Step
from schemas.time import SECOND
from tests.support.checkout_story import NOW, ListArchive, checkout_incident
from tests.support.probe_tool import Probe

CONTEXT = ToolContext(checkout_incident(), (), ListArchive(), NOW)


def ask(act: Callable[[], Awaitable[str]] | None, *, left_s: float = 60, **limits: float) -> Answer:
    probe = Probe("logs.around", act, **limits)
    return asyncio.run(call({"logs.around": probe}, "logs.around", {}, CONTEXT, left_s=left_s))


async def hangs() -> str:
    await asyncio.Event().wait()
    return ""


async def will_not_stop() -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(2)
    return "too late"


async def fails() -> str:
    raise ToolFailed("GET /logs from 10:00 to 11:00: 503 overloaded")


async def breaks() -> str:
    raise KeyError("surprise")


async def gives_up() -> str:
    raise asyncio.CancelledError


async def babbles() -> str:
    return "x" * 2000


def test_an_answer_is_plain_json() -> None:
    assert ask(None) == Answer(True, {"text": "fine"})


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (hangs, "'logs.around' gave no answer within 0.05 s"),
        (will_not_stop, "'logs.around' gave no answer within 0.05 s"),
        (fails, "GET /logs from 10:00 to 11:00: 503 overloaded"),
        (breaks, "'logs.around' broke: KeyError: 'surprise'"),
        (gives_up, "'logs.around' gave up by itself"),
        (babbles, "answered 2011 bytes, at most 1000 are taken: narrow it"),
    ],
)
def test_what_goes_wrong_is_told_in_the_answer(act: Callable[[], Awaitable[str]], told: str) -> None:
    answer = ask(act, deadline_s=0.05)
    assert not answer.success and answer.result is None and answer.error is not None
    assert told in answer.error


def test_the_time_left_is_a_deadline_too() -> None:
    assert "within 0.02 s" in str(ask(hangs, left_s=0.02).error)
    assert "was not asked" in str(ask(None, left_s=0).error)


def test_an_unknown_tool_is_told_with_those_there_are() -> None:
    answer = asyncio.run(call({"a.b": Probe("a.b")}, "c.d", {}, CONTEXT, left_s=1))
    assert answer.error == "no tool 'c.d' is configured; there is a.b"


def test_the_next_move_follows_from_what_is_recorded_alone() -> None:
    playbook = read("x.md", "---\nname: x\ndescription: x\ngather: [a.b, c.d]\nanalyst: {timeout: 10s}\n---\n", {})

    def step(index: int, took_s: float) -> Step:
        finished = NOW + round(took_s * SECOND)
        return Step(
            id=f"i/{index}",
            investigation_id="i",
            index=index,
            kind="tool_call",
            name="a.b",
            started_at=NOW,
            finished_at=finished,
        )

    begun = Investigation(
        id="i", incident_id="x", playbook="x", playbook_version="1", incident=checkout_incident(), queued_at=NOW
    )

    def move(*steps: Step) -> Move:
        return next_move(Case(begun, playbook, (), steps, NOW))

    assert move() == Ask(0, "a.b", 10.0)
    assert move(step(0, 4)) == Ask(1, "c.d", 6.0)
    assert move(step(0, 40)) == Ask(1, "c.d", 0.0), "its time is used up: recorded as not asked"
    assert move(step(0, 4), step(1, 1)) == Look(2)
    assert move(step(0, 4), step(1, 1), step(2, 0)) == Conclude()
