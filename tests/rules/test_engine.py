"""Signals in at a time, decisions out: what the engine makes of them."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.engine import BadInput, Engine
from rules.limits import Limits
from rules.signals import batch_of, line_of
from schemas.decision import Decision, decide
from schemas.incident import Incident
from schemas.payload import DATA
from schemas.time import to_rfc3339
from tests.support.rule_world import World, at, batch, command, rules, said, signal

ALERTS = "rules:\n  - {name: alerts, when: type == 'alert', group_by: [service], playbook: triage-alert}\n"
BURST = """rules:
  - name: burst
    when: type == "log" && severity == "error"
    group_by: [service]
    match: {count: ">= 3", within: 5m}
    resolve_after: 15m
    playbook: log-burst
"""


def one(decisions: list[Decision], kind: str) -> Decision:
    found = [decision for decision in decisions if decision.kind == kind]
    assert len(found) == 1, said(decisions)
    return found[0]


def incident(decision: Decision) -> Incident:
    return Incident.model_validate(decision.data["incident"])


def test_a_signal_opens_an_incident_and_asks_for_its_playbook() -> None:
    world = World(ALERTS)
    out = world.push(0, signal("disk", labels={"host": "a"}, trace="00-abc-def-01"))
    assert said(out) == ["0s incident.opened", "0s playbook.selected"]
    opened, selected = out
    found = incident(opened)
    assert (found.status, found.severity, found.signals, found.firing) == ("open", "error", 1, ("disk",))
    assert (found.group, found.episode, found.first_seen) == ({"service": "checkout"}, 1, at(0))
    assert opened.because == "error alert 'disk is wrong' (rule alerts, service=checkout)"
    assert opened.trace == selected.trace == found.trace == "00-abc-def-01"
    assert opened.actor == "rule:alerts"
    assert opened.versions.rules == world.engine.ruleset.version
    assert opened.versions.rule == world.engine.ruleset.rules[0].version
    assert selected.data["playbook"] == "triage-alert"
    assert selected.data["signal_ids"] == [signal("disk").id]


def test_a_redelivery_changes_nothing_and_is_counted() -> None:
    world = World(ALERTS)
    world.push(0, signal("disk"))
    assert world.push(5, signal("disk"), signal("disk")) == []
    counted = one(world.tick(120), "signal.deduplicated")
    assert counted.at == at(65)
    assert (counted.data["count"], counted.data["reason"]) == (2, "duplicate")
    assert counted.data["exemplars"] == [signal("disk").id] * 2


def test_a_repeat_is_new_once_its_time_of_remembrance_is_over() -> None:
    world = World(ALERTS)
    assert world.push(0, signal("disk", remember_s=60))
    assert world.push(59, signal("disk", remember_s=60)) == []
    assert "60s incident.updated" in said(world.push(60, signal("disk", remember_s=60)))


def test_later_signals_update_and_those_that_only_add_up_are_told_together() -> None:
    world = World(ALERTS)
    world.push(0, signal("a"))
    assert said(world.push(1, signal("b", 1))) == ["1s incident.updated"]
    assert world.push(2, signal("c", 2), signal("d", 2)) == []
    update = one(world.tick(60), "incident.updated")
    assert update.at == at(6)
    assert update.because == "2 more signals, 4 in all; 4 firing"
    assert incident(update).signals == 4
    assert set(update.data["changes"]) == {"signals", "last_seen", "firing"}


def test_a_severity_that_rises_is_told_at_once_and_critical_asks_again() -> None:
    world = World(ALERTS)
    world.push(0, signal("a"), signal("b", 0))
    world.push(
        1, command("outcome", 1, incident_id=next(iter(world.state.incidents)), investigation_id="i", verdict="noise")
    )
    out = world.push(1, signal("c", 1, severity="critical"))
    assert said(out) == ["1s incident.updated", "1s playbook.selected"]
    assert "severity" in out[0].data["changes"]
    assert out[0].because == "severity rose from error to critical with 'c is wrong'"


def test_no_second_investigation_starts_while_one_runs() -> None:
    world = World(ALERTS)
    world.push(0, signal("a"))
    out = world.push(1, signal("b", 1, severity="critical"))
    assert one(out, "playbook.skipped").data == {"playbook": "triage-alert", "reason": "running"}


@pytest.mark.parametrize(
    ("said_in_rule", "reason"), [("shadow: true, playbook: p", "shadow"), ("owner: me", "none_named")]
)
def test_why_nobody_investigates_is_recorded(said_in_rule: str, reason: str) -> None:
    world = World(f"rules:\n  - {{name: r, when: type == 'alert', {said_in_rule}}}\n")
    skipped = one(world.push(0, signal("a")), "playbook.skipped")
    assert skipped.data["reason"] == reason
    assert Decision.from_json(skipped.to_json()).data == skipped.data


def test_an_incident_resolves_when_nothing_of_it_fires_any_more() -> None:
    world = World(ALERTS)
    world.push(0, signal("a"), signal("b"))
    update = one(world.push(10, signal("a", 10, status="resolved")), "incident.updated")
    assert update.because == "something of it is over; 1 still firing"
    out = world.push(11, signal("b", 11, status="resolved"))
    assert said(out)[-1] == "11s incident.resolved"
    assert incident(out[-1]).resolved_by == "alertmanager"
    assert incident(out[-1]).firing == ()


def test_a_resolution_reaches_its_incident_whatever_the_rule_asks_for() -> None:
    world = World("rules:\n  - {name: r, when: status == 'firing' && severity == 'critical'}\n")
    world.push(0, signal("a", severity="critical"))
    out = world.push(1, signal("a", 1, status="resolved", severity="info"))
    assert "1s incident.resolved" in said(out)


def test_a_resolution_for_no_open_incident_opens_nothing() -> None:
    world = World(ALERTS)
    assert world.push(0, signal("a", status="resolved")) == []
    assert one(world.tick(60), "signal.unmatched").data["count"] == 1


def test_the_end_of_one_problem_does_not_end_another_in_the_same_group() -> None:
    world = World("rules:\n  - {name: r, when: type == 'error', group_by: [service]}\n")
    for name in ("a", "b"):
        world.push(0, *(signal(name, t, type="error", occurrence_id=f"{name}{t}") for t in range(3)))
    world.push(20, signal("a", 20, type="error", status="resolved", occurrence_id="issue-a"))
    out = world.push(21, signal("b", 21, type="error", status="resolved", occurrence_id="issue-b"))
    assert said(out)[-1] == "21s incident.resolved"


def test_what_is_not_renewed_expires_at_its_moment() -> None:
    world = World(ALERTS)
    world.push(0, signal("a", expires_at=at(300)), signal("b", expires_at=at(100)))
    world.push(200, signal("a", 200, expires_at=at(500)))
    assert world.engine.next_due(world.state) is not None
    out = world.tick(9999)
    resolved = one(out, "incident.resolved")
    assert resolved.at == at(500)
    assert "not renewed" in resolved.because


def test_a_quiet_incident_resolves_at_its_moment() -> None:
    world = World(BURST)
    for t in range(0, 100, 10):
        world.push(t, batch(f"b{t}", t, ("error", "boom")))
    resolved = one(world.tick(99999), "incident.resolved")
    assert resolved.at == at(90 + 15 * 60)
    assert resolved.because == "no new signal for 15m (resolve_after of rule burst); 10 signals in all"


def test_firing_again_soon_reopens_and_later_opens_a_new_episode() -> None:
    world = World(ALERTS)
    first = incident(world.push(0, signal("a"))[0])
    world.push(10, signal("a", 10, status="resolved"))
    again = world.push(10 + 30 * 60 - 1, signal("a", 1809))
    assert said(again)[0] == "1809s incident.reopened"
    assert incident(again[0]).reopened == 1
    assert incident(again[0]).id == first.id
    world.push(1900, signal("a", 1900, status="resolved"))
    anew = one(world.push(1900 + 30 * 60, signal("a", 3700)), "incident.opened")
    assert incident(anew).episode == 2
    assert incident(anew).id != first.id
    assert incident(anew).group_id == first.group_id


def test_episodes_go_on_counting_after_the_incident_is_forgotten() -> None:
    world = World(ALERTS, Limits(keep_resolved=60_000_000))
    first = incident(world.push(0, signal("a"))[0])
    world.push(1, signal("a", 1, status="resolved"))
    world.tick(10_000)
    assert first.id not in world.state.incidents
    world.restart()
    assert incident(one(world.push(20_000, signal("a", 20_000)), "incident.opened")).episode == 2


def test_a_burst_fires_at_its_number_and_says_so() -> None:
    world = World(BURST)
    assert world.push(0, batch("b0", 0, ("error", "x"), ("warning", "y"), ("error", "z"))) == []
    opened = one(world.push(300, batch("b1", 300, ("error", "w"))), "incident.opened")
    assert opened.because == "3 signals in 5m reached count >= 3 (rule burst, service=checkout)"
    assert incident(opened).signals == 3
    assert incident(opened).signal_ids == ("b0/0", "b0/2", "b1/0")


def test_signals_below_the_threshold_are_counted_with_their_rule() -> None:
    world = World(BURST)
    world.push(0, batch("b0", 0, ("error", "x"), ("error", "z")))
    counted = one(world.tick(60), "signal.suppressed")
    assert (counted.data["reason"], counted.data["by"], counted.data["count"]) == ("below_threshold", "burst", 2)
    assert counted.because == "2 signals were too few to fire (rule burst)"


def test_a_late_signal_re_evaluates_the_windows_it_touches_and_a_later_one_is_counted() -> None:
    world = World("rules:\n  - {name: r, when: type == 'alert', group_by: [], match: {count: 3, within: 1m}}\n")
    world.push(100, signal("a", 0), signal("b", 100), signal("c", 59))
    assert [d.kind for d in world.push(101, signal("d", 30))] == ["incident.opened", "playbook.skipped"]
    world = World("rules:\n  - {name: r, when: type == 'alert', group_by: [], match: {count: 3, within: 1m}}\n")
    world.push(300, signal("a", 300), signal("b", 150))
    counted = {d.data["reason"]: d for d in world.tick(400)}
    assert counted["late"].data["by"] == "r"


def test_a_clock_that_runs_ahead_does_not_make_everyone_else_late() -> None:
    world = World("rules:\n  - {name: r, when: type == 'alert', group_by: [], match: {count: 3, within: 1m}}\n")
    world.push(0, signal("ahead", 86_400))
    assert "incident.opened" in [d.kind for d in world.push(1, signal("a", 0), signal("b", 1))]


def test_a_batch_delivered_twice_counts_once() -> None:
    world = World(BURST)
    world.push(0, batch("b0", 0, ("error", "x"), ("error", "z")))
    assert world.push(1, batch("b0", 0, ("error", "x"), ("error", "z"))) == []
    assert one(world.tick(100), "signal.deduplicated").data["count"] == 2


def test_every_matching_rule_acts_in_order_of_priority_then_of_the_file() -> None:
    world = World("""rules:
  - {name: a, when: own == false}
  - {name: b, when: type == 'alert', priority: 1}
  - {name: c, when: type == 'error'}
  - {name: d, when: severity == 'error'}
