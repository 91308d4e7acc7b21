"""The briefing: what a model begins with, in words, with ids, and never too long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.analyst.briefing import MOST, briefing
from schemas import Conclusion, Evidence, Hypothesis
from schemas.conclusion import Change, Objection, RuledOut


def told(**more: object) -> Conclusion:
    made = Conclusion(
        verdict="actionable",
        summary="`orders` fails.",
        hypothesis=Hypothesis(
            text="A setting is missing.", confidence=0.7, against=(Objection(says="The logs around it are quiet.", cites="inv_1/2"),)
        ),
        alternatives=(
            Hypothesis(text="It is the code.", confidence=0.1),
            Hypothesis(
                text="The deploy of `cart`.", confidence=0.2, supports=(Evidence(cites="inv_1/1", quote="cart v7", says="It came 4 min before."),),
                against=(Objection(says="Nothing ties it to the fault."),),
            ),
        ),
        category="configuration_error",
        component="orders",
        change=Change(kind="commit", id="9f6e2d6", title="Read the region"),
        evidence=(Evidence(cites="inv_1/0", quote="KeyError: REGION", says="It is raised."),),
        ruled_out=(RuledOut(text="deploy `x`", why="it came after", cites="inv_1/3"),),
        next_steps=("Set REGION.",),
    )  # fmt: skip
    return made.model_copy(update=more)


def test_it_ranks_hypotheses_with_what_speaks_for_and_against_each_and_ids_to_cite() -> None:
    lines = briefing(told(), "inv_1").splitlines()
    assert lines[0] == "verdict: actionable" and "change: commit 9f6e2d6 Read the region" in lines
    first, second, third = (next(at for at, each in enumerate(lines) if each.startswith(f"{n}. (")) for n in (1, 2, 3))
    assert "A setting is missing" in lines[first] and "`cart`" in lines[second] and "the code" in lines[third]
    assert lines[first + 1 : first + 3] == [
        '   for: [step/0] "KeyError: REGION": It is raised.',
        "   against: The logs around it are quiet. [step/2]",
    ]
    assert lines[second + 1 : second + 3] == [
        '   for: [step/1] "cart v7": It came 4 min before.',
        "   against: Nothing ties it to the fault.",
    ]
    assert "- deploy `x`: it came after [step/3]" in lines and "- Set REGION." in lines


def test_what_only_its_own_words_say_is_said_to_be_so() -> None:
    assert briefing(told(verdict="noise", lowered_from="urgent")).startswith(
        "verdict: noise (without what it says of itself: urgent)"
    )
    assert "change: none of the changes" in briefing(told(change=None))


@settings(deadline=None)
@given(st.text(min_size=1, max_size=3000), st.integers(0, 30), st.integers(200, MOST))
def test_it_is_never_longer_than_it_may_be_and_one_line_each(text: str, many: int, limit: int) -> None:
    proof = Evidence(cites="inv_1/0", quote=text, says=text)
    other = Hypothesis(text=text, confidence=0.1, supports=(proof,) * many)
    made = told(summary=text, evidence=(proof,) * many, alternatives=(other,) * many, next_steps=(text,) * many)
    found = briefing(made, "inv_1", limit=limit)
    assert len(found) <= limit and found.startswith("verdict: actionable")


@pytest.mark.parametrize("many", [0, 60])
def test_what_is_left_out_is_counted(many: int) -> None:
    found = briefing(told(alternatives=(Hypothesis(text="x", confidence=0.1),) * many))
    assert ("less likely ones are left out" in found) == bool(many)
