"""The same again: Keep's full and partial duplicates, by source and by rule."""

from typing import Any

import pytest

from rules.load import RulesInvalid
from schemas.decision import Decision
from tests.support.rule_world import World, rules, signal

RULE = "rules:\n  - {{name: r, when: type == 'alert', group_by: [service], playbook: p{more}}}\n"
BY_RULE = RULE.format(more=", dedup: {fields: [service, labels.check], ignore: [raw.lastReceived, measures.value]}")


def alert(number: int, **fields: Any) -> Any:
    usual = {
        "labels": {"check": "disk"},
        "raw": {"lastReceived": number},
        "measures": {"value": number},
        "title": "disk is full",
    }
    return signal(f"a{number}", number, **{**usual, **fields})


def kinds(decisions: list[Decision]) -> list[str]:
    return [decision.kind for decision in decisions]


def counted(world: World) -> list[tuple[str, int, str | None]]:
    return [
        (d.data["reason"], d.data["count"], d.data.get("by"))
        for d in world.tick(1000)
        if d.kind == "signal.deduplicated"
    ]


def test_keep_dedup_a_full_duplicate_is_counted_and_changes_nothing() -> None:
    world = World(BY_RULE)
    assert kinds(world.push(0, alert(0))) == ["incident.opened", "playbook.selected"]
    world.restart()
    assert world.push(1, alert(1)) == [] and world.push(2, alert(2)) == []
    assert counted(world) == [("duplicate", 2, "r")]


def test_keep_dedup_a_partial_duplicate_is_an_update() -> None:
    world = World(BY_RULE)
    world.push(0, alert(0))
    assert kinds(world.push(1, alert(1, title="disk is fuller"))) == ["incident.updated"]


def test_keep_dedup_a_b_a_is_three() -> None:
    world = World(BY_RULE)
    titles = ["a", "b", "a", "a"]
    for number, title in enumerate(titles):
        world.push(number, alert(number, title=title))
    (row,) = [row for key, row in world.state.rows.items() if key.startswith("group/")]
    assert row["n"] == 3
    assert counted(world) == [("duplicate", 1, "r")]


def test_an_end_is_no_repetition_of_a_beginning() -> None:
    world = World(BY_RULE)
    first = alert(0)
    world.push(0, first)
    world.push(1, alert(1, occurrence_id="a0"))
    assert "incident.resolved" in kinds(world.push(2, alert(2, occurrence_id="a0", status="resolved")))
    assert "incident.reopened" in kinds(world.push(3, alert(3)))


def test_by_source_no_rule_sees_what_is_said_again() -> None:
    text = RULE.format(more="") + "dedup:\n  alertmanager: {fields: [service, labels.check], ignore: [raw, measures]}\n"
    world = World(text)
    world.push(0, alert(0))
    assert world.push(1, alert(1)) == []
    assert kinds(world.push(2, alert(2, source="grafana"))) == ["incident.updated"], "another source says nothing of it"
    assert counted(world) == [("duplicate", 1, None)]


def test_without_fields_the_occurrence_is_the_problem() -> None:
    world = World(RULE.format(more=", dedup: {ignore: [raw, measures]}"))
    world.push(0, alert(0))
    assert kinds(world.push(1, alert(1))) == ["incident.updated"]
    assert world.push(2, alert(2, occurrence_id="a1")) == []


def test_what_was_not_heard_for_days_is_new() -> None:
    world = World(BY_RULE)
    world.push(0, alert(0))
    world.push(10, alert(10))
    world.tick(3 * 86_400)
    assert [key for key in world.state.rows if key.startswith("same/")] == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{fields: [servce]}", "did you mean 'service'"),
        ("{ignore: [raw.x + 1]}", "is not a field"),
        ("{fiels: [service]}", "unknown key 'fiels'"),
    ],
)
def test_faults_are_told_at_their_place(said: str, message: str) -> None:
    with pytest.raises(RulesInvalid, match=message):
        rules(RULE.format(more=f", dedup: {said}"))
    with pytest.raises(RulesInvalid, match=message):
        rules(f"{RULE.format(more='')}dedup:\n  sentry: {said}\n")


def test_another_way_of_telling_the_same_changes_the_version_of_the_rules() -> None:
    plain = rules(RULE.format(more=""))
    assert plain.version != rules(RULE.format(more="") + "dedup: {sentry: {ignore: [body]}}\n").version
