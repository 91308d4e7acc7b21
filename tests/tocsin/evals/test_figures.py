"""Intervals, calibration, rankings, and what is read of a scorer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Conclusion, Hypothesis
from tocsin.evals import answers, scoring
from tocsin.evals.calibration import calibration
from tocsin.evals.intervals import mean, share
from tocsin.evals.recorded import RecordedQuestion, narrowed


def test_wilsons_interval_is_that_of_the_tables() -> None:
    found = share(8, 8)
    assert (round(found.low, 3), found.high) == (0.676, 1.0)
    found = share(5, 10)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2366, 0.7634)
    assert (share(0, 0).low, share(0, 0).high) == (0.0, 1.0)


@given(cases=st.integers(1, 500), data=st.data())
def test_an_interval_holds_its_value_and_narrows_with_more_cases(cases: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, cases))
    one, ten = share(hits, cases), share(10 * hits, 10 * cases)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert ten.high - ten.low <= one.high - one.low + 1e-9


def test_a_mean_of_one_case_says_nothing_of_others() -> None:
    assert (mean([0.7]).low, mean([0.7]).high) == (0.0, 1.0)
    assert mean([1.0, 1.0, 1.0]).low == 1.0


def test_confidence_that_comes_true_as_often_as_it_says_has_no_gap() -> None:
    good = calibration([(0.75, True)] * 3 + [(0.75, False)])
    bad = calibration([(0.95, False)] * 4)
    assert good is not None and good.gap == 0 and good.brier == pytest.approx(0.1875)
    assert bad is not None and bad.gap == pytest.approx(0.95)
    assert calibration([]) is None


def test_services_are_ranked_by_the_conclusion_then_its_alternatives_each_once() -> None:
    made = Conclusion(
        verdict="urgent", summary="", hypothesis=Hypothesis(text="x", confidence=0.5), component="b", blast_radius=("a", "b", "d"),
        alternatives=(Hypothesis(text="y", confidence=0.2, component="c"), Hypothesis(text="z", confidence=0.1)),
    )  # fmt: skip
    assert answers.ranking(made, ["a", "b", "c"]) == {"ranked": ["b", "c", "a"]}


def test_ranks_become_shares_within_the_first_places() -> None:
    found = scoring.read("petshop", {}, {"a": {"rank": 1}, "b": {"rank": 3}, "c": {"rank": None}, "d": {"rank": 1}})
    assert {each.name: each.interval.value for each in found.measures} == {
        "AC@1": 0.5,
        "AC@3": 0.75,
        "AC@5": 0.75,
        "MRR": pytest.approx(7 / 12),
    }
    assert found.passed == {"a": True, "b": False, "c": False, "d": True}


@pytest.mark.parametrize(
    ("answer", "question", "kept", "left"),
    [
        ("a\nb\nab", RecordedQuestion(contains="A"), "a\nab", 1),
        ([1, 2, 3], RecordedQuestion(offset=1, limit=1), [2], 2),
        ({"lines": ["x", "y"], "total": 2}, RecordedQuestion(contains="y"), {"lines": ["y"], "total": 2}, 1),
        ({"lines": ["x", "y"]}, RecordedQuestion(), {"lines": ["x", "y"]}, 0),
    ],
)
def test_a_recorded_answer_can_be_asked_for_more_narrowly(
    answer: object, question: RecordedQuestion, kept: object, left: int
) -> None:
    assert narrowed(answer, question) == (kept, left)
