"""Which lines tell of trouble, what is used up, what carries a load, and what is well."""

from typing import Any

import pytest

from processors.evidence.alarms import alarms_of, weight_of
from processors.evidence.dominant import dominant_of, meaning_of
from processors.evidence.failing import Graph
from processors.evidence.outside import outside_of
from processors.evidence.reading import read
from processors.evidence.saturation import full_of, used_up
from processors.evidence.values import Gathered, Said, Series
from processors.evidence.wellbeing import wellbeing_of

MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("Reason: OOMKilled", "Restart Count: 3"),
        ("pull access denied, repository does not exist", "Pulling image"),
        ("Database call completed in 10.01 seconds.", "Database call completed in 0.01 seconds."),
        ("heap in use 496Mi / 512Mi", "heap in use 100Mi / 512Mi"),
        ("connection refused", "connection pool 12/100, no errors"),
        ("MountVolume failed", "MountVolume failed: transient issue, retried successfully"),
    ],
)
def test_one_line_is_more_telling_than_another(more: str, less: str) -> None:
    assert weight_of(more) > weight_of(less)


@pytest.mark.parametrize(
    "text",
    [
        "0 errors",
        "Restart Count:  0",
        "no further errors",
        "error: null",
        "Tolerations: not-ready:NoExecute op=Exists",
        "SELECT failed FROM t",
    ],
)
def test_boilerplate_and_good_news_are_no_alarms(text: str) -> None:
    assert weight_of(text) < 1


def test_what_names_the_thing_in_question_comes_before_what_names_others() -> None:
    said = (
        Said("pod/blue failed to start", "s/0", about="pods"),
        Said("pod/green failed to start at all", "s/0", about="pods"),
    )
    first = alarms_of(Gathered(said=said), ["green"])[0]
    assert "green" in first.text and first.own


def test_a_page_of_documentation_is_no_witness() -> None:
    said = (Said("the disk may be exhausted or a node failed", "s/0", about="https://runbooks.example.com/disk"),)
    assert alarms_of(Gathered(said=said), []) == ()


def test_lines_alike_are_one_alarm_counted() -> None:
    said = tuple(Said(f"request {number} failed", "s/0") for number in range(30))
    (alarm,) = alarms_of(Gathered(said=said), [])
    assert alarm.count == 30


def _series(metric: str, values: list[float], unit: str = "") -> Series:
    return Series("a", metric, tuple(MINUTE * n for n in range(len(values))), tuple(values), "s/0", unit)


def test_a_resource_is_full_by_per_cent_by_a_ceiling_beside_it_by_one_that_is_told_and_by_room_that_is_gone() -> None:
    by_percent = Gathered(series=(_series("cpu_pct", [40, 50, 95, 96, 97]),))
    by_limit = Gathered(series=(_series("pool_in_use", [2, 9, 10, 10, 10]), _series("pool_max", [10] * 5)))
    by_text = Gathered(
        series=(_series("DatabaseConnections", [300, 470, 490, 492, 494]),),
        said=(Said("469 of 500 connections", "s/1"),),
    )
    by_room = Gathered(series=(_series("FreeStorageSpace", [9e9, 8e9, 4e9, 1e9, 1e8]),))
    assert all(len(full_of(each)) == 1 for each in (by_percent, by_limit, by_text, by_room))
    assert not full_of(
        Gathered(
            series=(
                _series("cpu_pct", [40, 41, 42, 40, 41]),
                _series("pool_in_use", [2, 2, 3]),
                _series("pool_max", [10, 10, 10]),
            )
        )
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("469 of 500", 0.938),
        ("496Mi / 512Mi", 0.96875),
        ("disk at 97%", 0.97),
        ("12 of 500", None),
        ("3 / 4 pods", None),
    ],
)
def test_a_text_says_how_much_of_a_whole_is_used(text: str, part: float | None) -> None:
    found = used_up(text)
    assert found is None if part is None else found == pytest.approx(part, abs=0.02)


def test_the_statement_that_carries_most_of_a_load_is_named_with_the_next() -> None:
    rows = [
        {"statement": "SELECT 1", "db_load_avg": 7.0, "calls_per_sec": 2.0},
        {"statement": "SELECT 2", "db_load_avg": 2.0, "calls_per_sec": 80.0},
        {"statement": "x", "db_load_avg": 0.1},
    ]
    (found,) = dominant_of("s/0", {"top_sql": rows})
    assert (found.name, found.each, found.next_name) == ("SELECT 1", 3.5, "SELECT 2")
    assert meaning_of("Client:ClientRead") and meaning_of("something") is None


def test_states_that_are_all_well_contradict_an_alert_and_one_that_is_not_does_not() -> None:
    well: dict[str, Any] = {
        "pods": [{"name": "a", "phase": "Running", "ready": True}, {"name": "b", "phase": "Running", "ready": True}],
        "warning_events": [],
    }
    found = wellbeing_of(read("s/0", well), [("s/0", well)])
    assert found.well and found.good == 4 and found.empty == ("warning_events",)
    ill = {"pods": [*well["pods"], {"name": "c", "phase": "Pending", "ready": False}]}
    assert not wellbeing_of(read("s/0", ill), [("s/0", ill)]).well


def test_failures_of_a_moment_ago_are_not_over() -> None:
    answer = {
        "pods": [{"name": name, "phase": "Running", "ready": True} for name in "abc"],
        "events": [
            {
                "reason": "BackOff",
                "message": "restarting failed container",
                "type": "Warning",
                "last_time": "2026-01-01T10:00:00Z",
            }
        ],
        "logs": [{"timestamp": "2026-01-01T10:05:00Z", "message": "handled", "status": "info"}],
    }
    assert not wellbeing_of(read("s/0", answer), [("s/0", answer)]).well


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("Disk is slow on ledger-7 in us-west-2; responses are degraded", False),
        ("We are experiencing an outage in us-west-2", True),
        ("POST https://api.stripe.com/v1/charges: 503", True),
    ],
)
def test_where_something_runs_is_no_cause_and_an_outage_of_it_is(text: str, provider: bool) -> None:
    found = outside_of(Gathered(), [], [], {}, Graph(frozenset(), frozenset()), 0, [("s1", text)])
    assert [each.kind for each in found] == (["provider"] if provider else [])


def test_what_is_well_is_told_by_what_it_is_of() -> None:
    answer: dict[str, Any] = {
        "pods": [{"name": "a", "phase": "Running", "restarts": 0}, {"name": "b", "phase": "Running", "restarts": 0}],
        "nodes": [{"name": "n", "ready": "True", "disk_pressure": "False"}],
    }
    found = wellbeing_of(Gathered(), [("s1", answer)])
    assert found.kinds == (
        "pods `a`, `b`: phase Running (2), no restarts (2)",
        "nodes `n`: ready True, no disk_pressure",
    )
    assert (found.good, found.bad) == (4, 0)


def test_what_a_log_line_says_of_health_is_no_state() -> None:
    lines = [
        {
            "timestamp": f"2026-01-01T10:0{number}:00Z",
            "message": "all fine",
            "status": "ok",
            "fields": {"health": "green"},
        }
        for number in range(6)
    ]
    found = wellbeing_of(Gathered(), [("s1", {"lines": lines})])
    assert (found.good, found.well) == (0, False)
