"""`correlate`: which open incident a new one joins, who is told, and what becomes of them."""

from pathlib import Path
from typing import Any

import pytest

from rules.explain import explain
from rules.limits import Limits
from rules.load import RulesInvalid, load, load_texts
from schemas.decision import Decision
from schemas.signal import Signal
from tests.support.rule_world import T0, World, at, command, signal

TOPOLOGY = """
services:
  shop: {depends_on: [basket, till]}
  till: {depends_on: [ledger]}
beside: [[fax, printer]]
"""


def world(ways: str, more: str = "", limits: Limits | None = None, rule: str = "") -> World:
    text = f"""
rules:
  - {{name: a, when: type == "alert", group_by: [service, labels.k], playbook: p, correlate: {ways}{rule}}}
{more}"""
    return World(ruleset=load_texts({"r.yaml": text, "topology:topology.yaml": TOPOLOGY}), limits=limits)


def alert(name: str, t: float, service: str, **fields: Any) -> Signal:
    labels = fields.pop("labels", {})
    return signal(name, t, service=service, labels={"k": name, **labels}, **fields)


def told(decisions: list[Decision]) -> list[str]:
    """What people hear of: the titles of what is looked into."""
    return [d.data["incident"]["title"].split()[0] for d in decisions if d.kind == "playbook.selected"]


def merged(decisions: list[Decision]) -> list[tuple[str, str, list[str]]]:
    """Which incident joined which other, and by what."""
    return [(d.incident_id or "", d.data["into"], d.data["reasons"]) for d in decisions if d.kind == "incident.merged"]


def test_incidents_with_the_same_labels_are_one_and_told_of_once() -> None:
    w = world("{by: [labels.cluster, labels.zone], within: 5m}")
    first = w.push(0, alert("x", 0, "pay", labels={"cluster": "c", "zone": "1"}))
    second = w.push(10, alert("y", 10, "find", labels={"cluster": "c", "zone": "1"}))
    other = w.push(20, alert("z", 20, "find", labels={"cluster": "c", "zone": "2"}))
    lacking = w.push(30, alert("u", 30, "find", labels={"cluster": "c"}))
    assert told([*first, *second, *other, *lacking]) == ["x", "z", "u"]
    [(child, into, reasons)] = merged([*second, *other, *lacking])
    assert (into, reasons) == (first[0].incident_id, ["labels"])
    held = next(d for d in second if d.kind == "playbook.held")
    assert (held.data["reason"], held.data["by"], held.incident_id) == ("joined", into, child)
    leader = next(d for d in second if d.kind == "incident.updated").data["incident"]
    assert leader["members"] == [child]


def test_values_must_be_those_of_one_incident_all_together() -> None:
    w = world("[{by: [labels.cluster, labels.zone]}, {services: 0}]")
    w.push(0, alert("x", 0, "pay", labels={"cluster": "c", "zone": "1"}))
    w.push(1, alert("y", 1, "pay", labels={"cluster": "d", "zone": "2"}))
    assert merged(w.push(2, alert("z", 2, "find", labels={"cluster": "c", "zone": "2"}))) == []


def test_what_comes_too_late_stands_alone() -> None:
    w = world("{by: labels.cluster, within: 5m}")
    w.push(0, alert("x", 0, "pay", labels={"cluster": "c"}))
    assert told(w.push(301, alert("y", 301, "find", labels={"cluster": "c"}))) == ["y"]


def test_membership_goes_by_the_time_of_the_event_and_not_of_its_arrival() -> None:
    w = world("{by: labels.cluster, within: 5m}")
    w.push(0, alert("x", 0, "pay", labels={"cluster": "c"}))
    assert told(w.push(390, alert("y", 299, "find", labels={"cluster": "c"}))) == []
    assert told(w.push(391, alert("z", 390, "seek", labels={"cluster": "c"}))) == []


