"""What is stored of decisions is what the record itself would write."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rules.decided import decided
from rules.incidents import incident_of
from rules.written import Writing, as_json
from schemas.decision import Cost, Decision, Versions
from tests.support.rule_world import World, batch, command, signal

RULES = """rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p, group_wait: 5s, group_interval: 20s, repeat_interval: 1h}
  - {name: each, when: type == 'alert', group_by: [labels.pod], playbook: q, resolve_after: 30s}
  - {name: logs, when: type == 'log', group_by: [service]}
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def test_decisions_of_a_stretch_are_written_as_each_would_be() -> None:
    world = World(RULES)
    out = [
        *world.push(0, *(signal(f"s{n}", service=f"svc{n % 2}", labels={"pod": str(n)}, trace="00-a-b-01") for n in range(5))),
        *world.push(3, batch("b", 3, ("error", "x")), command("bogus", 3), signal("s0", 3, status="resolved")),
        *world.tick(120),
    ]  # fmt: skip
    assert {"incident.opened", "playbook.held", "playbook.notified", "playbook.selected"} <= {each.kind for each in out}
    writing = Writing()
    assert [writing.decision(each) for each in out] == [each.to_json() for each in out]


@given(
    data=st.dictionaries(st.text(max_size=9), JSON, max_size=4),
    incident=st.one_of(st.none(), st.text(), st.dictionaries(st.text(max_size=9), JSON, max_size=3)),
    versions=st.builds(Versions, rules=st.none() | st.text(), rule=st.none() | st.text()),
    more=st.sampled_from([{}, {"cost": Cost(usd=1.5)}, {"later": {"said": "by a newer version"}}, {"trace": "t"}]),
)
def test_whatever_a_decision_carries_is_written_as_it_would_be(
    data: dict[str, Any], incident: Any, versions: Versions, more: dict[str, Any]
) -> None:
    if incident is not None:
        data = {**data, "incident": incident}
    made = decided("incident.opened", at=7, actor="a", because="b", cause=("c",), data=data, versions=versions)
    decision = Decision(**{**made.__dict__, **more})
    writing = Writing()
    assert writing.decision(decision) == writing.decision(decision) == decision.to_json()


def test_an_incident_is_written_once_and_as_it_is() -> None:
    world = World(RULES)
    out = world.push(0, signal("a", labels={"pod": "1"})) + world.tick(10)
    writing = Writing()
    told = [each.data["incident"] for each in out if each.kind in ("playbook.notified", "playbook.selected")]
    assert len(told) > 2
    for incident in told:
        assert orjson.loads(writing.incident(incident)) == incident
        assert writing.incident(incident) is writing.incident(incident)
    row = next(row for key, row in world.state.rows.items() if key.startswith("group/"))
    assert orjson.loads(as_json(incident_of(row)))["id"] == row["id"]
