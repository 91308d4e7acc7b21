"""What rules add: exceptions, facts, what they know about signals, and texts on the incident."""

import pytest

from rules.load import RulesInvalid, load, load_texts
from schemas.time import to_rfc3339
from tests.support.rule_world import World, at, command, said, signal


def opened(decisions: list) -> list[str]:
    return [decision.data["incident"]["rule"] for decision in decisions if decision.kind == "incident.opened"]


def test_a_signal_that_meets_unless_does_not_match() -> None:
    world = World("rules:\n  - {name: r, when: type == 'alert', unless: labels.env == 'lab'}\n")
    assert opened(world.push(0, signal("a", labels={"env": "lab"}))) == []
    assert world.tick(60)[0].kind == "signal.unmatched"
    # An error in it is no exception.
    assert opened(world.push(61, signal("b", 61))) == ["r"]


FACTS = """rules:
  - name: deploys
    when: type == "change"
    set_fact: {deploying: labels.version, for: 30m}
  - name: errors
    when: type == "error" && (!has(fact.deploying) || fact.deploying != "2.0")
"""


def test_a_fact_is_known_from_the_next_signal_on_until_it_expires() -> None:
    """rules.md 1.3, facts: set by a rule, read by conditions, never consumed; here with an expiry."""
    world = World(FACTS)
    out = world.push(0, signal("rollout", type="change", labels={"version": "2.0"}))
    told = next(decision for decision in out if decision.kind == "fact.set")
    assert told.because == "fact.deploying is '2.0' for 30m, says rule deploys"
    assert opened(world.push(10, signal("boom", 10, type="error"))) == []
    world.restart()
    assert opened(world.push(1799, signal("bang", 1799, type="error"))) == []
    assert opened(world.push(1800, signal("crash", 1800, type="error"))) == ["errors"]


def test_a_fact_set_by_a_rule_is_not_seen_by_rules_that_judge_the_same_signal() -> None:
    text = """rules:
  - {name: sets, when: type == "change", priority: 9, set_fact: {on: true}}
  - {name: reads, when: 'fact.on && type in ["change", "alert"]'}
"""
    world = World(text)
    assert opened(world.push(0, signal("c", type="change"))) == ["sets"]
    assert opened(world.push(1, signal("d", 1))) == ["reads"]


def test_a_fact_may_be_a_map_whose_entries_expire_by_themselves_and_null_takes_it_back() -> None:
    text = """rules:
  - {name: begin, when: labels.k == "begin", set_fact: {busy: {value: labels.by, key: service, for: 1m}}}
  - {name: end, when: labels.k == "end", set_fact: {busy: {value: null, key: service}}}
  - {name: page, when: labels.k == "page" && !(service in fact.busy), group_by: [service, id]}
"""
    world = World(text)
    world.push(0, signal("a", labels={"k": "begin", "by": "ann"}))
    world.push(30, signal("b", 30, service="search", labels={"k": "begin", "by": "bob"}))
    assert world.state.facts == {"busy": {"checkout": "ann", "search": "bob"}}
    assert opened(world.push(31, signal("p", 31, labels={"k": "page"}))) == []
    world.restart()
    world.tick(60)
    assert world.state.facts == {"busy": {"search": "bob"}}
    world.push(61, signal("c", 61, service="search", labels={"k": "end"}))
    assert world.state.facts == {}
    assert "fact/busy" not in world.state.rows


def test_the_same_fact_again_is_not_told_again() -> None:
    world = World(FACTS)
    world.push(0, signal("one", type="change", labels={"version": "1"}))
    assert "fact.set" not in [d.kind for d in world.push(5, signal("two", 5, type="change", labels={"version": "1"}))]
    assert opened(world.push(1802, signal("x", 1802, type="error", labels={}))) == ["errors"]