def test_an_incident_that_goes_on_can_be_joined_for_as_long() -> None:
    w = world("{by: labels.cluster, within: 5m}")
    for t in (0, 200, 400):
        w.push(t, alert("x", t, "pay", labels={"cluster": "c"}, revision=str(t)))
    assert told(w.push(600, alert("y", 600, "find", labels={"cluster": "c"}))) == []


def test_neighbours_in_the_topology_are_joined_and_the_root_is_named() -> None:
    w = world("{services: 1, within: 5m}")
    first = w.push(0, alert("x", 0, "shop"))
    second = w.push(10, alert("y", 10, "till"))
    third = w.push(20, alert("KubePodCrashLooping", 20, "ledger-service"))
    far = w.push(30, alert("u", 30, "fax"))
    assert [reasons for _, _, reasons in merged([*second, *third, *far])] == [["services"], ["services"]]
    root = next(d for d in third if d.kind == "incident.updated").data["incident"]["root"]
    assert (root["service"], root["incident_id"]) == ("ledger-service", merged(third)[0][0])
    assert root["because"][0] == "its trouble comes to shop, till"
    assert told([*first, *second, *third, *far]) == ["x", "u"]


def test_services_may_be_two_steps_apart_where_that_is_said() -> None:
    apart = [alert("x", 0, "shop"), alert("y", 1, "ledger")]
    assert merged(world("{services: 1}").push(1, *apart)) == []
    assert [reasons for *_, reasons in merged(world("{services: 2}").push(1, *apart))] == [["services"]]


def test_errors_after_a_deploy_are_joined_by_it() -> None:
    deploy = signal("v7", 0, type="change", status="info", service="ledger", title="deploy v7", group_key="v7")
    errors = [alert("x", 60, "ledger"), alert("y", 90, "till"), alert("z", 95, "fax")]
    assert merged(world("{change: 30m, within: 5m}").push(60, *errors)) == []
    w = world("{change: 30m, within: 5m}")
    w.push(0, deploy)
    decisions = [decision for error in errors for decision in w.push(95, error)]
    assert [reasons for *_, reasons in merged(decisions)] == [["change"]]
    words = next(d for d in decisions if d.kind == "incident.merged").because
    assert "both came within 30m after the change 'deploy v7'" in words


def test_a_change_that_opens_an_incident_is_joined_by_the_errors_after_it() -> None:
    more = '  - {name: deploys, when: type == "change", group_by: [id], correlate: {change: 30m}}'
    w = world("{change: 30m}", more)
    deploy = signal("v7", 0, type="change", status="firing", service="ledger", title="deploy v7", group_key="v7")
    w.push(0, deploy)
    [(_, into, _)] = merged(w.push(60, alert("x", 60, "ledger")))
    root = next(row["root"] for row in w.state.rows.values() if row.get("id") == into)
    assert root["incident_id"] == into


def test_services_that_went_down_together_often_become_neighbours() -> None:
    w = world("{services: 1, learnt: true, within: 2m}")
    found = []
    for round_ in range(3):
        t = round_ * 1000
        for service in ("left", "right"):
            found += merged(w.push(t, alert(f"{service}{round_}", t, service)))
            t += 5
    assert [reasons for *_, reasons in found] == []
    t = 3000
    w.push(t, alert("left4", t, "left"))
    assert [reasons for *_, reasons in merged(w.push(t + 5, alert("right4", t + 5, "right")))] == [["learnt"]]


def test_what_is_weighed_adds_up() -> None:
    w = world("{weighed: true, by: labels.cluster, within: 4m, background: false}")
    w.push(0, alert("HighErrors", 0, "ledger", labels={"cluster": "c"}))
    assert merged(w.push(120, alert("HighErrors", 120, "till", labels={"cluster": "c"}, occurrence_id="b")))[0][2] == [
        "weighed"
    ]
    assert merged(w.push(340, alert("Slow", 340, "pages", labels={"cluster": "d"}))) == []


