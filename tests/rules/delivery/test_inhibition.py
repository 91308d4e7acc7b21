"""Inhibition: what fires holds others back, by Alertmanager's rules, with every source kept."""

from typing import Any

from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import T0, World, at, command, rules, signal

RULES = """
rules:
  - name: cluster-down
    when: labels.alertname == "ClusterDown"
    inhibit: {when: 'severity in ["warning", "info"]', equal: [labels.cluster]}
  - name: all
    when: type == "alert"
    group_by: [labels.alertname, labels.cluster]
    playbook: page
"""


def alert(name: str, t: float, cluster: str | None = "c1", **fields: Any) -> Any:
    labels = {"alertname": name, **({"cluster": cluster} if cluster else {})}
    return signal(f"{name}-{cluster}", t, labels=labels, **{"severity": "warning", **fields})


def asked(decisions: list[Decision]) -> list[tuple[float, str]]:
    """When a playbook was selected for which alert, those of the source left out."""
    return [
        ((d.at - T0) / 1e6, d.data["incident"]["labels"]["alertname"])
        for d in decisions
        if d.kind == "playbook.selected" and d.data["incident"]["labels"]["alertname"] != "ClusterDown"
    ]


def holds(decisions: list[Decision]) -> list[tuple[str, str]]:
    return [(d.data["reason"], d.data["by"]) for d in decisions if d.kind == "playbook.held"]


def test_alertmanager_inhibition_needs_equal_values() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    held = world.push(1, alert("Slow", 1))
    assert asked(held) == [] and holds(held) == [("inhibited", "cluster-down")]
    why = next(d for d in held if d.kind == "playbook.held").because
    assert why == "inhibited by rule cluster-down: 'ClusterDown-c1 is wrong' fires"
    assert asked(world.push(2, alert("Slow", 2, "c2"))) == [(2, "Slow")]
    assert asked(world.push(3, alert("Fast", 3, severity="error"))) == [(3, "Fast")], "it does not meet the condition"


def test_alertmanager_inhibition_labels_lacking_on_both_sides_are_equal_and_on_one_are_not() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, None, severity="critical"))
    assert asked(world.push(1, alert("Slow", 1, None))) == []
    assert asked(world.push(2, alert("Slow", 2, "c1"))) == [(2, "Slow")]


def test_alertmanager_inhibition_with_nothing_equal_is_by_any_source() -> None:
    world = World(RULES.replace(", equal: [labels.cluster]", ""))
    world.push(0, alert("ClusterDown", 0, "c9", severity="critical"))
    assert asked(world.push(1, alert("Slow", 1))) == []


BOTH = RULES.replace('when: labels.alertname == "ClusterDown"', 'when: labels.alertname in ["ClusterDown", "NodeDown"]')


def test_alertmanager_inhibition_an_alert_on_both_sides_is_not_held_by_one_on_both_sides() -> None:
    world = World(BOTH)
    world.push(0, alert("NodeDown", 0))
    assert asked(world.push(1, alert("ClusterDown", 1, severity="info"))) == []
    found = world.push(2, alert("NodeDown", 2, "c2"), alert("ClusterDown", 2, "c2"))
    assert holds(found) == [], "each meets both sides"


def test_alertmanager_inhibition_keeps_every_source() -> None:
    """Alertmanager 0.34 keeps the one that ends last; hidden behind it, a source that would hold does not."""
    world = World(BOTH)
    world.push(0, alert("ClusterDown", 0, severity="critical", expires_at=at(300)))
    world.push(0, alert("NodeDown", 0, expires_at=at(900)))
    assert holds(world.push(1, alert("Slow", 1))) == [("inhibited", "cluster-down")]
    again = World(BOTH.replace("equal:", "sources: last, equal:"))
    again.push(0, alert("ClusterDown", 0, severity="critical", expires_at=at(300)))
    again.push(0, alert("NodeDown", 0, expires_at=at(900)))
    found = again.push(
        1, signal("NodeDown-other", 1, labels={"alertname": "NodeDown", "cluster": "c1", "n": "2"}, severity="info")
    )
    assert holds(found) == [], "the source that counts meets both sides, as this one does"


def test_alertmanager_inhibition_is_by_silenced_sources_too() -> None:
    world = World(RULES)
    world.push(0, command("silence", 0, matcher='labels.alertname == "ClusterDown"', until=to_rfc3339(at(600))))
    world.push(1, alert("ClusterDown", 1, severity="critical"))
    assert holds(world.push(2, alert("Slow", 2))) == [("inhibited", "cluster-down")]


def test_what_is_held_is_told_when_the_source_is_over() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    world.push(1, alert("Slow", 1))
    world.restart()
    assert asked(world.push(60, alert("ClusterDown", 60, status="resolved"))) == [(60, "Slow")]


def test_what_is_held_is_told_when_the_source_runs_out() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical", expires_at=at(300)))
    world.push(1, alert("Slow", 1))
    assert asked(world.tick(400)) == [(300, "Slow")]


def test_what_is_held_by_two_is_told_when_both_are_over() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    second = {"labels": {"alertname": "ClusterDown", "cluster": "c1", "n": "2"}, "severity": "critical"}
    world.push(0, signal("second", 0, **second))
    world.push(1, alert("Slow", 1))
    assert asked(world.push(60, alert("ClusterDown", 60, status="resolved"))) == []
    assert asked(world.push(90, signal("second", 90, status="resolved", **second))) == [(90, "Slow")]


def test_what_was_over_while_held_is_said_to_have_been_told_to_nobody() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    world.push(1, alert("Slow", 1))
    out = world.push(30, alert("Slow", 30, status="resolved"))
    skipped = next(d for d in out if d.kind == "playbook.skipped")
    assert skipped.data == {"playbook": "page", "reason": "over"}
    assert skipped.because == "nobody was told: it was over while held (inhibited by cluster-down)"
    assert asked(world.push(60, alert("ClusterDown", 60, status="resolved"))) == []


def test_what_happened_at_a_moment_is_counted_and_gone() -> None:
    world = World(RULES.replace('when: type == "alert"', 'when: type == "error"'))
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    assert world.push(1, alert("Slow", 1, type="error")) == []
    counted = [d for d in world.tick(100) if d.kind == "signal.suppressed"]
    assert [(d.data["reason"], d.data["by"]) for d in counted] == [("inhibition", "cluster-down")]


def test_an_error_as_source_holds_until_its_incident_is_over() -> None:
    world = World(RULES.replace("inhibit:", "resolve_after: 5m\n    inhibit:"))
    world.push(0, alert("ClusterDown", 0, severity="critical", type="error"))
    assert holds(world.push(1, alert("Slow", 1))) == [("inhibited", "cluster-down")]
    world.tick(400)
    assert holds(world.push(401, alert("Other", 401))) == []


def test_rehearsals_and_what_is_real_do_not_hold_each_other() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical", rehearsal=True))
    assert asked(world.push(1, alert("Slow", 1))) == [(1, "Slow")]


def test_rules_activated_anew_hold_by_what_they_say_of_what_fires() -> None:
    world = World(RULES)
    world.push(0, alert("ClusterDown", 0, severity="critical"))
    world.push(1, alert("Slow", 1))
    other = rules(
        RULES.replace('inhibit: {when: \'severity in ["warning", "info"]\'', "inhibit: {when: 'severity == \"info\"'")
    )
    world.engine.offer(other)
    world.push(10, command("activate_rules", 10, version=other.version))
    assert asked(world.tick(10)) == [(10, "Slow")], "nothing holds it any more"
    assert holds(world.push(11, alert("Note", 11, severity="info"))) == [("inhibited", "cluster-down")]