def test_a_rule_enriches_the_signals_it_matches_and_nobody_elses() -> None:
    sources = {
        "a/rules.yaml": """rules:
  - name: known
    when: type == "alert"
    group_by: [labels.team]
    enrich:
      labels.team: {from: owners.csv, by: service, take: team, default: nobody}
      labels.loud: 'severity == "critical" ? "yes" : "no"'
      annotations.room: {from: rooms.yaml, by: labels.team}
      owner: labels.team
  - {name: plain, when: type == "alert"}
""",
        "table:a/owners.csv": "service,tier,team\ncheckout,1,payments\nsearch,2,find\n",
        "table:a/rooms.yaml": "payments: '#pay'\nfind: {value: '#find'}\n",
    }
    world = World(ruleset=load_texts(sources))
    out = [
        d.data["incident"] for d in world.push(0, signal("x"), signal("y", service="db")) if d.kind == "incident.opened"
    ]
    first, plain, second = (out[0], out[1], out[2])
    assert (first["group"], first["labels"]) == ({"labels.team": "payments"}, {"team": "payments", "loud": "no"})
    assert (first["annotations"], first["owner"]) == ({"room": "#pay"}, "payments")
    assert (plain["labels"], plain["annotations"]) == ({}, {})
    assert (second["labels"]["team"], second["annotations"]) == ("nobody", {})
    other = load_texts({**sources, "table:a/owners.csv": "service,team\ncheckout,x\n"})
    assert other.version != world.engine.ruleset.version


def test_annotations_and_owner_are_set_on_the_incident() -> None:
    world = World(
        "rules:\n  - {name: r, when: type == 'alert', owner: ann, annotations: {runbook: 'https://x'}, labels: {a: b}}\n"
    )
    incident = world.push(0, signal("x"))[0].data["incident"]
    assert (incident["owner"], incident["annotations"], incident["labels"]) == (
        "ann",
        {"runbook": "https://x"},
        {"a": "b"},
    )


def test_definitions_of_a_folder_of_includes_and_of_the_file_itself(tmp_path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "names.yaml").write_text(
        "macros: {prod: 'labels.env == \"prod\"', loud: prod && severity == worst}\nconstants: {worst: critical}\n"
    )
    (tmp_path / "team" / "_defaults.yaml").write_text(
        "defaults: {owner: us, group_by: [service], labels: {team: us, area: x}}\n"
    )
    (tmp_path / "team" / "a.yaml").write_text(
        """include: ../names.yaml
constants: {most: 3}
defaults: {labels: {area: y}}
rules:
  - {name: one, when: loud, match: {count: 2, within: 1m}}
  - {name: two, when: prod && measures.n > most, owner: me, labels: {k: v}}
"""
    )
    found = load([tmp_path / "team"])
    one, two = found.rules
    assert (one.rule.owner, one.rule.group_by, one.rule.labels) == ("us", ("service",), {"team": "us", "area": "y"})
    assert (two.rule.owner, two.rule.labels) == ("me", {"team": "us", "area": "y", "k": "v"})
    assert [rule.name for rule in load_texts(dict(found.sources)).rules] == ["one", "two"]
    world = World(ruleset=found)
    assert opened(world.push(0, signal("x", labels={"env": "prod"}, measures={"n": 4.0}))) == ["two"]
    assert opened(world.push(1, *(signal(n, 1, severity="critical", labels={"env": "prod"}) for n in "ab"))) == ["one"]


