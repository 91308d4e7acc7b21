"""What fires in many incidents keeps all of them from running out, and nothing is decided otherwise than if each were told of every signal."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.limits import Limits
from schemas.decision import Decision
from schemas.signal import Signal
from tests.support.rule_world import World, signal

RULES = """
rules:
  - {name: quiet, when: type == "log" && labels.user != "", group_by: [labels.user], resolve_after: 1m, reopen_within: 30s}
  - {name: slow, when: type == "log" && labels.host != "", group_by: [labels.host], resolve_after: 3m}
  - {name: for-ever, when: type == "log", group_by: [labels.user, labels.host]}
  - {name: alerts, when: type == "alert", group_by: [labels.user], resolve_after: 2m}
"""

moments = st.lists(
    st.tuples(
        st.sampled_from((0.2, 1, 10, 29, 31, 61, 170)),
        st.sampled_from(("log", "log", "log", "alert", "error")),
        st.sampled_from(("firing", "firing", "firing", "firing", "resolved", "acknowledged")),
        st.sampled_from("abcd"),
        st.sampled_from(("x", "y", "")),
        st.sampled_from((0, 0, 0, 40)),
        st.sampled_from(("k1", "k2")),
    ),
    min_size=4,
    max_size=40,
)


def stream(said: list[tuple[Any, ...]]) -> list[tuple[float, Any]]:
    t, found = 100.0, []
    for number, (gap, kind, status, user, host, expires, key) in enumerate(said):
        t += gap
        fields: dict[str, Any] = {
            "type": kind,
            "status": status,
            "group_key": key,
            "labels": {"user": user, "host": host},
        }
        if expires:
            fields["expires_at"] = f"2026-11-21T10:{int((t + expires) // 60):02}:{int((t + expires) % 60):02}Z"
            if t + expires >= 3600:
                del fields["expires_at"]
        found.append(
            (
                t,
                signal(
                    f"{key}-{user}-{number}",
                    t,
                    revision=str(number),
                    occurrence_id=f"o{number}" if kind != "alert" else key,
                    **fields,
                ),
            )
        )
    return found


def plain(decisions: list[Decision]) -> list[bytes]:
    return [orjson.dumps(orjson.loads(decision.to_json()), option=orjson.OPT_SORT_KEYS) for decision in decisions]


@settings(max_examples=200, deadline=None)
@given(moments, st.sampled_from((0, 1, 3)), st.sets(st.integers(0, 40)))
def test_noting_it_once_decides_what_noting_it_everywhere_does(said: list[Any], few: int, stops: set[int]) -> None:
    each, once = World(RULES, Limits(fires_in_few=1_000_000)), World(RULES, Limits(fires_in_few=few))
    expected, found = [], []
    for number, (t, one) in enumerate(stream(said)):
        expected += each.push(t, one)
        found += once.push(t, one)
        if number in stops:
            once.restart()
    assert plain(found + once.tick(90_000)) == plain(expected + each.tick(90_000))


def test_what_goes_on_in_many_is_written_once() -> None:
    w = World(RULES)
    for number in range(40):
        w.push(
            number / 10,
            signal(f"s{number}", number / 10, type="log", group_key="k", labels={"user": f"u{number}", "host": ""}),
        )
    w.state.take_changes()
    w.push(10, signal("again", 10, type="log", group_key="k", labels={"user": "u1", "host": ""}))
    rows, _ = w.state.take_changes()
    assert sorted(key for key in rows if key.startswith(("group/", "heard/"))) == [
        *(key for key in sorted(rows) if key.startswith("group/")),
        "heard/alertmanager group_key k",
    ]
    assert sum(key.startswith("group/") for key in rows) == 2


def test_all_of_them_last_as_long_as_it_is_heard_of_and_end_when_it_is_not() -> None:
    w = World(RULES)
    for number in range(20):
        w.push(0, signal(f"s{number}", 0, type="log", group_key="k", labels={"user": f"u{number}", "host": ""}))
    for t in (50, 100, 150):
        w.push(
            t, signal(f"again{t}", t, type="log", status="suppressed", group_key="k", labels={"user": "u1", "host": ""})
        )
        w.push(t, signal(f"once-more{t}", t, type="log", group_key="k", labels={"user": "", "host": ""}))
    ended = [d for d in w.tick(209) if d.kind == "incident.resolved"]
    assert ended == []
    ended = [d for d in w.tick(211) if d.kind == "incident.resolved"]
    assert len(ended) == 20


@pytest.mark.parametrize("few", [0, 8])
def test_what_fires_nowhere_any_more_is_forgotten(few: int) -> None:
    w = World(
        'rules:\n  - {name: quiet, when: type == "log", group_by: [labels.user], resolve_after: 1m}\n',
        Limits(fires_in_few=few),
    )
    for number in range(20):
        w.push(0, signal(f"s{number}", 0, type="log", group_key="k", labels={"user": f"u{number}"}))
    assert [key for key in w.state.rows if key.startswith("heard/")]
    w.tick(3 * 86_400)
    assert not [key for key in w.state.rows if key.startswith("heard/")]


def test_what_ended_and_comes_again_with_an_expiry_ends_by_it_although_it_was_heard_of_before() -> None:
    def log(number: int, t: float, **fields: str) -> Signal:
        return signal(f"s{number}", t, type="log", group_key="k", labels={"user": "a"}, **fields)

    w = World('rules:\n  - {name: r, when: type == "log", group_by: [labels.user]}\n', Limits(fires_in_few=0))
    w.push(0, log(0, 0))
    w.push(1, log(1, 1))
    w.push(2, log(2, 2, status="resolved"))
    w.push(3, log(3, 3, expires_at="2026-11-21T10:00:40Z"))
    assert [d.kind for d in w.tick(39)] == []
    assert [d.kind for d in w.tick(41)] == ["incident.resolved"]
