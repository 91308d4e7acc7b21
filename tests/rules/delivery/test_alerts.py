"""What is known of an occurrence after it was heard of again: Alertmanager's merge of overlapping ranges."""

from hypothesis import given
from hypothesis import strategies as st

from rules.delivery.alerts import Life, merged

NOW = 100


def test_alertmanager_identity_an_update_that_overlaps_keeps_the_earliest_start() -> None:
    assert merged(Life(10, 200), Life(50, 300), NOW) == Life(10, 300)


def test_alertmanager_identity_an_update_that_does_not_overlap_replaces() -> None:
    assert merged(Life(10, 40), Life(60, 300), NOW) == Life(60, 300)


def test_alertmanager_identity_an_end_that_was_said_outlasts_a_timeout() -> None:
    assert merged(Life(10, 500), Life(50, 300, timeout=True), NOW) == Life(10, 500, timeout=True)
    assert merged(Life(10, 500, timeout=True), Life(50, 300), NOW) == Life(10, 300)


def test_alertmanager_identity_the_latest_end_wins_where_both_are_over() -> None:
    assert merged(Life(10, 90), Life(20, 80), NOW) == Life(10, 90)
    assert merged(Life(10, 200), Life(20, 80), NOW) == Life(10, 80)


def test_what_has_no_end_goes_on_until_one_is_said() -> None:
    assert merged(Life(10, 0), Life(50, 0), NOW) == Life(10, 0)
    assert merged(Life(10, 0), Life(50, 90), NOW) == Life(10, 90)
    assert not Life(10, 0).over(1 << 60)


lives = st.builds(Life, st.integers(1, 300), st.integers(0, 300), st.booleans())


@given(lives, lives)
def test_a_merge_begins_with_one_of_the_two_and_an_end_stays_an_end(old: Life, new: Life) -> None:
    found = merged(old, new, NOW)
    assert found.starts in (old.starts, new.starts)
    assert found.over(NOW) == new.over(NOW) or old.ends > NOW


@given(lives)
def test_hearing_the_same_again_changes_nothing(life: Life) -> None:
    assert merged(life, life, NOW) == life