def test_children_have_defaults_but_what_they_inherit_comes_from_their_parent() -> None:
    text = """defaults: {group_by: [service], resolve_after: 1h}
rules:
  - {name: top, when: own, group_by: [source], rules: [{name: child, when: 'true'}]}
"""
    child = load_texts({"r.yaml": text}).by_name["child"].rule
    assert (child.group_by, child.resolve_after) == (("source",), 3_600_000_000)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("macros: {x: 'sevrity == 1'}\nrules: []", "r.yaml:1:14: macro 'x': unknown field 'sevrity'; did you mean 'severity'?"),
        ("macros: {service: own}\nrules: []", "r.yaml:1:10: 'service' is a field of signals; choose another name"),
        ("defaults: {name: x}\nrules: []", "r.yaml:1:12: 'name' has no default: it is what a rule is"),
        ("defaults: {group_by: [lables.x]}\nrules:\n  - {name: a, when: own}\n  - {name: b, when: own}", "r.yaml:1:23: group_by: unknown field 'lables'; did you mean 'labels'?"),
        ("include: b.yaml\nrules: []", "r.yaml:1:1: there is no rule file 'b.yaml'"),
        ("rules:\n  - {name: a, when: own, match: {count: 3}}", "r.yaml:2:26: a window needs its bound: say 'within: 5m'"),
        ("rules:\n  - {name: a, when: own, match: {within: 3s}}", "a match says one of count, distinct"),
        ("rules:\n  - {name: a, when: own, match: {sum: measures.x, within: 3s}}", "'sum' needs what it is compared with"),
        ("rules:\n  - {name: a, when: own, match: {count: '20x', within: 3s}}", "'20x' is not a comparison"),
        ("rules:\n  - {name: a, match: {steps: {x: own, y: {rule: bb}}, within: 3s}}\n  - {name: b, when: own}", "there is no rule 'bb'; did you mean 'b'?"),
        ("rules:\n  - {name: a, match: {steps: {x: own, y: {rule: b}}, within: 3s}}\n  - {name: b, match: {steps: {x: own, y: {rule: a}}, within: 3s}}",
         "rules that are steps of each other in a circle: a -> b -> a"),
        ("rules:\n  - {name: a, when: severity == 'error' && severity == 'info'}", "this can never hold"),
        ("rules:\n  - name: a\n    when: own\n    rules:\n      - {name: b, when: \"severity in ['error', 'info']\"}\n      - {name: c, when: severity == 'error'}",
         "r.yaml:6:25: no signal reaches it: 'b' takes every one first"),
        ("rules:\n  - name: a\n    when: severity == 'error'\n    rules:\n      - {name: b, when: severity == 'info'}", "no signal reaches it: it can never hold where 'a' does"),
        ("rules:\n  - {name: a, when: own, enrich: {labels.x: {from: t.csv, by: service}}}", "there is no table 't.csv' beside the rules"),
        ("rules:\n  - {name: a, when: own, enrich: {severity: '\"error\"'}}", "'severity' cannot be set; there are labels.NAME"),
        ("rules:\n  - {name: a, match: {steps: {x: own, y: sevrity}, within: 3s}}", "r.yaml:2:42: match: unknown field 'sevrity'"),
        ("rules:\n  - {name: a, match: {steps: {x: own, y: {not: sevrity}}, within: 3s}}", "r.yaml:2:48: match: unknown field 'sevrity'"),
        ("rules:\n  - {name: a, match: {steps: {x: own, y: own}, within: 3s, where: steps.z.id == '1'}}", "there is no step 'z'; expected one of x, y"),
        ("rules:\n  - {name: a, when: own, set_fact: {x: sevrity, for: 3m}}", "set_fact: unknown field 'sevrity'"),
        ("rules:\n  - {name: a, match: {absent: own, within: 3m}, for: 3m}", "'for' goes with a condition or a window"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place_once(text: str, fault: str) -> None:
    with pytest.raises(RulesInvalid) as found:
        load_texts({"r.yaml": text})
    assert len(found.value.faults) == 1 or "circle" in fault, str(found.value)
    assert fault in str(found.value), str(found.value)


def test_a_fact_set_by_a_command_expires_as_before() -> None:
    world = World("rules:\n  - {name: r, when: fact.quiet != true && type == 'alert'}\n")
    world.push(0, command("set_fact", 0, key="quiet", value=True, for_s=60))
    assert opened(world.push(30, signal("a", 30))) == []
    assert to_rfc3339(at(0)) < to_rfc3339(at(60))
    world.push(61, command("set_fact", 61, key="quiet", value=False))
    assert "62s incident.opened" in said(world.push(62, signal("b", 62)))
