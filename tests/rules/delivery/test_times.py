"""Named times: Alertmanager's fields and boundaries, zones, days on which the clocks change, and when they open next."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.delivery.said import TimeInterval
from rules.times import Times, compile_times, is_open, next_change, opening
from schemas.time import EPOCH, from_rfc3339, to_rfc3339

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


def times(*said: dict[str, Any], name: str = "t") -> Times:
    return compile_times(name, [TimeInterval.model_validate(each) for each in said])


def clock(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"times": [{"start_time": start, "end_time": end}], **more}


def within(found: Times, *moments: str) -> list[bool]:
    return [found.contains(from_rfc3339(moment)) for moment in moments]


def test_alertmanager_time_intervals_minutes_include_their_start_and_not_their_end() -> None:
    office = times(clock("09:00", "17:00"))
    assert within(office, "2026-03-02T08:59:59Z", "2026-03-02T09:00:00Z", "2026-03-02T16:59:59Z", "2026-03-02T17:00:00Z") == [
        *(False, True, True, False)
    ]  # fmt: skip
    assert within(times(clock("22:00", "24:00")), "2026-03-02T23:59:59Z", "2026-03-03T00:00:00Z") == [True, False]


def test_fields_are_anded_entries_and_ranges_ored() -> None:
    found = times(clock("09:00", "10:00", weekdays=["monday"]), {"weekdays": ["saturday:sunday"]})
    monday, tuesday, sunday = "2026-03-02", "2026-03-03", "2026-03-08"
    assert within(found, f"{monday}T09:30:00Z", f"{monday}T10:30:00Z", f"{tuesday}T09:30:00Z", f"{sunday}T22:00:00Z") == [
        *(True, False, False, True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "day", "holds"),
    [
        ({"days_of_month": ["1"]}, "2026-02-01", True),
        ({"days_of_month": [1]}, "2026-02-02", False),
        ({"days_of_month": ["-1"]}, "2026-02-28", True),
        ({"days_of_month": ["-1"]}, "2024-02-28", False),
        ({"days_of_month": ["-3:-1"]}, "2026-02-26", True),
        ({"days_of_month": ["25:31"]}, "2026-02-28", True),
        ({"days_of_month": ["29:31"]}, "2026-02-28", False),
        ({"days_of_month": ["1:-1"]}, "2026-02-15", True),
        ({"days_of_month": ["-31:3"]}, "2026-02-02", None),
        ({"months": ["may:august"]}, "2026-06-15", True),
        ({"months": ["5:8"]}, "2026-09-15", False),
        ({"months": ["december"]}, "2026-12-31", True),
        ({"years": ["2026:2027"]}, "2027-01-01", True),
        ({"years": [2025]}, "2026-01-01", False),
    ],
)
def test_days_months_and_years(said: dict[str, Any], day: str, holds: bool | None) -> None:
    if holds is None:
        with pytest.raises(ValueError, match="goes backwards"):
            times(said)
        return
    assert within(times(said), f"{day}T12:00:00Z") == [holds]


def test_a_time_in_new_york_does_not_occur_where_the_clocks_skip_it() -> None:
    early = times(clock("02:00", "03:00", location="America/New_York"))
    hours = [f"2026-03-08T{hour:02}:30:00Z" for hour in range(5, 9)]
    assert within(early, *hours) == [False] * 4
    assert within(early, "2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z") == [True, True]


def test_a_time_in_new_york_lasts_twice_as_long_where_the_clocks_go_back() -> None:
    late = times(clock("01:00", "02:00", location="America/New_York"))
    first = from_rfc3339("2026-11-01T04:00:00Z")
    assert sum(late.contains(first + minute * MINUTE) for minute in range(5 * 60)) == 120


def test_it_is_said_when_a_muted_time_is_over() -> None:
    night = times(clock("00:00", "06:00", location="Europe/Berlin"), clock("22:00", "24:00", location="Europe/Berlin"))
    evening = from_rfc3339("2026-06-01T21:15:00Z")
    found = opening((night,), (), evening)
    assert found is not None and to_rfc3339(found) == "2026-06-02T04:00:00.000000Z"


def test_it_is_said_when_an_active_time_begins() -> None:
    office = times(clock("09:00", "17:00", weekdays=["monday:friday"], location="Europe/Berlin"))
    friday = from_rfc3339("2026-10-23T16:00:00Z")
    found = opening((), (office,), friday)
    # The clocks went back in between.
    assert found is not None and to_rfc3339(found) == "2026-10-26T08:00:00.000000Z"


def test_what_never_opens_again_has_no_opening() -> None:
    assert opening((), (times({"years": ["2020"]}),), from_rfc3339("2026-01-01T00:00:00Z")) is None


def test_weekdays_may_go_over_the_end_of_the_week() -> None:
    for weekdays, expected in (
        ("sunday:thursday", "1111001"),
        ("friday:monday", "1000111"),
        ("monday:sunday", "1111111"),
    ):
        found = times({"weekdays": [weekdays]})
        week = [from_rfc3339(f"2026-11-{day}T12:00:00Z") for day in range(16, 23)]
        assert "".join(str(int(found.contains(day))) for day in week) == expected


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (clock("9:00", "17:00"), "'9:00' is not a time of day"),
        (clock("22:00", "06:00"), "for a span over midnight write two"),
        (clock("09:00", "09:00"), "is not before"),
        ({"weekdays": ["mondey"]}, "did you mean 'monday'"),
        ({"weekdays": ["monday:tuesday:friday"]}, "is not a range of weekdays"),
        ({"months": ["may:april"]}, "the earlier one first"),
        ({"weekdays": ["1"]}, "is not a weekday"),
        ({"days_of_month": ["0"]}, "not a day of the month"),
        ({"days_of_month": ["32"]}, "not a day of the month"),
        ({"months": ["13"]}, "is not a month"),
        ({"location": "Europe/Berlim"}, "did you mean 'Europe/Berlin'"),
    ],
)
def test_what_is_no_time_is_refused_in_words(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        times(said)


zones = st.sampled_from(
    ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
)
minutes = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] < pair[1])
said_times = st.builds(
    lambda pair, days, zone: {
        "times": [
            {"start_time": f"{pair[0] // 60:02}:{pair[0] % 60:02}", "end_time": f"{pair[1] // 60:02}:{pair[1] % 60:02}"}
        ],
        **({"weekdays": [days]} if days else {}),
        "location": zone,
    },
    minutes,
    st.sampled_from(("", "monday:friday", "sunday")),
    zones,
)


@given(st.lists(said_times, min_size=1, max_size=3), st.integers(0, 3 * 365 * 24 * 60))
@settings(max_examples=40, deadline=None)
def test_nothing_changes_between_the_moments_at_which_it_may(said: list[dict[str, Any]], offset: int) -> None:
    found = times(*said)
    start = (EPOCH.replace(year=2026) - EPOCH) // timedelta(microseconds=1) + offset * MINUTE
    bounds = []
    for moment in next_change((found,), start):
        bounds.append(moment)
        if moment > start + 3 * DAY:
            break
    assert bounds == sorted(set(bounds)) and bounds[0] > start
    at, held = start, found.contains(start)
    for step in range(5, 2 * 24 * 60, 5):
        moment = start + step * MINUTE
        passed = [bound for bound in bounds if at < bound <= moment]
        if not passed:
            assert found.contains(moment) == held
        else:
            held = found.contains(moment)
        at = moment


@given(st.lists(said_times, max_size=2), st.lists(said_times, max_size=2), st.integers(0, 3 * 365 * 24 * 60))
@settings(max_examples=30, deadline=None)
def test_an_opening_is_the_first_open_minute(
    muted: list[dict[str, Any]], active: list[dict[str, Any]], offset: int
) -> None:
    closed, opened = [times(each) for each in muted], [times(each) for each in active]
    start = (EPOCH.replace(year=2026) - EPOCH) // timedelta(microseconds=1) + offset * MINUTE
    found = opening(closed, opened, start)
    if is_open(closed, opened, start):
        return
    end = min(found if found is not None else start + 4 * DAY, start + 4 * DAY)
    assert not any(is_open(closed, opened, moment) for moment in range(start + MINUTE, end, 7 * MINUTE))
    assert found is None or is_open(closed, opened, found)
