"""When a series left its usual level."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.evidence.shifts import correlation, moves_with, shift_of
from processors.evidence.values import Series

MINUTE = 60_000_000


def series(values: list[float], normal: tuple[float, ...] = ()) -> Series:
    return Series("a", "m", tuple(MINUTE * index for index in range(len(values))), tuple(values), "s/0", normal=normal)


def noisy(level: float, count: int, seed: int, noise: float = 0.05) -> list[float]:
    chance = random.Random(seed)
    return [level * (1 + chance.gauss(0, noise)) for _ in range(count)]


@given(level=st.floats(0.001, 1e6), seed=st.integers(0, 10_000), factor=st.floats(2, 100), place=st.integers(25, 70))
def test_a_step_is_found_where_it_happens(level: float, seed: int, factor: float, place: int) -> None:
    values = noisy(level, place, seed) + noisy(level * factor, 100 - place, seed + 1)
    found = shift_of(series(values))
    assert found is not None and found.up and found.lasting
    assert -4 <= found.at // MINUTE - place <= 1


@given(seed=st.integers(0, 300))
def test_ordinary_noise_is_hardly_ever_a_shift(seed: int) -> None:
    found = shift_of(series(noisy(10, 100, seed)))
    assert found is None or found.factor < 1.3


@given(seed=st.integers(0, 200), scale=st.floats(0.01, 1000), offset=st.integers(0, 10**6))
def test_scale_and_time_do_not_matter(seed: int, scale: float, offset: int) -> None:
    values = noisy(5, 40, seed) + noisy(50, 40, seed + 1)
    one = shift_of(series(values))
    other = shift_of(
        Series(
            "a", "m", tuple(MINUTE * (index + offset) for index in range(80)), tuple(v * scale for v in values), "s/0"
        )
    )
    assert one is not None and other is not None and other.at - one.at == offset * MINUTE


def test_a_slow_rise_is_dated_to_where_it_begins_not_to_where_it_hurts() -> None:
    values = noisy(50, 60, 1, 0.02) + [50 + 8 * minute for minute in range(120)]
    found = shift_of(series(values))
    assert found is not None and 60 <= found.at // MINUTE <= 64


def test_one_outlier_is_no_shift() -> None:
    values = noisy(10, 100, 3)
    values[60] = 5000
    assert shift_of(series(values)) is None


def test_what_came_and_went_is_a_shift_that_does_not_last() -> None:
    values = noisy(10, 40, 4) + noisy(90, 12, 5) + noisy(10, 40, 6)
    found = shift_of(series(values))
    assert found is not None and not found.lasting and found.after > 80


def test_a_level_that_was_high_all_along_is_told_by_healthy_values_from_before() -> None:
    found = shift_of(series([95.0, 96.0, 94.0, 95.5], tuple(noisy(20, 50, 7))))
    assert found is not None and found.before < 25 and found.after > 90


def test_a_level_that_left_with_the_second_point_is_found_by_its_first() -> None:
    found = shift_of(series([3400.0, *noisy(18_000, 14, 8, 0.01)]))
    assert found is not None and found.before == 3400 and found.at == MINUTE


def test_a_series_that_rises_from_the_first_point_on_is_a_shift() -> None:
    found = shift_of(series([10.0 + 2 * index for index in range(30)]))
    assert found is not None and found.up


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [0.0] * 50, [7.0] * 50])
def test_too_little_and_too_even_is_none(values: list[float]) -> None:
    assert shift_of(series(values)) is None


def test_what_moves_together_is_found_and_what_does_not_is_not() -> None:
    one = series([float(index) for index in range(20)])
    with_it, against, apart = (
        series([2.0 * index + 1 for index in range(20)]),
        series([-float(index) for index in range(20)]),
        series(noisy(5, 20, 9)),
    )
    assert {id(each) for each, _ in moves_with(one, [with_it, against, apart])} == {id(with_it), id(against)}
    assert correlation([1, 1, 1], [1, 2, 3]) == 0