def test_with_hindsight_an_incident_may_belong_elsewhere() -> None:
    w = world("{weighed: true, within: 5m}")
    names = [
        ("Slow", 0, "pages"),
        ("HighErrors", 100, "shop"),
        ("HighErrors", 280, "till"),
        ("HighErrors", 284, "basket"),
    ]
    out = [
        d for name, t, service in names for d in w.push(t, alert(f"{name}{service}", t, service, title=f"{name} now"))
    ]
    out += w.push(288, alert("HighErrorsledger", 288, "ledger", title="HighErrors now"))
    into = {d.incident_id: d.data["into"] for d in out if d.kind == "incident.merged"}
    later = [d for d in w.tick(2000) if d.kind == "incident.merged"]
    assert [d.data["reason"] for d in later] == ["second_look"]
    assert later[0].at == at(700) and later[0].data["into"] != into.get(later[0].incident_id)
    assert "correlation/late/real" not in w.state.rows


def test_background_opens_nothing_and_is_counted() -> None:
    w = world("{weighed: true, background: false}")
    out = [*w.push(0, alert("Watchdog", 0, "till")), *w.tick(100)]
    [counted] = [d for d in out if d.kind == "signal.suppressed"]
    assert (counted.data["reason"], counted.data["by"], len(out)) == ("background", "a", 1)
    assert told(world("{weighed: true}").push(0, alert("Watchdog", 0, "till"))) == ["Watchdog"]


def test_all_that_one_way_says_must_hold_and_of_several_ways_any() -> None:
    both, any_ = world("{by: labels.c, services: 1}"), world("[{by: labels.c}, {services: 1}]")
    for w in (both, any_):
        w.push(0, alert("x", 0, "till", labels={"c": "1"}))
    near, same = alert("y", 1, "ledger", labels={"c": "2"}), alert("z", 2, "fax", labels={"c": "1"})
    assert merged(both.push(2, near, same)) == []
    assert len(merged(any_.push(2, near, same))) == 2
    assert merged(both.push(3, alert("u", 3, "shop", labels={"c": "1"})))[0][2] == ["labels", "services"]


def test_a_member_that_is_worse_than_all_that_was_told_of_is_told_of_once() -> None:
    w = world("{by: labels.c}")
    names = [("x", "warning"), ("y", "critical"), ("z", "critical"), ("u", "error")]
    out = [
        decision
        for t, (name, severity) in enumerate(names)
        for decision in w.push(t, alert(name, t, name, labels={"c": "1"}, severity=severity))
    ]
    assert told(out) == ["x", "y"]
    assert len(merged(out)) == 3


def test_a_member_that_gets_critical_is_told_of() -> None:
    w = world("{by: labels.c}")
    w.push(0, alert("x", 0, "x", labels={"c": "1"}))
    w.push(1, alert("y", 1, "y", labels={"c": "1"}))
    worse = alert("y", 9, "y", labels={"c": "1"}, severity="critical")
    assert told(w.push(9, worse)) == ["y"]


def test_when_a_leader_ends_what_is_left_of_it_goes_on_under_another() -> None:
    w = world("{services: 1}")
    w.push(0, alert("x", 0, "till"))
    w.push(1, alert("y", 1, "shop"))
    w.push(2, alert("z", 2, "ledger"))
    out = w.push(10, alert("x", 10, "till", status="resolved"))
    assert told(out) == []
    later = w.tick(200)
    assert told(later) == ["z"]
    [(_, into, reasons)] = merged(later)
    assert (reasons, into) == (["handed_over"], next(d.incident_id for d in later if d.kind == "playbook.selected"))
    assert [(d.at - T0) / 1e6 for d in later if d.kind == "incident.merged"] == [130.0]
    assert told(w.push(210, alert("u", 210, "ledger", labels={"k": "u"}))) == []


def test_what_ends_together_tells_nobody() -> None:
    w = world("{services: 1}")
    w.push(
        0,
        alert("x", 0, "till"),
    )
    w.push(1, alert("y", 1, "shop"))
    w.push(10, alert("x", 10, "till", status="resolved"))
    w.push(60, alert("y", 60, "shop", status="resolved"))
    assert [d.kind for d in w.tick(1000) if not d.kind.startswith("signal.")] == []


