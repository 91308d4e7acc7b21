"""Commands: what they change, and what is refused with its reason."""

from typing import Any

import pytest

from rules.rows import Rows
from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import World, at, command, rules, said, signal

ALERTS = "rules:\n  - {name: alerts, when: type == 'alert', group_by: [service], playbook: triage-alert}\n"


@pytest.fixture
def world() -> World:
    """With one open incident of service checkout."""
    world = World(ALERTS)
    world.push(0, signal("a"))
    return world


def incident_id(world: World) -> str:
    return next(iter(world.state.incidents))


def only(decisions: list[Decision]) -> Decision:
    assert len(decisions) == 1, [decision.kind for decision in decisions]
    return decisions[0]


def test_a_person_acknowledges_then_resolves(world: World) -> None:
    name = incident_id(world)
    acknowledged = only(world.push(1, command("acknowledge", 1, incident_id=name, reason="looking")))
    assert (acknowledged.kind, acknowledged.actor, acknowledged.incident_id) == (
        "incident.acknowledged",
        "human:ann",
        name,
    )
    assert acknowledged.because == "acknowledged by human:ann: looking"
    resolved = only(world.push(2, command("resolve", 2, incident_id=name)))
    assert resolved.data["incident"]["resolved_by"] == "human:ann"
    refused = only(world.push(3, command("acknowledge", 3, incident_id=name)))
    assert "resolved already" in refused.because


def test_a_command_taken_twice_is_done_once(world: World) -> None:
    order = command("resolve", 1, incident_id=incident_id(world))
    assert len(world.push(1, order, order)) == 1


def test_feedback_stays_with_the_incident_even_after_its_end(world: World) -> None:
    name = incident_id(world)
    world.push(1, command("resolve", 1, incident_id=name))
    given = only(world.push(2, command("feedback", 2, incident_id=name, verdict="noise", text="known flake")))
    assert (given.kind, given.incident_id) == ("feedback.given", name)
    world.restart()
    assert world.state.rows[world.state.incidents[name]]["feedback"] == ["human:ann: noise: known flake"]


def test_an_outcome_adds_what_was_opened_outside_and_the_verdict(world: World) -> None:
    name = incident_id(world)
    external = {"system": "linear", "kind": "issue", "id": "ENG-12", "url": "https://linear.app/x", "title": "ENG-12"}
    order = command("outcome", 1, incident_id=name, action_id="act_1", state="succeeded", external=external)
    opened = only(world.push(1, order))
    assert opened.kind == "incident.updated"
    assert opened.data["changes"] == ["external"]
    assert opened.data["incident"]["external"] == [external]
    again = command("outcome", 2, incident_id=name, action_id="act_1", state="succeeded", external=external)
    assert world.push(2, again) == []
    concluded = only(
        world.push(
            3, command("outcome", 3, incident_id=name, investigation_id="i", verdict="actionable", summary="it broke")
        )
    )
    assert concluded.data["incident"]["verdict"] == "actionable"
    assert concluded.because == "the investigation concludes actionable: it broke"


def test_a_failed_action_changes_no_incident(world: World) -> None:
    assert world.push(1, command("outcome", 1, incident_id=incident_id(world), action_id="a", state="failed")) == []


def test_an_investigation_that_has_concluded_lets_the_next_one_start(world: World) -> None:
    name = incident_id(world)
    world.push(1, command("outcome", 1, incident_id=name, investigation_id="i", verdict="noise"))
    world.push(2, signal("a", 2, status="resolved"))
    assert [decision.kind for decision in world.push(3, signal("a", 3))] == ["incident.reopened", "playbook.selected"]


def test_a_silence_holds_back_what_is_told_until_its_moment(world: World) -> None:
    until = to_rfc3339(at(600))
    created = only(world.push(1, command("silence", 1, matcher='service == "search"', until=until, reason="works")))
    assert created.kind == "silence.created"
    assert created.because == "silenced 'service == \"search\"' for 9m59s by human:ann: works"
    name = created.data["data"]["silence_id"]
    world.restart()
    opened, held = world.push(2, signal("x", 2, service="search"))
    assert (opened.kind, held.kind) == ("incident.opened", "playbook.held")
    assert held.data == {"playbook": "triage-alert", "reason": "silenced", "by": name, "until": until}
    assert held.because == f"silenced by {name} of human:ann until 2026-11-21T10:10Z (9m58s)"
    assert world.push(3, signal("y", 3))[0].kind == "incident.updated"
    world.restart()
    out = world.tick(700)
    counted = next(decision for decision in out if decision.kind == "signal.suppressed")
    assert (counted.data["reason"], counted.data["by"]) == ("silence", name)
    over = next(decision for decision in out if decision.kind == "silence.expired")
    assert over.at == at(600) and over.because.endswith("is over; it hid 1 signal")
    selected = next(decision for decision in out if decision.kind == "playbook.selected")
    assert selected.at == at(600) and selected.incident_id == opened.incident_id


