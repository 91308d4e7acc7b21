"""Windows of event time against the plainest model of them."""

from hypothesis import example, given
from hypothesis import strategies as st

from rules import windows
from rules.limits import Limits
from rules.model import Match
from rules.state import State

S = 1_000_000
LATENESS = 20 * S


def holds(times: list[int], moment: int, match: Match) -> bool:
    """Whether a window [s-within, s] that ends at a counted signal and holds the moment fulfils the condition."""
    ends = [end for end in times if moment <= end <= moment + match.within]
    return any(match.count.holds(sum(end - match.within <= time <= end for time in times)) for end in ends)


@given(
    st.lists(st.integers(0, 120), min_size=1, max_size=60),
    st.integers(1, 5),
    st.sampled_from((">=", ">", "==")),
    st.sampled_from((5, 10, 30)),
)
@example([0, 30, 20, 10], 4, ">=", 30)
def test_windows_fill_as_the_plainest_model_says(seconds: list[int], number: int, operator: str, within: int) -> None:
    match = Match.model_validate({"count": f"{operator} {number}", "within": f"{within}s"})
    state, counted = State(Limits(lateness=LATENESS)), []
    for index, second in enumerate(seconds):
        moment, latest = second * S, max(counted, default=0)
        seen = windows.look(state.rows.get("window/x"), match, "m", moment=moment, lateness=LATENESS)
        filled = windows.fill(state, "window/x", match, "m", signal_id=str(index), moment=moment, now=index)
        if counted and moment < latest - LATENESS:
            assert filled is windows.LATE
            assert seen.late
            continue
        counted.append(moment)
        assert (filled is not None) == holds(counted, moment, match) == seen.holds
        if filled is not None:
            assert match.count.holds(filled.count)
            assert filled.ids


def match(number: int = 3, within: int = 60) -> Match:
    return Match.model_validate({"count": number, "within": f"{within}s"})


def test_both_ends_of_a_window_are_inside() -> None:
    state = State()
    fills = [windows.fill(state, "window/x", match(2), "m", signal_id=str(t), moment=t * S, now=t * S) for t in (0, 60)]
    assert fills[1] is not None
    state = State()
    fills = [
        windows.fill(state, "window/x", match(2), "m", signal_id=str(t), moment=t * S + (t > 0), now=t * S)
        for t in (0, 60)
    ]
    assert fills[1] is None


def test_a_window_keeps_a_bounded_number_of_signals_and_counts_what_it_let_go() -> None:
    state = State(Limits(window_signals=4))
    for index in range(1000):
        windows.fill(state, "window/x", match(3), "m", signal_id=str(index), moment=index, now=index)
    row = state.rows["window/x"]
    assert len(row["times"]) <= 2 * 3 + 4
    assert len(row["ids"]) <= windows.IDS
    assert state.evicted["window_signals"] == 1000 - len(row["times"])


def test_the_groups_being_counted_are_bounded_and_the_oldest_go_first() -> None:
    state = State(Limits(windows=3))
    for index in range(6):
        windows.fill(state, f"window/{index}", match(), "m", signal_id="s", moment=index * S, now=index * S)
        windows.fill(state, "window/0", match(), "m", signal_id="s", moment=index * S, now=index * S)
    assert set(state.rows) - {"evicted"} == {"window/0", "window/4", "window/5"}
    assert state.evicted["windows"] == 3


def test_a_group_nobody_counts_into_is_let_go() -> None:
    state = State(Limits(lateness=LATENESS))
    windows.fill(state, "window/x", match(), "m", signal_id="s", moment=0, now=0)
    windows.fill(state, "window/x", match(), "m", signal_id="s", moment=S, now=30 * S)
    windows.sweep(state, 80 * S)
    assert "window/x" in state.rows
    windows.sweep(state, 110 * S)
    assert "window/x" not in state.rows
    assert state.windows == 0


def test_a_rule_that_counts_something_else_now_begins_anew() -> None:
    state = State()
    for memory in ("old", "old", "new"):
        filled = windows.fill(state, "window/x", match(3), memory, signal_id="s", moment=0, now=0)
    assert filled is None
    assert state.windows == 1
