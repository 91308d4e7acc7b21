"""Many groups at once of any rules: one incident that lists them, beside the storm of one rule."""

import pytest

from rules.load import RulesInvalid, load_texts
from schemas.decision import Decision
from tests.support.rule_world import World, at, signal

RULES = """
storm: {groups: 3, within: 1m, playbook: everything, owner: ops}
rules:
  - {name: hosts, when: labels.host != "", group_by: [labels.host], playbook: host}
  - {name: links, when: labels.link != "", group_by: [labels.link], playbook: link}
"""


def push(w: World, t: float, severity: str = "error", **labels: str) -> list[Decision]:
    name = "".join(labels.values())
    return w.push(t, signal(name, t, severity=severity, labels=labels))


def storms(decisions: list[Decision], kind: str = "incident.opened") -> list[Decision]:
    return [d for d in decisions if d.kind == kind and d.data["incident"]["rule"] == "storm"]


def test_groups_of_different_rules_are_one_storm_that_lists_them_and_is_told_of() -> None:
    w = World(RULES)
    first = push(w, 0, host="a") + push(w, 1, "critical", link="b")
    [storm] = storms(third := push(w, 2, host="c"))
    incident = storm.data["incident"]
    assert incident["members"] == [d.incident_id for d in first + third if d.kind == "incident.opened"][:3]
    assert (incident["severity"], incident["owner"]) == ("critical", "ops")
    [told] = [d for d in third if d.kind == "playbook.selected"]
    assert (told.data["playbook"], told.incident_id) == ("everything", storm.incident_id)
    [held] = [d for d in push(w, 3, link="d") if d.kind == "playbook.held"]
    assert (held.data["reason"], held.data["by"]) == ("storm", storm.incident_id)


def test_a_storm_is_over_when_no_further_group_began_for_its_span_and_the_next_is_another_episode() -> None:
    w = World(RULES)
    for t, host in enumerate("abc"):
        push(w, t, host=host)
    w.restart()
    [over] = storms(w.tick(100), "incident.resolved")
    assert over.at == at(62)
    again = [d for t, host in enumerate("def", 200) for d in push(w, t, host=host)]
    [storm] = storms(again)
    assert storm.data["incident"]["episode"] == 2


def test_groups_that_come_slowly_are_no_storm() -> None:
    w = World(RULES)
    assert not storms([d for t, host in enumerate("abcdef") for d in push(w, t * 31, host=host)])


def test_what_has_joined_another_incident_makes_no_storm() -> None:
    joins = RULES.replace("group_by: [labels.host],", "group_by: [labels.host], correlate: {by: labels.rack},")
    assert not storms([d for t, host in enumerate("abcdef") for d in push(World(joins), t, host=host, rack="r")])
    w = World(joins)
    assert not storms([d for t, host in enumerate("abcdef") for d in push(w, t, host=host, rack="r")])
    w = World(joins)
    assert storms([d for t, host in enumerate("abc") for d in push(w, t, host=host, rack=host)])


def test_groups_of_a_storm_of_their_own_rule_make_no_further_one() -> None:
    own = RULES.replace("group_by: [labels.host],", "group_by: [labels.host], storm: {groups: 2, within: 1m},")
    w = World(own)
    opened = [d for t, host in enumerate("abcdef") for d in push(w, t, host=host) if d.kind == "incident.opened"]
    named = [d.data["incident"]["group"].get("storm") for d in opened if "storm" in d.data["incident"]["group"]]
    assert named == ["hosts"]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"a.yaml": "storm: {group: 3}"}, r"a.yaml:1:9: unknown key 'group'; did you mean 'groups'\?"),
        ({"a.yaml": "storm: {groups: 1}"}, r"a.yaml:1:\d+: .*greater than or equal to 2"),
        ({"a.yaml": "storm: {groups: 3}", "b.yaml": "storm: {groups: 4}"}, r"b.yaml:1:1: another file says otherwise"),
        (
            {"a.yaml": "storm: {groups: 3}\nrules: [{name: storm, when: 'true'}]"},
            r"a.yaml:2:\d+: 'storm' is the name of what decides about storms of all rules",
        ),
        (
            {"a.yaml": "storm: {playbook: tirage}"},
            r"a.yaml:1:\d+: there is no playbook 'tirage'; did you mean 'triage'",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(files: dict[str, str], fault: str) -> None:
    with pytest.raises(RulesInvalid, match=fault):
        load_texts(files, playbooks=["triage"])


def test_a_storm_changes_the_version_of_the_rules() -> None:
    versions = {load_texts({"a.yaml": RULES.replace("groups: 3", f"groups: {number}")}).version for number in (3, 4)}
    assert len(versions | {load_texts({"a.yaml": RULES.split("rules:")[0]}).version}) == 3
