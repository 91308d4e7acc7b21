"""What people read of each step while they follow an investigation."""

from typing import Any

import pytest

from connectors.ports.model import Call, Text
from processors.analyst.loop.transcript import blocks_to_json
from processors.investigate.sentence import LONGEST, sentence
from schemas import Step, Usage


def step(kind: Any, name: str, result: Any = None, **fields: Any) -> Step:
    return Step(
        id="inv_1/1", investigation_id="inv_1", index=1, kind=kind, name=name, result=result, started_at=1, finished_at=2,
        **fields,
    )  # fmt: skip


def said(*blocks: Any, **fields: Any) -> Step:
    usage = Usage(input_tokens=1500, output_tokens=20, cost_usd=0.0123)
    return step(
        "model_call", "p/m", {"blocks": blocks_to_json(blocks), "stop": "calls", "model": "m"}, usage=usage, **fields
    )


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        (said(Text("hm"), Call("1", "a.b", {}), Call("2", "c.d", {})), "p/m asks a.b, c.d (1,520 tokens, $0.0123)"),
        (said(Call("1", "conclude", {})), "p/m concludes (1,520 tokens, $0.0123)"),
        (said(Text("It was\nthe cache.")), "p/m says 'It was\\nthe cache.' (1,520 tokens, $0.0123)"),
        (
            said(Call("1", "a.b", {}), arguments={"failures": ["p/x: 'p/x' answered 529"]}),
            "p/m asks a.b (1,520 tokens, $0.0123), after p/x: 'p/x' answered 529",
        ),
        (step("model_call", "p/m", success=False, error="no key"), "p/m did not answer: no key"),
        (
            step("tool_call", "a.b", {}, arguments={"text": "time\nout", "limit": 5, "service": ""}),
            "a.b(text='time\\nout', limit=5) answered",
        ),
        (step("tool_call", "a.b", success=False, error="gone"), "a.b did not answer: gone"),
        (
            step("tool_call", "conclude", success=False, error="The conclusion is not accepted"),
            "conclude: The conclusion is not accepted",
        ),
        (step("event", "steer", {"text": "look there"}, arguments={"author": "human:ada"}), "steer by human:ada: look there"),
        (step("event", "weighed", {"verdict": "noise", "hypothesis": {"text": "A test."}}), "the records alone say noise: A test."),
        (step("event", "incident.now", {"incident": {}}), "the incident was looked at once more"),
        (step("compaction", "compaction", {"text": "x" * 900}), "the conversation goes on from a digest of itself"),
    ],
)  # fmt: skip
def test_a_step_is_told_in_one_sentence(recorded: Step, told: str) -> None:
    assert sentence(recorded) == told


def test_a_sentence_is_short_whatever_was_asked() -> None:
    long = step("tool_call", "a.b", {}, arguments={f"n{number}": "x" * 500 for number in range(50)})
    assert len(sentence(long)) == LONGEST
