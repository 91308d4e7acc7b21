"""What an answer repeats of its question is nobody's word: it is not weighed, and cannot be cited."""

from typing import Any

from processors.analyst.echo import unechoed
from processors.analyst.loop.seen import Seen
from schemas import Step
from tests.support.checkout_story import checkout_incident


def asked(result: Any, **arguments: Any) -> Step:
    return Step(
        id="inv_1/1", investigation_id="inv_1", index=1, kind="tool_call", name="logs.search", arguments=arguments, result=result,
        started_at=1, finished_at=2,
    )  # fmt: skip


def test_a_field_that_repeats_the_question_is_left_out_and_everything_else_stays() -> None:
    found = {"query": "text='timeout' of 'cart'", "lines": [{"text": "timeout after 5 s"}], "total": 1}
    assert unechoed(asked(found, text="timeout")).result == {"lines": [{"text": "timeout after 5 s"}], "total": 1}
    assert unechoed(asked({"asked": "/x", "arguments": {"q": "all is well"}}, q="all is well")).result == {
        "asked": "/x"
    }


def test_a_question_nobody_gave_is_an_answer() -> None:
    slow = {"query": "SELECT * FROM orders", "ms": 900}
    assert unechoed(asked({"top": [slow]}, text="orders")).result == {"top": [slow]}
    assert unechoed(asked({"query": "up == 0"})).result == {"query": "up == 0"}
    assert unechoed(asked(["query"], text="query")).result == ["query"]


def test_nobody_can_cite_his_own_question() -> None:
    step = asked({"query": "text='planned maintenance of mars'", "lines": []}, text="planned maintenance of mars")
    seen = Seen(checkout_incident(), (), (step,))
    assert seen.quote("inv_1/1", "planned maintenance") is None and not seen.mentions("mars")
