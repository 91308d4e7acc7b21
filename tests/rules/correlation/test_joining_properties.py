"""What must hold of rules that correlate whatever comes: stopping anywhere and hearing it again change nothing, nobody is lost."""

from collections import Counter
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.limits import Limits
from rules.load import load_texts
from schemas.decision import Decision
from schemas.signal import Signal
from tests.support.rule_world import World, signal

TOPOLOGY = """
services:
  shop: {depends_on: [basket, till]}
  till: {depends_on: [ledger]}
beside: [[fax, printer]]
"""
RULES = """
storm: {groups: 5, within: 2m, playbook: everything}
rules:
  - {name: near, when: type == "alert" && labels.k == "a", group_by: [service], playbook: q, reopen_within: 1m, correlate: {services: 1, learnt: true, within: 2m}}
  - {name: exact, when: type == "alert", group_by: [service, labels.k], playbook: p, correlate: [{by: labels.c, within: 3m}, {services: 1, change: 5m}]}
  - {name: weighed, when: type == "alert", group_by: [service, labels.c], playbook: r, resolve_after: 4m, correlate: {weighed: true, by: labels.c, background: false}}
  - {name: waits, when: type == "alert" && labels.k == "b", group_by: [service], playbook: s, group_wait: 10s, group_interval: 1m, correlate: {by: labels.c}}
  - {name: own-storm, when: type == "alert", group_by: [service], playbook: t, storm: {groups: 3, within: 1m}, throttle: {once_within: 1m}}
  - {name: plain, when: type == "alert", group_by: [service], playbook: u}
"""
SETS = {"r.yaml": RULES, "topology:topology.yaml": TOPOLOGY}

moments = st.lists(
    st.tuples(
        st.sampled_from((0, 1, 5, 20, 60, 130, 250)),
        st.sampled_from(("shop", "till", "ledger", "fax", "printer-service", "")),
        st.sampled_from(("firing", "firing", "firing", "resolved", "change")),
        st.sampled_from("ab"),
        st.sampled_from(("1", "2", "")),
        st.sampled_from(("warning", "error", "critical")),
        st.sampled_from(("slow", "Watchdog")),
        st.integers(-90, 2),
    ),
    min_size=3,
    max_size=25,
)


def stream(said: list[tuple[Any, ...]]) -> list[tuple[int, Signal]]:
    t, found = 100, []
    for number, (gap, service, kind, k, c, severity, title, late) in enumerate(said):
        t += gap
        fields: dict[str, Any] = {"service": service or None, "labels": {"k": k, "c": c}, "revision": str(number)}
        if kind == "change":
            fields |= {"type": "change", "status": "info", "title": f"deploy {number}"}
        else:
            fields |= {"status": kind, "severity": severity, "title": f"{title} {service}"}
        name = f"{number}" if kind == "change" else f"{service}-{k}-{c}"
        found.append((t, signal(name, max(0, t + late), group_key=name, **fields)))
    return found


def world(limits: Limits | None = None) -> World:
    return World(ruleset=load_texts(SETS), limits=limits)


def plain(decisions: list[Decision]) -> list[bytes]:
    return [orjson.dumps(orjson.loads(decision.to_json()), option=orjson.OPT_SORT_KEYS) for decision in decisions]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moments, st.one_of(st.just(set(range(60))), st.sets(st.integers(0, 40))), st.sampled_from((1000, 2)))
def test_stopping_and_restoring_anywhere_changes_nothing(said: list[Any], stops: set[int], most: int) -> None:
    limits = Limits(correlated=most)
    whole, stopped = world(limits), world(limits)
    expected, found = [], []
    for number, (t, one) in enumerate(stream(said)):
        expected += whole.push(t, one)
        found += stopped.push(t, one)
        if number in stops:
            stopped.restart()
    stopped.restart()
    assert plain(found + stopped.tick(9000)) == plain(expected + whole.tick(9000))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moments)
def test_redelivery_changes_nothing(said: list[Any]) -> None:
    once, again = world(), world()
    signals = stream(said)
    expected = [decision for t, one in signals for decision in once.push(t, one)] + once.tick(9000)
    found = [decision for t, one in signals for decision in again.push(t, one, one)] + again.tick(9000)

    def content(decisions: list[Decision]) -> list[tuple[str, str, str]]:
        return [(d.id, d.kind, d.because) for d in decisions if d.kind != "signal.deduplicated"]

    assert content(found) == content(expected)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moments)
def test_whoever_is_part_of_another_is_listed_there_and_somebody_is_told_of_all_that_lasts(said: list[Any]) -> None:
    w = world()
    told: set[str] = set()
    signals = stream(said)
    for decision in [d for t, one in signals for d in w.push(t, one)] + w.tick(9000):
        stormy = decision.kind == "playbook.held" and decision.data["reason"] == "storm"
        if decision.kind in ("playbook.selected", "playbook.skipped") or stormy:
            told.add(decision.incident_id or "")
    rows = {row["id"]: row for key, row in w.state.rows.items() if key.startswith("group/") and "id" in row}
    for identity, row in rows.items():
        parent = row.get("parent")
        if row["status"] == "resolved":
            continue
        if parent is not None:
            assert identity in rows[parent]["members"]
            assert rows[parent]["status"] != "resolved", "a member outlives its leader only for a while"
            assert "parent" not in rows[parent], "a leader is part of nothing"
        assert told & {identity, parent}


def test_the_properties_reach_what_they_are_about() -> None:
    """A stream of this kind joins incidents in every way, hands over, and makes both kinds of storms."""
    said: list[Any] = []
    for _ in range(3):
        said += [
            (250, "fax", "firing", "a", "", "error", "slow", 0),
            (1, "shop", "firing", "a", "2", "error", "slow", 0),
        ]
        said += [(1, name, "resolved", "a", c, "error", "slow", 0) for name, c in (("fax", ""), ("shop", "2"))]
    said += [
        (250, "ledger", "change", "a", "", "error", "slow", 0),
        (1, "ledger", "firing", "a", "1", "error", "slow", 0),
        (1, "till", "firing", "a", "", "error", "slow", 0),
        (1, "shop", "firing", "b", "1", "critical", "slow", 0),
        (1, "fax", "firing", "a", "", "error", "slow", 0),
        (1, "shop", "firing", "a", "", "error", "slow", 0),
        (1, "ledger", "resolved", "a", "1", "error", "slow", 0),
        (1, "till", "firing", "a", "2", "error", "Watchdog", 0),
    ]
    w = world()
    decisions = [d for t, one in stream(said) for d in w.push(t, one)] + w.tick(9000)
    reasons = Counter(reason for d in decisions if d.kind == "incident.merged" for reason in d.data["reasons"])
    assert reasons.keys() == {"labels", "services", "change", "learnt", "weighed", "handed_over"}
    storms = {
        d.data["incident"]["group"]["storm"]
        for d in decisions
        if d.kind == "incident.opened" and "storm" in d.data["incident"]["group"]
    }
    assert storms == {"own-storm", "storm"}
    assert "background" in {d.data.get("reason") for d in decisions}
    assert {"joined", "storm"} <= {d.data["reason"] for d in decisions if d.kind == "playbook.held"}
