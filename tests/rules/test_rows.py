"""Rows that were packed come back as they were, whatever was done in between."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.rows import HOT_MOST, SAMPLES, Rows

KEYS = st.sampled_from([f"{kind}/{n}" for kind in ("group/a", "group/b", "window", "silence") for n in range(4)])
ROWS = st.dictionaries(
    st.text(max_size=8),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(), st.lists(st.text(max_size=4))),
    max_size=6,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, ROWS),
        st.tuples(st.just("change"), KEYS, st.text(max_size=5)),
        st.tuples(st.just("drop"), KEYS, st.none()),
        st.tuples(st.just("rest"), st.integers(0, 5), st.integers(0, 3)),
    ),
    max_size=40,
)


@given(STEPS)
def test_packing_changes_nothing(steps: list[tuple[str, Any, Any]]) -> None:
    rows, plain = Rows(), {}
    for step, key, what in steps:
        match step:
            case "put":
                rows[key], plain[key] = dict(what), dict(what)
            case "change":
                row = rows.get(key)
                assert (row is None) == (key not in plain)
                if row is not None:
                    row["changed"] = plain[key]["changed"] = what
            case "drop":
                assert rows.pop(key, None) == plain.pop(key, None)
            case _:
                rows.rest(key, what)
        assert len(rows) == len(plain) and all(key in rows for key in plain)
    assert dict(rows.looked_through()) == plain
    assert sorted(rows) == sorted(plain)
    assert {key: rows[key] for key in list(rows)} == plain


def test_a_row_that_others_hold_on_to_is_never_packed() -> None:
    rows = Rows()
    rows["silence/1"] = held = {"by": "me"}
    rows["group/1"] = {}
    rows.rest(0, 0)
    assert rows["silence/1"] is held


def test_what_is_adopted_beyond_the_rows_in_use_is_packed_at_once() -> None:
    rows = Rows()
    for number in range(HOT_MOST + 2):
        rows.adopt(f"group/{number}", {"n": number})
    assert len(rows) == HOT_MOST + 2
    assert rows[f"group/{HOT_MOST + 1}"] == {"n": HOT_MOST + 1}
    assert "group/none" not in rows and rows.get("group/none") is None


def test_rows_of_more_rules_than_have_a_dictionary_of_their_own_come_back() -> None:
    rows = Rows()
    plain = {
        f"group/rule-{rule}/{n}": {"rule": f"rule-{rule}", "n": n, "id": "x" * rule}
        for n in range(3)
        for rule in range(SAMPLES + 9)
    }
    for key, row in plain.items():
        rows[key] = dict(row)
        rows.rest(0, 0)
    assert {key: rows.peek(key) for key in plain} == plain
    assert {key: rows[key] for key in plain} == plain
