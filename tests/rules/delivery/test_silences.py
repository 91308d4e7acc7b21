"""Silences: how they are said, when they hold, what they leave on record, and what one would have hidden."""

from typing import Any

import pytest

from rules.silences import Preview, preview
from rules.silencing import RECORD
from schemas.decision import Decision
from schemas.time import to_rfc3339
from tests.support.rule_world import T0, World, at, command, signal

ALERTS = "rules:\n  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p}\n"


def silenced(world: World, t: float, name: str, **fields: Any) -> bool:
    """Whether a new alert of a service of its own is held by a silence."""
    out = world.push(t, signal(name, t, service=name, **fields))
    return any(d.kind == "playbook.held" and d.data["reason"] == "silenced" for d in out)


def until(t: float) -> str:
    return to_rfc3339(at(t))


def refused(decisions: list[Decision]) -> str:
    (decision,) = decisions
    assert decision.kind == "command.refused"
    return str(decision.data["data"]["reason"])


def test_alertmanager_silences_matchers_are_those_of_routes() -> None:
    world = World(ALERTS)
    world.push(0, command("silence", 0, matchers=['team="db"', 'sev=~"warn|info"', 'env!="prod"'], until=until(600)))
    assert silenced(world, 1, "a", labels={"team": "db", "sev": "warn", "env": "test"})
    assert silenced(world, 2, "b", labels={"team": "db", "sev": "info"}), "a label that is not there is the empty text"
    assert not silenced(world, 3, "c", labels={"team": "db", "sev": "warning"}), "the whole value has to match"
    assert not silenced(world, 4, "d", labels={"team": "db", "sev": "warn", "env": "prod"})


def test_a_silence_may_be_said_as_alertmanagers_api_has_it() -> None:
    world = World(ALERTS)
    matchers = [{"name": "team", "value": "d.*", "isRegex": True}, {"name": "env", "value": "prod", "isEqual": False}]
    (created,) = world.push(0, command("silence", 0, matchers=matchers, until=until(600)))
    assert "matches" in created.data["data"]["matcher"]
    assert silenced(world, 1, "a", labels={"team": "db"})


def test_alertmanager_silences_are_pending_then_active_then_over() -> None:
    world = World(ALERTS)
    world.push(0, command("silence", 0, matcher="true", starts_at=until(100), until=until(200)))
    found = [silenced(world, t, f"s{t}") for t in (99, 100, 199, 200)]
    assert found == [False, True, True, False]


def test_a_silence_that_repeats_holds_at_its_times_alone() -> None:
    world = World(ALERTS)
    times = [
        {"weekdays": ["saturday"], "times": [{"start_time": "11:10", "end_time": "11:20"}], "location": "Europe/Berlin"}
    ]
    (created,) = world.push(0, command("silence", 0, matcher="true", times=times, until=until(30 * 86_400)))
    assert created.because == "silenced 'true' for 4w2d, in its times by human:ann"
    assert [silenced(world, t, f"s{t}") for t in (599, 601, 1199, 1201)] == [False, True, True, False]
    selected = [d for d in world.tick(1300) if d.kind == "playbook.selected"]
    assert selected == [], "both were told when the times were over, before the last signal"
    week = 7 * 86_400
    world.restart()
    assert [silenced(world, week + t, f"t{t}") for t in (599, 601, 1201)] == [False, True, False]


def test_what_a_repeating_silence_holds_is_told_when_its_time_is_over() -> None:
    world = World(ALERTS)
    times = [{"times": [{"start_time": "10:00", "end_time": "10:10"}]}]
    world.push(0, command("silence", 0, matcher="true", times=times, until=until(86_400)))
    assert silenced(world, 60, "a")
    assert [(d.at - T0) / 1e6 for d in world.tick(700) if d.kind == "playbook.selected"] == [600]


def test_an_expired_silence_tells_what_it_held_at_once() -> None:
    world = World(ALERTS)
    (created,) = world.push(0, command("silence", 0, matcher="true", until=until(3600)))
    assert silenced(world, 60, "a")
    out = world.push(100, command("expire_silence", 100, silence_id=created.data["data"]["silence_id"]))
    assert [d.kind for d in out if d.kind.startswith(("silence", "playbook"))] == [
        "silence.expired",
        "playbook.selected",
    ]


def test_the_same_id_changes_a_silence() -> None:
    world = World(ALERTS)
    world.push(0, command("silence", 0, matcher='service == "a"', until=until(3600), silence_id="mine"))
    assert silenced(world, 1, "a")
    out = world.push(2, command("silence", 2, matcher='service == "b"', until=until(1800), silence_id="mine"))
    assert out[0].because.startswith("silence changed to 'service == \"b\"' for 29m58s")
    assert [d.kind for d in out[1:]] == ["playbook.selected"], "what it held and holds no more is told"
    assert silenced(world, 3, "b") and len(world.state.silences) == 1