def test_a_leader_that_is_back_before_its_members_are_handed_over_leads_on() -> None:
    w = world("{services: 1}")
    w.push(0, alert("x", 0, "till"))
    w.push(1, alert("y", 1, "shop"))
    w.push(10, alert("x", 10, "till", status="resolved"))
    out = w.push(60, alert("x", 60, "till"))
    assert [d.kind for d in out][:1] == ["incident.reopened"]
    assert merged([*out, *w.tick(1000)]) == []
    assert told(w.push(1001, alert("y", 1001, "shop", revision="2"))) == []


def test_a_member_that_is_back_is_still_a_member() -> None:
    w = world("{services: 1}")
    w.push(0, alert("x", 0, "till"))
    w.push(1, alert("y", 1, "shop"))
    w.push(10, alert("y", 10, "shop", status="resolved"))
    out = w.push(900, alert("y", 900, "shop"))
    assert told(out) == [] and merged(out) == []
    assert "incident.reopened" in [d.kind for d in out]


def test_a_rehearsal_joins_nothing_real() -> None:
    w = world("{by: labels.c}")
    w.push(0, alert("x", 0, "x", labels={"c": "1"}))
    assert merged(w.push(1, alert("y", 1, "y", labels={"c": "1"}, rehearsal=True))) == []


def test_a_rule_that_waits_tells_of_its_group_when_it_leads() -> None:
    w = world("{by: labels.c}", rule=", group_wait: 10s, group_interval: 1m")
    out = w.push(0, alert("x", 0, "x", labels={"c": "1"})) + w.push(1, alert("y", 1, "y", labels={"c": "1"}))
    out += w.tick(100)
    assert told(out) == ["x"]
    assert ("joined", "y") in [
        (
            d.data["reason"],
            next(
                o.data["incident"]["title"][0] for o in out if o.incident_id == d.incident_id and "incident" in o.data
            ),
        )
        for d in out
        if d.kind == "playbook.held"
    ]
    w.push(110, alert("x", 110, "x", labels={"c": "1"}, status="resolved"))
    assert told(w.tick(400)) == ["y"]


def test_what_somebody_resolves_hands_over_too() -> None:
    w = world("{by: labels.c}")
    lead = w.push(0, alert("x", 0, "x", labels={"c": "1"}))[0].incident_id
    w.push(1, alert("y", 1, "y", labels={"c": "1"}))
    w.push(5, command("resolve", 5, incident_id=lead))
    assert told(w.tick(200)) == ["y"]


def test_somebody_can_take_a_member_away_again() -> None:
    w = world("{by: labels.c}")
    lead = w.push(0, alert("x", 0, "x", labels={"c": "1"}))[0].incident_id
    member = w.push(1, alert("y", 1, "y", labels={"c": "1"}))[0].incident_id
    out = w.push(5, command("separate", 5, incident_id=member, reason="another disk"))
    assert [d.kind for d in out] == ["incident.updated", "playbook.selected"]
    assert told(out) == ["y"]
    assert (out[0].incident_id, out[0].data["incident"].get("parent")) == (member, None)
    assert out[0].because == f"no part of {lead} any more, says human:ann: another disk"
    [leader] = [d for d in w.push(6, alert("y", 6, "y", labels={"c": "1"}, status="resolved")) if d.incident_id == lead]
    assert (leader.because, leader.data["incident"]["members"]) == ("no other incident belongs to it any more", [])
    again = w.push(7, alert("y", 7, "y", labels={"c": "1"}))
    assert [d.kind for d in again] == ["incident.reopened", "playbook.skipped"], "an investigation of it runs"
    [refused] = w.push(8, command("separate", 8, incident_id=lead))
    assert refused.kind == "command.refused"