""")
    opened = [d for d in world.push(0, signal("x")) if d.kind == "incident.opened"]
    assert [d.actor for d in opened] == ["rule:b", "rule:a", "rule:d"]


@pytest.mark.parametrize(
    ("when", "fields", "opens"),
    [
        ("source == 'alertmanager'", {"status": "info"}, False),
        ("source == 'alertmanager' && severity == 'error'", {"status": "info"}, True),
        ("source == 'alertmanager'", {"type": "change"}, False),
        ("type == 'change'", {"type": "change"}, True),
        ("source == 'alertmanager'", {"status": "suppressed"}, False),
        ("type == 'alert' && severity == 'error'", {"status": "suppressed"}, False),
        ("type == 'alert' && severity == 'error'", {"status": "acknowledged"}, False),
        ("status == 'suppressed'", {"status": "suppressed"}, True),
    ],
)
def test_what_merely_informs_opens_nothing_unless_the_condition_names_it(
    when: str, fields: dict[str, Any], opens: bool
) -> None:
    world = World(f'rules:\n  - {{name: r, when: "{when}"}}\n')
    assert bool(world.push(0, signal("x", **fields))) == opens
    assert bool([d for d in world.tick(60) if d.kind == "signal.unmatched"]) != opens


def test_what_we_caused_ourselves_is_context_alone() -> None:
    world = World(ALERTS)
    assert world.push(0, signal("a", own=True)) == []
    assert one(world.tick(60), "signal.suppressed").data["reason"] == "own"


def test_a_rehearsal_never_mixes_with_what_is_real() -> None:
    world = World(ALERTS)
    real = world.push(0, signal("a"))
    played = world.push(1, signal("a", 1, rehearsal=True))
    assert [d.kind for d in played] == ["incident.opened", "playbook.selected"]
    assert all(d.rehearsal for d in played)
    assert not any(d.rehearsal for d in real)
    assert incident(played[0]).id != incident(real[0]).id
    assert [d.kind for d in world.push(2, signal("a", 2, rehearsal=True, status="resolved"))] == ["incident.resolved"]
    assert "incident.resolved" in [d.kind for d in world.push(3, signal("a", 3, status="resolved"))]


def test_an_acknowledgement_from_outside_acknowledges() -> None:
    world = World(ALERTS)
    world.push(0, signal("a"))
    out = world.push(1, signal("a", 1, status="acknowledged"))
    assert incident(one(out, "incident.acknowledged")).acknowledged_by == "alertmanager"


def test_a_rule_may_ask_for_the_incident_its_group_has() -> None:
    world = World("""rules:
  - {name: first, when: type == 'alert', priority: 1}
  - {name: worse, when: "type == 'alert' && has(incident.status) && incident.signals >= 2", group_by: [group_key]}
  - {name: never, when: "has(incident.status)"}