def test_silences_that_are_over_stay_on_record_with_what_they_hid() -> None:
    world = World(ALERTS)
    world.push(0, command("silence", 0, matcher='service == "a"', until=until(60), reason="works", silence_id="one"))
    world.push(1, signal("a", 1, service="a"), signal("b", 1, service="a"))
    world.tick(100)
    world.restart()
    assert world.state.silences == {}
    row = world.state.rows[f"{RECORD}one"]
    assert (row["used"], row["author"], row["reason"], row["over_by"], row["over_at"]) == (
        2,
        "human:ann",
        "works",
        "system",
        at(60),
    )
    world.push(200, command("silence", 200, matcher='service == "z"', until=until(260), silence_id="two"))
    over = next(d for d in world.tick(300) if d.kind == "silence.expired")
    assert over.because.endswith("is over; it hid nothing") and over.data["data"]["used"] == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"matcher": "sevrity == 'x'"}, "did you mean 'severity'"),
        ({}, "'matcher' is a text"),
        ({"matcher": "true", "matchers": ["a=b"]}, "found both"),
        ({"matchers": []}, "'matchers' is a list"),
        ({"matchers": ["a"]}, "is no matcher"),
        ({"matchers": ['a=~"("']}, "the matcher a=~"),
        ({"matcher": "true", "times": [{"weekdays": ["mondey"]}]}, "did you mean 'monday'"),
        ({"matcher": "true", "times": [{"weekday": ["monday"]}]}, "times:"),
    ],
)
def test_a_silence_that_means_nothing_is_refused(data: dict[str, Any], message: str) -> None:
    assert message in refused(World(ALERTS).push(0, command("silence", 0, until=until(60), **data)))


def test_a_preview_says_what_would_have_been_hidden() -> None:
    said = [
        *({"title": "slow", "service": "search", "severity": "warning"} for _ in range(12)),
        *({"title": "down", "service": "search", "severity": "critical"} for _ in range(2)),
        *({"title": "other", "service": "mail", "severity": "critical"} for _ in range(5)),
    ]
    signals = [
        {**fields, "id": str(number), "status": "firing", "labels": {}, "occurred_micros": at(number)}
        for number, fields in enumerate(said)
    ]
    found = preview('service == "search"', signals)
    assert found.sentence("24h") == "would have silenced 14 signals in the last 24h, 2 of them critical"
    assert (found.looked_at, found.services, found.titles) == (19, {"search": 14}, {"slow": 12, "down": 2})
    assert len(found.exemplars) == 10
    ended = [{**one, "status": "resolved"} for one in signals]
    assert preview("true", ended).signals == 0, "ends are never hidden"
    assert Preview(5, 1, 0, {}, {}).sentence("2h") == "would have silenced 1 signal in the last 2h"


def test_many_silences_cost_a_signal_little() -> None:
    """A signal is asked about the few silences whose equalities it meets."""
    world = World(ALERTS)
    for number in range(300):
        world.push(0, command("silence", number, matcher=f'service == "s{number}"', until=until(3600)))
    world.push(1, signal("x", 1, service="s7"))
    silences = world.state.silencing
    assert len(silences.names) == 300
    assert len(silences._index.candidates({"service": "s7"})) == 1


def test_what_no_silence_could_mean_is_not_asked_again_until_it_says_something_else() -> None:
    world = World(ALERTS)
    world.push(0, command("silence", 0, matcher='service == "a"', until=until(9e5)))
    world.push(1, signal("x", 1, service="b"))
    silences = world.state.silencing
    (name,) = silences._free
    assert silences.never_meets(name)
    assert silences.met({"id": name, "service": "a"}, at(2)) is not None
    assert not silences.never_meets(name)


@pytest.mark.parametrize("matcher", ["fact.quiet == 'yes'", "labels.team == 'b' || fact.quiet == 'yes'"])
def test_a_silence_that_reads_facts_is_asked_at_every_look(matcher: str) -> None:
    waits = ALERTS.replace("playbook: p", "group_wait: 30s, playbook: p")
    world = World(
        waits + "  - {name: calm, when: type == 'change', group_by: [id], set_fact: {quiet: '\"yes\"', for: 10m}}\n"
    )
    world.push(0, command("silence", 0, matcher=matcher, until=until(600)))
    world.push(1, signal("x", 1, service="a", labels={"team": "a"}))
    world.push(2, signal("c", 2, type="change"))
    out = world.push(40, signal("y", 40, service="b", labels={"team": "a"}))
    held = [d.data["reason"] for d in out if d.kind == "playbook.held"]
    assert "silenced" in held
    assert not [d for d in out if d.kind == "playbook.notified"]