def test_memory_is_bounded_and_what_is_let_go_is_told() -> None:
    w = world("{by: labels.c}", limits=Limits(correlated=3))
    out = []
    for number in range(6):
        out += w.push(number, alert(f"x{number}", number, f"x{number}", labels={"c": str(number)}))
    assert len(w.state.sets) == 3
    assert w.state.evicted == {"correlated": 3}
    assert told(w.push(7, alert("y", 7, "y", labels={"c": "5"}))) == []
    assert told(w.push(8, alert("z", 8, "z", labels={"c": "0"}))) == ["z"]
    [evicted] = [d for d in w.tick(200) if d.kind == "state.evicted"]
    assert evicted.data["count"] == 4


def test_nothing_is_kept_of_what_nothing_can_join_any_more() -> None:
    w = world("{by: labels.c, within: 5m}")
    w.push(0, alert("x", 0, "x", labels={"c": "1"}))
    w.tick(421)
    assert not w.state.sets and not w.state.rows.named("correlation/set/")


def test_a_rule_without_correlate_keeps_nothing() -> None:
    w = World('rules: [{name: a, when: type == "alert", playbook: p}]')
    w.push(0, alert("x", 0, "x"))
    w.push(0, signal("v7", 0, type="change", status="info", group_key="v7"))
    assert not w.state.rows.named("correlation/")


@pytest.mark.parametrize(
    ("correlate", "fault"),
    [
        ("{}", r"r.yaml:3:\d+: .*say what incidents have in common: by, services, change, or weighed: true"),
        ("{by: labels.c, wihtin: 5m}", r"r.yaml:3:\d+: unknown key 'wihtin'; did you mean 'within'\?"),
        ("{by: lables.c}", r"r.yaml:3:\d+: correlate: unknown field 'lables'; did you mean 'labels'\?"),
        ("[{by: labels.c}, {by: [service, sevrity]}]", r"r.yaml:3:\d+: correlate: unknown field 'sevrity'"),
        ("{services: 3}", r"r.yaml:3:\d+: .*less than or equal to 2"),
        ("{learnt: true, by: labels.c}", r"r.yaml:3:\d+: .*'learnt' adds neighbours"),
        ("{services: 1}", r"r.yaml:3:\d+: correlate: no topology.yaml stands beside the rules"),
        ("labels.c", r"r.yaml:3:\d+: "),
    ],
)
def test_what_is_wrong_is_told_at_its_place(correlate: str, fault: str) -> None:
    with pytest.raises(RulesInvalid, match=fault):
        load_texts({"r.yaml": f"rules:\n  - name: a\n    correlate: {correlate}\n    when: 'true'\n"})