def test_a_silence_drops_what_happened_at_a_moment() -> None:
    world = World("rules:\n  - {name: errors, when: type == 'error', playbook: p}\n")
    world.push(1, command("silence", 1, matcher="type == 'error'", until=to_rfc3339(at(600))))
    assert world.push(2, signal("e", 2, type="error")) == []
    assert [decision.kind for decision in world.tick(700)] == ["signal.suppressed", "silence.expired"]
    assert world.push(701, signal("f", 701, type="error"))[0].kind == "incident.opened"


def test_a_silence_lets_the_end_of_what_fires_through(world: World) -> None:
    world.push(1, command("silence", 1, matcher="type == 'alert'", until=to_rfc3339(at(600))))
    assert world.push(2, signal("a", 2, status="resolved"))[0].kind == "incident.resolved"


def test_a_silence_may_begin_later_and_be_ended_early(world: World) -> None:
    order = command("silence", 1, matcher="type == 'alert'", starts_at=to_rfc3339(at(100)), until=to_rfc3339(at(600)))
    name = only(world.push(1, order)).data["data"]["silence_id"]
    assert world.push(50, signal("x", 50)) != []
    kinds = [decision.kind for decision in world.push(150, signal("y", 150, service="search"))]
    assert kinds == ["incident.opened", "playbook.held"]
    ended = next(
        d for d in world.push(160, command("expire_silence", 160, silence_id=name)) if d.kind == "silence.expired"
    )
    assert ended.actor == "human:ann"
    assert "playbook.selected" in [decision.kind for decision in world.push(170, signal("z", 170, service="mail"))]


def test_a_fact_is_known_until_it_expires() -> None:
    world = World("rules:\n  - {name: r, when: type == 'alert' && fact.deploying == true}\n")
    fact = only(world.push(0, command("set_fact", 0, key="deploying", value=True, for_s=60)))
    assert fact.because == "fact.deploying is True for 1m, says human:ann"
    assert world.push(1, signal("a"))
    world.restart()
    assert world.push(59, signal("b"))
    assert [d for d in world.push(60, signal("c")) if d.kind.startswith("incident")] == []
    assert world.state.facts == {}


def test_rules_change_at_their_place_among_the_signals(world: World) -> None:
    other = rules(
        "rules:\n  - {name: alerts, when: type == 'alert', group_by: [group_key]}\n  - {name: new, when: own}\n"
    )
    world.engine.offer(other)
    before = world.push(1, signal("b", 1))[0]
    activated = only(world.push(2, command("activate_rules", 2, version=other.version)))
    assert activated.kind == "rules.activated"
    world.restart()
    after = world.push(3, signal("c", 3))[0]
    assert (before.kind, after.kind) == ("incident.updated", "incident.opened")
    assert (before.versions.rules, after.versions.rules) == (world.engine.ruleset.version, other.version)
    assert world.push(4, command("activate_rules", 4, version=other.version)) == []


def test_an_incident_whose_rule_is_gone_still_ends(world: World) -> None:
    none = rules("rules: []\n")
    world.engine.offer(none)
    world.push(1, command("activate_rules", 1, version=none.version))
    assert world.push(2, signal("a", 2, status="resolved"))[0].kind == "incident.resolved"


def test_windows_of_rules_that_did_not_change_keep_what_they_counted() -> None:
    text = (
        "rules:\n  - {{name: r, when: type == 'alert', match: {{count: 3, within: 5m}}, group_by: [], playbook: {}}}\n"
    )
    world, other = World(text.format("one")), rules(text.format("two"))
    world.engine.offer(other)
    world.push(0, signal("a"), signal("b"), command("activate_rules", version=other.version))
    assert world.push(1, signal("c", 1))[0].kind == "incident.opened"