""")
    assert {d.actor for d in world.push(0, signal("a"), signal("a", 1), signal("a", 2))} == {"rule:first"}


def test_the_rules_own_labels_owner_and_severity_are_the_incidents() -> None:
    world = World("rules:\n  - {name: r, when: type == 'alert', severity: critical, owner: ann, labels: {team: pay}}\n")
    found = incident(world.push(0, signal("a", labels={"team": "x", "host": "h"}))[0])
    assert (found.severity, found.owner, found.labels) == ("critical", "ann", {"team": "pay", "host": "h"})


def test_many_signals_of_one_outcome_are_recorded_at_the_limit() -> None:
    world = World(ALERTS, Limits(count_most=100))
    out = world.push(0, *(signal(str(n), type="comment") for n in range(250)))
    assert [d.data["count"] for d in out] == [100, 100]
    assert one(world.tick(60), "signal.unmatched").data["count"] == 50
    assert len({d.id for d in out}) == 2


def test_occurrences_kept_by_name_are_bounded() -> None:
    world = World(ALERTS, Limits(firing=10))
    out = world.push(0, *(signal(f"n{n}") for n in range(50)))
    out += world.tick(60)
    assert len(incident([told for told in out if told.kind == "incident.updated"][-1]).firing) == 10
    assert (one(out, "state.evicted").data["count"], one(out, "state.evicted").data["by"]) == (40, "alerts")
    assert world.state.evicted["firing"] == 40


def test_ids_remembered_are_bounded_and_the_oldest_go_first() -> None:
    world = World(ALERTS, Limits(seen=3))
    world.push(0, *(signal(f"n{n}") for n in range(5)))
    world.restart()
    assert world.state.evicted["seen"] == 2
    world.push(1, signal("n0"), signal("n4"))
    assert one(world.tick(100), "signal.deduplicated").data["exemplars"] == [signal("n4").id]


def test_a_preview_says_what_would_be_decided_and_changes_nothing() -> None:
    world = World(BURST + ALERTS.removeprefix("rules:\n"))
    world.push(0, batch("b", 0, ("error", "x"), ("error", "z")), signal("a"))
    world.save()
    item = signal("page", 1).model_dump(mode="json", exclude_none=True)
    before = dict(item)
    previewed = world.engine.preview(world.state, item, at(1))
    assert item == before
    assert world.state.take_changes() == ({}, set())
    assert [(d.id, d.kind) for d in previewed] == [(d.id, d.kind) for d in world.push(1, signal("page", 1))]


@pytest.mark.parametrize(
    "item",
    [{}, {"id": 5}, {"id": "x", "occurred_at": "yesterday"}, signal("a").model_dump(mode="json") | {"occurred_at": "soon"},
     signal("a").model_dump(mode="json") | {"labels": []}, signal("a").model_dump(mode="json") | {"expires_at": "soon"}],
)  # fmt: skip
def test_what_is_no_signal_is_refused_and_changes_nothing(item: dict[str, Any]) -> None:
    world = World(ALERTS)
    with pytest.raises(BadInput):
        world.engine.advance(world.state, item, kind="signal", now=at(0))
    assert world.state.take_changes() == ({}, set())


def test_a_repeat_lets_time_pass_and_says_nothing_itself() -> None:
    world = World(ALERTS)
    assert world.engine.advance(world.state, {}, kind="repeat", now=at(0)) == []
    with pytest.raises(BadInput, match="'comet'"):
        world.engine.advance(world.state, {}, kind="comet", now=at(0))


def test_a_record_without_its_defaults_is_completed() -> None:
    world = World(ALERTS)
    bare = signal("a").model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    assert "links" not in bare
    out = world.engine.advance(world.state, bare, kind="signal", now=at(0))
    assert [decision.kind for decision in out] == ["incident.opened", "playbook.selected"]


def test_a_log_line_is_the_signal_its_batch_says() -> None:
    lines = batch("b", 3, ("error", "boom\nat x"), ("info", "fine"))
    plain = batch_of(lines.model_dump(mode="json", exclude_none=True))
    for index in range(2):
        assert line_of(plain, index) == lines.signal(index).model_dump(mode="json", exclude_none=True)


def test_every_decision_is_as_the_records_say_and_its_id_its_own() -> None:
    world = World(ALERTS)
    out = world.push(0, *(signal(f"n{n}") for n in range(3)), signal("n0"), signal("q", type="comment"))
    out += world.push(1, command("bogus"), command("set_fact", key="k", value=1), signal("n0", 1, severity="critical"))
    out += world.push(2, *(signal(f"n{n}", 2, status="resolved") for n in range(3))) + world.tick(999)
    for decision in out:
        shape = DATA[decision.kind].model_validate(decision.data)
        assert shape.model_dump(mode="json", exclude_none=True, exclude_unset=True) == {
            k: v for k, v in decision.data.items() if v is not None
        }
        made = decide(decision.kind, at=0, actor="system", because="", cause=decision.cause, data=shape)  # type: ignore[arg-type]
        assert len(made.id) == len(decision.id)
        assert Decision.from_json(decision.to_json()).to_json() == decision.to_json()
    assert len({decision.id for decision in out}) == len(out)


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from(("a", "b", "c")),
        st.sampled_from(("firing", "firing", "firing", "resolved", "line", "tick", "silence", "late", "expiring", "critical", "feedback")),
    ),
    max_size=40,
)  # fmt: skip
MIXED = """rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p, resolve_after: 3m, reopen_within: 2m}
  - {name: burst, when: type == 'log' || type == 'alert', group_by: [service, group_key], match: {count: 3, within: 1m}, resolve_after: 2m}
