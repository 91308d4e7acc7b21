"""Windows of event time against the plainest model of them."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules import windows
from rules.limits import Limits
from rules.match.said import Match
from rules.state import State
from rules.windows import Filled, Window, window_of

S = 1_000_000
LATENESS = 20 * S

KINDS: dict[str, dict[str, Any]] = {
    "count": {},
    "distinct": {"distinct": "labels.x"},
    "sum": {"sum": "measures.x"},
    "avg": {"avg": "measures.x"},
    "min": {"min": "measures.x"},
    "max": {"max": "measures.x"},
    "percentile": {"percentile": "measures.x", "p": 60},
}


def window(number: int | str = 3, within: int = 60, memory: str = "m", **more: Any) -> Window:
    compared = {"is" if more else "count": number} if set(more) != {"span"} else {"count": number, **more}
    return window_of(Match.model_validate({"within": f"{within}s", **compared, **more}), memory)


def fill(
    state: State, key: str, ready: Window, name: str, moment: int, now: int, value: Any = None, lateness: int = LATENESS
) -> Filled | None:
    return windows.fill(state, key, ready, signal_id=name, moment=moment, now=now, lateness=lateness, value=value)


def measured(kind: str, values: list[int]) -> float:
    ranked = sorted(values)
    return {
        "count": len(values),
        "distinct": len(set(values)),
        "sum": sum(values),
        "avg": sum(values) / max(1, len(values)),
        "min": min(values, default=0),
        "max": max(values, default=0),
        "percentile": ranked[math.ceil(0.6 * len(ranked)) - 1] if ranked else 0,
    }[kind]


def holds(counted: list[tuple[int, int]], moment: int, ready: Window) -> bool:
    """Whether a window that holds the moment, and ends at a counted signal, fulfils the condition."""
    match = ready.match
    times = sorted(time for time, _ in counted)
    if match.span == "tumbling":
        begin = moment - moment % match.within
        spans = [(begin, begin + match.within - 1)]
    elif match.span == "session":
        first = last = moment
        while before := [time for time in times if first - match.within <= time < first]:
            first = min(before)
        while after := [time for time in times if last < time <= last + match.within]:
            last = max(after)
        spans = [(first, last)]
    else:
        spans = [(end - match.within, end) for end in times if moment <= end <= moment + match.within]
    return any(
        ready.compared.holds(measured(match.kind, [value for time, value in counted if begin <= time <= end]))
        for begin, end in spans
    )


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 4)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.sampled_from((">=", ">", "==", "<", "!=")),
    st.sampled_from((5, 10, 30)),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(("sliding", "tumbling", "session")),
)
@example([(0, 0), (30, 0), (20, 0), (10, 0)], 4, ">=", 30, "count", "sliding")
def test_windows_fill_as_the_plainest_model_says(
    said: list[tuple[int, int]], number: int, operator: str, within: int, kind: str, span: str
) -> None:
    compared = {"is" if kind != "count" else "count": f"{operator} {number}"}
    ready = window_of(Match.model_validate({"within": f"{within}s", "span": span, **compared, **KINDS[kind]}), "m")
    # Nothing of a session, nor of an upper bound, may be forgotten for the model to hold.
    state, counted = State(Limits(lateness=LATENESS, window_signals=100)), list[tuple[int, int]]()
    for index, (second, amount) in enumerate(said):
        moment, latest = second * S, max((time for time, _ in counted), default=0)
        value = str(amount) if kind == "distinct" else amount
        seen = windows.look(
            state.rows.get("window/x"),
            ready,
            moment=moment,
            lateness=LATENESS,
            value=None if kind == "count" else value,
        )
        filled = fill(state, "window/x", ready, str(index), moment, index, value)
        if counted and moment < latest - LATENESS:
            assert filled is windows.LATE
            assert seen.late
            continue
        counted.append((moment, amount))
        assert (filled is not None) == holds(counted, moment, ready) == seen.holds
        if filled is not None:
            assert ready.compared.holds(filled.count)
            assert filled.ids


@given(st.lists(st.integers(0, 60), min_size=3, max_size=30), st.integers(2, 4), st.sampled_from((5, 10)))
def test_a_window_lapses_when_the_plainest_model_says(seconds: list[int], number: int, within: int) -> None:
    ready, state = window(number, within), State(Limits(window_signals=100))
    counted = sorted(seconds)
    filled = None
    for second in counted:
        filled = fill(state, "window/x", ready, str(second), second * S, second)
    row, last = state.rows["window/x"], counted[-1] * S
    if filled is None:
        return
    lapse = windows.lapses(row, ready, last)
    assert lapse is not None
    for moment in (last, lapse - 1, lapse):
        there = sum(moment - within * S <= second * S <= moment for second in counted)
        assert (there >= number) == (moment < lapse) == windows.holds_at(row, ready, moment)


def test_both_ends_of_a_window_are_inside() -> None:
    for more, fires in ((0, True), (1, False)):
        state = State()
        fills = [fill(state, "window/x", window(2), str(t), t * S + (t > 0) * more, t * S) for t in (0, 60)]
        assert (fills[1] is not None) is fires


def test_a_window_keeps_a_bounded_number_of_signals_and_counts_what_it_let_go() -> None:
    state = State(Limits(window_signals=4))
    for index in range(1000):
        fill(state, "window/x", window(3), str(index), index, index)
    row = state.rows["window/x"]
    assert len(row["times"]) <= 2 * (3 + 1) + 4
    assert len(row["ids"]) <= windows.IDS
    assert state.evicted["window_signals"] == 1000 - len(row["times"])


def test_the_groups_being_counted_are_bounded_and_the_oldest_go_first() -> None:
    state = State(Limits(windows=3))
    for index in range(6):
        fill(state, f"window/r/{index}", window(), "s", index * S, index * S)
        fill(state, "window/r/0", window(), "s", index * S, index * S)
    kept = {key for key in state.rows if key.startswith("window/")}
    assert kept == {"window/r/0", "window/r/4", "window/r/5"}
    assert state.evicted["windows"] == 3
    assert [(limit, key) for limit, key, _ in state.lost] == [("windows", f"window/r/{n}") for n in (1, 2, 3)]


def test_a_group_nobody_counts_into_is_let_go() -> None:
    state = State()
    fill(state, "window/x", window(), "s", 0, 0)
    fill(state, "window/x", window(), "s", S, 30 * S)
    windows.sweep(state, 80 * S)
    assert "window/x" in state.rows
    windows.sweep(state, 110 * S)
    assert "window/x" not in state.rows
    assert state.kept("window") == 0


def test_a_rule_that_counts_something_else_now_begins_anew() -> None:
    state = State()
    for memory in ("old", "old", "new"):
        filled = fill(state, "window/x", window(3, memory=memory), "s", 0, 0)
    assert filled is None
    assert state.kept("window") == 1


def test_a_rule_that_counts_to_another_number_looks_at_the_same_signals() -> None:
    state = State()
    for number in range(3):
        assert fill(state, "window/x", window(9), str(number), number * S, 0) is None
    assert fill(state, "window/x", window(4, within=30), "s", 3 * S, 0) is not None


@pytest.mark.parametrize("late", [0, 19])
def test_a_window_measures_values_wherever_they_belong(late: int) -> None:
    state, ready = State(), window("> 10", sum="measures.x")
    assert fill(state, "window/x", ready, "a", 60 * S, 0, 6) is None
    filled = fill(state, "window/x", ready, "b", (60 - late) * S, 0, 5)
    assert filled is not None
    assert filled.count == 11
