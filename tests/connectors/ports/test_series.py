"""A series is read as a person would: shifts, trends, what left the usual, and nothing said about noise."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.correlation import best_lag, together
from connectors.ports.series import Point, read
from schemas import from_rfc3339
from schemas.time import SECOND

START = from_rfc3339("2026-03-14T02:10:00Z")
STEP = 60


def series(values: list[float], *, first: int = -30) -> list[Point]:
    """One value a minute, the first `first` minutes from the start."""
    return [Point(START + (first + index) * STEP * SECOND, value) for index, value in enumerate(values)]


def noise(count: int, level: float, width: float, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [level + chance.uniform(-width, width) for _ in range(count)]


def test_a_step_up_is_found_where_it_is_with_both_levels() -> None:
    reading = read(series(noise(25, 10, 1) + noise(20, 40, 2)), START)
    assert reading.shape == "shift" and reading.shift is not None
    assert reading.shift.after_start_s == -300.0
    assert reading.shift.direction == "up"
    assert reading.shift.before == pytest.approx(10, abs=1) and reading.shift.after == pytest.approx(40, abs=2)
    assert "rose from" in reading.says and "300 s before the start" in reading.says


def test_a_spike_that_ends_is_an_anomaly_with_its_stretch_and_no_new_level() -> None:
    reading = read(series([*noise(31, 10, 1), 80, 95, 70, *noise(40, 10, 1, seed=2)]), START)
    assert reading.shape == "anomaly" and reading.anomaly is not None
    assert reading.anomaly.after_start_s == 60.0
    assert reading.anomaly.ends == "2026-03-14T02:14:00.000000Z"
    assert reading.anomaly.peak == 95


def test_a_ramp_is_a_trend_and_not_a_step() -> None:
    reading = read(series([100 + 3 * index + each for index, each in enumerate(noise(60, 0, 2))]), START)
    assert reading.shape == "trend" and reading.trend is not None and reading.shift is None
    assert reading.trend.per_hour == pytest.approx(180, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_says_nothing(seed: int) -> None:
    reading = read(series(noise(60, 50, 20, seed)), START)
    assert reading.shape in ("noisy", "flat")
    assert reading.shift is None and reading.anomaly is None and reading.trend is None


def test_a_constant_is_flat_and_nothing_is_empty() -> None:
    assert read(series([7.0] * 40), START).shape == "flat"
    assert read([], START).shape == "empty"
    assert read(series([float("nan")] * 10), START).shape == "empty"


def test_from_nothing_to_something_is_a_shift_without_a_ratio() -> None:
    reading = read(series([0.0] * 30 + [3.0] * 20), START)
    assert reading.shift is not None and reading.shift.ratio is None and reading.shift.after_start_s == 0.0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=80))
def test_whatever_comes_is_read_and_can_be_written(values: list[float]) -> None:
    reading = read(series(values), START)
    assert reading.points == sum(abs(value) <= 1e100 for value in values)
    reading.model_dump_json()


@given(st.floats(-500, 500), st.floats(0.001, 1e3))
def test_the_moment_of_a_shift_depends_neither_on_unit_nor_on_zero_point(base: float, unit: float) -> None:
    step = noise(30, 0, 0.2) + noise(30, 100, 0.2, seed=3)
    reading = read(series([unit * (base + value) for value in step]), START)
    assert reading.shift is not None and reading.shift.after_start_s == 0.0


def test_what_follows_by_three_minutes_is_said_to_follow_by_three_minutes() -> None:
    wave = [math.sin(index / 4) * 10 + each for index, each in enumerate(noise(70, 0, 0.5))]
    leads, follows = series(wave[3:63]), series(wave[0:60])
    found = together({"cause": leads, "effect": follows, "other": series(noise(60, 0, 5, seed=9))}, STEP)
    assert [(each.first, each.second, each.lag_s) for each in found] == [("cause", "effect", 180.0)]
    assert best_lag(series([1.0] * 60), leads, STEP) is None, "what does not vary moves with nothing"