"""


def happen(
    world: World, events: list[tuple[int, str, str]], *, restart_after: int | None = None, twice: bool = False
) -> list[Decision]:
    out: list[Decision] = []
    now = 0
    for number, (gap, name, what) in enumerate(events):
        now += gap // 4
        match what:
            case "line":
                record: Any = batch(f"{name}{number}", now, ("error", "boom"), ("error", "bang"))
            case "silence":
                record = command(
                    "silence", number, matcher=f'group_key == "{name}"', until=f"2026-11-21T11:{number:02}:00Z"
                )
            case "feedback":
                record = command("feedback", number, incident_id=min(world.state.incidents, default="none"), text="ok")
            case "resolved":
                record = signal(name, now, status="resolved")
            case "late":
                record = signal(name, now - gap, service="late")
            case "expiring":
                record = signal(name, now, expires_at=at(now + gap))
            case "critical":
                record = signal(name, now, severity="critical")
            case _:
                record = signal(name, now)
        out += world.tick(now) if what == "tick" else world.push(now, *([record, record] if twice else [record]))
        if restart_after is not None and number >= restart_after:
            world.restart()
    return out + world.tick(now + 100_000)


@settings(max_examples=60, deadline=None)
@given(_EVENTS, st.integers(0, 40))
def test_stopping_and_restoring_anywhere_changes_no_decision(events: list[tuple[int, str, str]], where: int) -> None:
    limits = Limits(seen=7, windows=3, count_most=5)
    straight = happen(World(MIXED, limits), events)
    restarted = happen(World(MIXED, limits), events, restart_after=where)
    assert [d.to_json() for d in restarted] == [d.to_json() for d in straight]
    assert len({d.id for d in straight}) == len(straight)


@settings(max_examples=40, deadline=None)
@given(_EVENTS)
def test_redelivery_changes_no_decision(events: list[tuple[int, str, str]]) -> None:
    def decided(twice: bool) -> list[tuple[str, str]]:
        out = happen(World(MIXED), events, twice=twice)
        return [(d.id, d.because) for d in out if d.kind != "signal.deduplicated"]

    assert decided(twice=True) == decided(twice=False)


@settings(max_examples=60, deadline=None)
@given(_EVENTS)
@example([(0, "a", "firing"), (0, "b", "firing"), (240, "a", "resolved")])
def test_timers_fire_with_their_due_time_in_order(events: list[tuple[int, str, str]]) -> None:
    out = happen(World(MIXED), events)
    assert [d.at for d in out] == sorted(d.at for d in out)


def test_the_engine_holds_nothing_of_its_own() -> None:
    engine = Engine(rules(ALERTS))
    one_state, other = engine.state(), engine.state()
    item = signal("a").model_dump(mode="json", exclude_none=True)
    first = engine.advance(one_state, dict(item), kind="signal", now=at(0))
    second = engine.advance(other, dict(item), kind="signal", now=at(0))
    assert [d.to_json() for d in first] == [d.to_json() for d in second]


def test_a_condition_that_meets_a_missing_field_is_no_match_and_is_counted() -> None:
    text = 'rules: [{name: picky, when: \'labels.team.startsWith("pay")\'}, {name: calm, when: \'type == "check_in" && labels.team.contains("x")\'}]'
    world = World(text)
    world.push(0, signal("a"), signal("b", labels={"team": "web"}), signal("c", labels={"team": "payments"}))
    assert dict(world.state.erring) == {"picky": 1}
    assert len(world.state.incidents) == 1


def test_a_silence_does_not_end_the_incident_whose_renewals_it_hides() -> None:
    world = World(ALERTS)
    world.push(0, signal("a", expires_at=at(300)))
    world.push(10, command("silence", 10, matcher="service == 'checkout'", until=to_rfc3339(at(7200))))
    for t in range(60, 901, 60):
        hidden = world.push(t, signal("a", t, expires_at=at(t + 300)))
        assert {decision.kind for decision in hidden} <= {"signal.suppressed"}
    assert "1200s incident.resolved" in said(world.tick(2000))


def test_an_alert_that_is_repeated_unchanged_is_not_quiet() -> None:
    world = World("rules:\n  - {name: alerts, when: type == 'alert', resolve_after: 12h}\n")
    alert = signal("a")
    for hours in range(0, 41, 8):
        assert "incident.resolved" not in [decision.kind for decision in world.push(hours * 3600, alert)]
    assert f"{52 * 3600}s incident.resolved" in said(world.tick(60 * 3600))


def test_an_event_that_is_delivered_again_is_as_old_as_it_was() -> None:
    world = World("rules:\n  - {name: errors, when: type == 'error', resolve_after: 1h}\n")
    error = signal("a", type="error")
    world.push(0, error)
    world.push(3000, error)
    assert "3600s incident.resolved" in said(world.tick(4000))


def test_a_renewal_that_no_rule_asks_for_any_more_still_says_that_it_is_not_over() -> None:
    world = World("rules:\n  - {name: bad, when: type == 'alert' && severity == 'critical'}\n")
    world.push(0, signal("a", severity="critical", expires_at=at(300)))
    assert world.push(200, signal("a", 200, severity="warning", expires_at=at(600))) == []
    assert said(world.tick(700)) == ["600s incident.resolved"]