def test_the_topology_beside_the_rules_is_read_with_them_and_its_faults_are_told(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("rules: [{name: a, when: 'true', correlate: {services: 1}}]")
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    found = load([tmp_path])
    assert found.relations is not None and found.relations.graph.apart("shop", "till") == 1
    assert load([tmp_path / "r.yaml"]).version == found.version
    assert load_texts(found.sources).version == found.version
    (tmp_path / "topology.yaml").write_text("services: {shop: {depends_on: [fax]}}")
    assert load([tmp_path]).version != found.version
    (tmp_path / "topology.yaml").write_text("\nservice: {}")
    with pytest.raises(RulesInvalid, match=r"topology.yaml:2:1: unknown key 'service'"):
        load([tmp_path])


def test_explain_says_what_a_signal_would_join_and_why_not() -> None:
    w = world("[{by: labels.c, within: 5m}, {services: 1}]")
    item = alert("y", 400, "fax", labels={"c": "2"})
    alone = explain(w.engine.ruleset, item.model_dump(mode="json"), None, at(400)).render()
    assert "joins an open incident by labels.c; or neighbours (next to it: printer); none is open" in alone
    w.push(0, alert("x", 0, "till", labels={"c": "1"}))
    text = explain(w.engine.ruleset, item.model_dump(mode="json"), w.state, at(400)).render()
    assert "by labels.c: not, 6m40s apart, more than 5m; labels.c is '2' here and '1' there" in text
    assert "by neighbours: not, fax is not next to till" in text


TREE = """
rules:
  - name: top
    when: type == "alert"
    group_by: [service, labels.k]
    playbook: p
    correlate: {by: labels.cluster, within: 5m}
    rules:
      - name: same
        when: labels.kind == "same"
        rules: [{name: deep, when: labels.deep == "yes"}]
      - {name: own, when: labels.kind == "own", correlate: {services: 0}}
      - {name: alone, when: labels.kind == "alone", correlate: null}
"""


def test_children_of_a_routing_tree_join_as_the_rule_above_them_unless_they_say_otherwise() -> None:
    ruleset = load_texts({"r.yaml": TREE})
    ways = {rule.name: [way.key or way.said.services for way in rule.ways] for rule in ruleset.rules}
    assert ways == {
        "top": ["labels.cluster"],
        "same": ["labels.cluster"],
        "deep": ["labels.cluster"],
        "own": [0],
        "alone": [],
    }
    w = World(ruleset=ruleset)
    kinds: tuple[dict[str, str], ...] = (
        {},
        {"kind": "same"},
        {"kind": "same", "deep": "yes"},
        {"kind": "own"},
        {"kind": "alone"},
    )
    decisions = [
        decision
        for number, labels in enumerate(kinds)
        for decision in w.push(number, alert(f"n{number}", number, f"s{number}", labels={"cluster": "c", **labels}))
    ]
    assert told(decisions) == ["n0", "n3", "n4"]
    assert [reasons for _, _, reasons in merged(decisions)] == [["labels"], ["labels"]]
    item = alert("n9", 9, "s9", labels={"cluster": "c", "kind": "same"}).model_dump(mode="json")
    text = explain(ruleset, item, w.state, at(9)).render()
    assert "by labels.cluster" in text


def test_a_fault_of_what_is_inherited_is_told_once_where_it_is_written() -> None:
    with pytest.raises(RulesInvalid) as wrong:
        load_texts({"r.yaml": TREE.replace("labels.cluster", "lables.cluster")})
    assert [(fault.line, fault.message.split(":")[0]) for fault in wrong.value.faults] == [(7, "correlate")]


def test_what_keeps_apart_is_never_one_whatever_else_speaks_for_it() -> None:
    w = world("{weighed: true, by: labels.zone, apart: labels.cluster}")
    decisions = [
        *w.push(0, alert("x", 0, "pay", labels={"cluster": "c", "zone": "z"})),
        *w.push(1, alert("y", 1, "pay", labels={"cluster": "d", "zone": "z"})),
        *w.push(2, alert("z", 2, "pay", labels={"zone": "z"})),
        *w.push(3, alert("u", 3, "pay", labels={"cluster": "c", "zone": "z"})),
    ]
    assert told(decisions) == ["x", "y"]
    item = alert("v", 4, "pay", labels={"cluster": "e", "zone": "z"}).model_dump(mode="json")
    text = explain(w.engine.ruleset, item, w.state, at(4)).render()
    assert "labels.cluster is 'e' here and 'd' there, which keeps them apart" in text


def test_labels_of_other_rules_are_not_weighed() -> None:
    more = '  - {name: other, when: type == "log", group_by: [service], correlate: {by: [labels.k, service]}}'
    alone, beside = (world("{weighed: true, by: labels.zone}", text) for text in ("", more))
    signals = [alert(f"n{number}", 40 * number, f"s{number}", labels={"zone": "z"}) for number in range(4)]
    outcomes = [
        [d.because for number, one in enumerate(signals) for d in w.push(40 * number, one)] for w in (alone, beside)
    ]
    assert [text.replace(" ", "") for text in outcomes[0]] == [text.replace(" ", "") for text in outcomes[1]]
    assert any("belongs to" in text for text in outcomes[0])
