"""Weights of confidence: fitted from cases, checked on suites they were not fitted on, and told in tables."""

import math
import random

import pytest

from processors.analyst.confidence import FLOOR, WEIGHTS, confidence_of
from processors.analyst.grounds import CEILING, CULPRIT_CEILING, Grounds
from tocsin.evals.fitting import Row, fit, probability
from tocsin.evals.reliability import Examined, held_out, main, report

TRUE = (0.5, 2.0, -3.0)


def drawn(number: int, seed: int) -> list[Row]:
    """Cases that are right as often as `TRUE` says."""
    chance = random.Random(seed)
    rows: list[Row] = []
    for _ in range(number):
        grounds = (chance.random(), chance.random())
        rows.append((grounds, chance.random() < probability(TRUE, grounds)))
    return rows


def test_weights_come_back_from_cases_drawn_by_them() -> None:
    found = fit(drawn(20_000, 1), ridge=0.0)
    assert all(math.isclose(one, other, abs_tol=0.15) for one, other in zip(found, TRUE, strict=True)), found


def test_what_was_said_of_all_cases_is_what_came_true_of_all() -> None:
    rows = drawn(300, 2)
    weights = fit(rows)
    said = sum(probability(weights, grounds) for grounds, _ in rows)
    assert said == pytest.approx(sum(right for _, right in rows), abs=1e-3)


def test_few_cases_are_not_believed_far_and_none_say_nothing() -> None:
    rows: list[Row] = [((1.0,), True), ((0.0,), False)]
    assert 0 < fit(rows, ridge=1.0)[1] < fit(rows, ridge=0.01)[1]
    assert fit([]) == (0.0,)


def cases(suite: str, number: int, seed: int) -> list[Examined]:
    return [
        Examined(f"{suite}-{place}", 0.5, tuple(grounds), right)
        for place, (grounds, right) in enumerate(drawn(number, seed))
    ]


def test_a_suite_is_judged_by_weights_that_never_saw_it() -> None:
    found = {"a": cases("a", 200, 3), "b": cases("b", 200, 4)}
    before = held_out(found)
    upside_down = {**found, "b": [Examined(each.id, each.said, each.grounds, not each.right) for each in found["b"]]}
    after = held_out(upside_down)
    assert [said for said, _ in before["b"]] == [said for said, _ in after["b"]], (
        "its own outcomes change nothing of what is said of it"
    )
    assert [said for said, _ in before["a"]] != [said for said, _ in after["a"]]


def test_the_report_tells_each_suite_and_both_tables() -> None:
    lines = report({"a": cases("a", 50, 5), "b": cases("b", 50, 6)})
    assert sum(line.startswith(("| a | 50 |", "| b | 50 |")) for line in lines) == 2
    assert any(line.startswith("| all | 100 | ") for line in lines)
    assert sum(line == "| said | cases | mean said | came true |" for line in lines) == 2
    assert any(line.startswith("that ship: 1.5") for line in lines) and main([]) == 2


@pytest.mark.parametrize("place", range(4))
def test_more_of_what_speaks_for_it_makes_it_surer_and_what_speaks_against_it_less(place: int) -> None:
    low, high = [0.2] * 4, [0.2] * 4
    high[place] = 0.9
    less, more = confidence_of(Grounds(*low)), confidence_of(Grounds(*high))
    assert (more > less) == (WEIGHTS[1 + place] > 0) and more != less


def test_it_stays_within_what_its_weakest_kind_of_evidence_allows() -> None:
    best = Grounds(1.0, 1.0, 1.0, 0.0)
    assert confidence_of(best) == CEILING
    assert confidence_of(Grounds(1.0, 1.0, 1.0, 0.0, ceiling=CULPRIT_CEILING)) == CULPRIT_CEILING
    assert confidence_of(Grounds(1.0, 1.0, 1.0, 0.0, ceiling=0.5)) == 0.5
    assert FLOOR <= confidence_of(Grounds(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)) < 0.1