@pytest.mark.parametrize("kind", ["approve", "deny", "steer"])
def test_commands_for_others_pass_without_a_word(world: World, kind: str) -> None:
    assert world.push(1, command(kind, 1, action_id="act_1")) == []


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("paint", {}, "'paint' is not a command"),
        ("resolve", {}, "names no incident"),
        ("resolve", {"incident_id": "inc_x"}, "no incident 'inc_x'"),
        ("feedback", {"incident_id": "*"}, "'verdict', a 'text'"),
        ("feedback", {"incident_id": "*", "text": 5}, "'text' is a text, found 5"),
        ("outcome", {"incident_id": "*", "external": {"system": 5}}, "needs the texts"),
        ("silence", {"matcher": "sevrity == 'x'", "until": "2026-11-21T11:00:00Z"}, "did you mean 'severity'"),
        ("silence", {"matcher": "own", "until": "tomorrow"}, "'tomorrow' is not a time"),
        ("silence", {"matcher": "own", "until": "2020-01-01T00:00:00Z"}, "in the past"),
        ("silence", {"matcher": "own", "until": "2099-01-01T00:00:00Z"}, "longest silence"),
        ("silence", {"until": "2026-11-21T11:00:00Z"}, "'matcher' is a text, found None"),
        ("expire_silence", {"silence_id": "sil_x"}, "no silence 'sil_x'"),
        ("set_fact", {"key": "k"}, "needs a 'value'"),
        ("set_fact", {"key": "k", "value": 1, "for_s": -5}, "above 0, found -5"),
        ("activate_rules", {"version": "0"}, "no rule set '0'"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_with_its_reason(
    world: World, kind: str, fields: dict[str, Any], reason: str
) -> None:
    if fields.get("incident_id") == "*":
        fields = {**fields, "incident_id": incident_id(world)}
    refused = only(world.push(1, command(kind, 1, **fields)))
    assert (refused.kind, refused.actor) == ("command.refused", "human:ann")
    assert reason in refused.because
    assert reason in refused.data["data"]["reason"]


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ("{name: e, when: type == 'alert', resolve_after: 1h}", "{name: other, when: type == 'alert'}", 3600),
        # Said only now, it counts from now: what went on unheard of is not known.
        ("{name: e, when: type == 'alert'}", "{name: e, when: type == 'alert', resolve_after: 1h}", 3660),
    ],
)
def test_an_open_incident_ends_although_its_rule_is_gone_or_says_only_now_when(
    before: str, after: str, ends: int
) -> None:
    world, other = World(f"rules:\n  - {before}\n"), rules(f"rules:\n  - {after}\n")
    world.engine.offer(other)
    world.push(0, signal("a"))
    world.push(60, command("activate_rules", 60, version=other.version))
    world.restart()
    assert f"{ends}s incident.resolved" in said(world.tick(4000))


@pytest.mark.parametrize(
    ("as_of", "verdict", "status", "again"),
    [
        (0, "actionable", "firing", True),
        (5, "actionable", "firing", False),
        (0, "urgent", "firing", False),
        (0, "actionable", "resolved", False),
    ],
)
def test_what_became_critical_after_the_investigation_looked_is_investigated_again(
    as_of: float, verdict: str, status: str, again: bool
) -> None:
    world = World(ALERTS)
    world.push(0, signal("a", severity="warning"))
    said_so = world.push(2, signal("a", 2, severity="critical"))
    assert [d.data["reason"] for d in said_so if d.kind == "playbook.skipped"] == ["running"]
    if status == "resolved":
        world.push(3, signal("a", 3, status="resolved"))
    done: dict[str, Any] = {"investigation_id": "inv_1", "verdict": verdict, "summary": "s"}
    told = command("outcome", 9, incident_id=incident_id(world), as_of=to_rfc3339(at(as_of)), **done)
    assert ("playbook.selected" in [d.kind for d in world.push(9, told)]) is again


def test_other_rules_make_no_group_be_looked_at_for_which_they_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "{{name: {0}, when: service == '{0}', group_by: [group_key]{1}}}"
    world = World(f"rules: [{rule.format('same', '')}, {rule.format('now', '')}]")
    for n in range(20):
        world.push(n, signal(f"a{n}", service="same", group_key=f"g{n}"))
        world.push(n, signal(f"b{n}", service="now", group_key=f"g{n}"))
    other = rules(f"rules: [{rule.format('same', '')}, {rule.format('now', ', resolve_after: 1h')}]")
    world.engine.offer(other)
    looked: list[str] = []
    peek = Rows.peek

    def peeking(given: Rows, key: str) -> Any:
        looked.append(key)
        return peek(given, key)

    monkeypatch.setattr(Rows, "peek", peeking)
    world.push(60, command("activate_rules", 60, version=other.version))
    groups = {key for key in looked if key.startswith("group/")}
    assert len(groups) == 20
    assert {key.split("/")[1] for key in groups} == {"now"}
