"""Routing trees: which of the rules that match act, and what children take from the rule above them."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.delivery.compiled import Pace
from rules.delivery.tree import route
from rules.load import RulesInvalid, load_texts
from rules.ruleset import RuleSet
from schemas.spans import UNITS

PAGES = """
times: {office: [{weekdays: ["monday:friday"], times: [{start_time: "09:00", end_time: "17:00"}], location: Europe/Berlin}]}
rules:
  - name: pages
    when: source == "alertmanager"
    group_by: [labels.alertname, labels.cluster]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 4h
    playbook: page
    owner: platform
    labels: {via: tree, team: none}
    muted: [office]
    rules:
      - {name: db, when: 'labels.service.matches("^(mysql|cassandra)$")', group_wait: 10s, playbook: page-db, continue: true}
      - {name: front, when: labels.team == "frontend", active: [office], playbook: page-frontend, labels: {team: front}}
      - name: rest
        when: labels.team == "x"
        rules:
          - {name: deep, when: labels.deep == "yes", group_by: [labels.cluster]}
"""


def acting(ruleset: RuleSet, labels: dict[str, str]) -> list[str]:
    signal = {"source": "alertmanager", "labels": labels}
    return [ruleset.rules[number].name for number in route(ruleset, ruleset.matching(signal))]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({}, ["pages"]),
        ({"service": "mysql"}, ["db"]),
        ({"service": "mysql", "team": "frontend"}, ["db", "front"]),
        ({"team": "frontend", "deep": "yes"}, ["front"]),
        ({"team": "x"}, ["rest"]),
        ({"team": "x", "deep": "yes"}, ["deep"]),
        ({"service": "mysql", "team": "x", "deep": "yes"}, ["db", "deep"]),
        ({"deep": "yes"}, ["pages"]),
    ],
)
def test_alertmanager_route_tree(labels: dict[str, str], names: list[str]) -> None:
    assert acting(load_texts({"a.yaml": PAGES}), labels) == names


def test_a_child_is_not_asked_where_the_rule_above_it_does_not_match() -> None:
    ruleset = load_texts({"a.yaml": PAGES})
    assert route(ruleset, ruleset.matching({"source": "sentry", "labels": {"team": "frontend"}})) == []


def test_children_inherit_groups_waits_playbook_and_labels_but_not_times() -> None:
    rules = load_texts({"a.yaml": PAGES}).by_name
    deep, db, front = rules["deep"], rules["db"], rules["front"]
    assert deep.rule.playbook == "page" and deep.rule.owner == "platform" and deep.rule.group_by == ("labels.cluster",)
    assert db.rule.group_by == ("labels.alertname", "labels.cluster") and len(db.keys) == 2
    assert db.delivery is not None and db.delivery.pace == Pace(10 * UNITS["s"], 5 * UNITS["m"], 4 * UNITS["h"], True)
    assert deep.delivery is not None and deep.delivery.pace == Pace(
        30 * UNITS["s"], 5 * UNITS["m"], 4 * UNITS["h"], True
    )
    assert front.rule.labels == {"via": "tree", "team": "front"}
    assert (
        db.delivery.muted == ()
        and db.delivery.active == ()
        and [time.name for time in front.delivery.active] == ["office"]
    )  # type: ignore[union-attr]


def test_a_change_of_a_rule_or_of_named_times_changes_the_versions_of_what_rests_on_it() -> None:
    before = load_texts({"a.yaml": PAGES}).by_name
    above = load_texts({"a.yaml": PAGES.replace('source == "alertmanager"', 'source == "grafana"')}).by_name
    assert {name for name in before if before[name].version != above[name].version} == set(before)
    times = load_texts({"a.yaml": PAGES.replace("17:00", "18:00")}).by_name
    assert {name for name in before if before[name].version != times[name].version} == set(before), (
        "all stand under pages"
    )


def test_a_rule_switched_off_takes_its_children_with_it() -> None:
    ruleset = load_texts({"a.yaml": PAGES.replace("name: rest", "name: rest\n        enabled: false")})
    assert acting(ruleset, {"team": "x", "deep": "yes"}) == ["pages"]


def test_faults_of_trees_stand_where_they_are_written_and_are_told_once() -> None:
    text = """
rules:
  - name: top
    when: source == "a"
    continue: true
    group_by: [lables.x]
    rules:
      - {name: one, when: 'labels.x = "y"'}
      - {name: two, when: 'true', active: [offfice], grup_wait: 3s}
      - two
  - {name: other, when: 'true', rules: 3}
  - {name: matching, when: 'true', match: {count: 3, within: 5m}, rules: [{name: child, when: 'true'}]}
"""
    with pytest.raises(RulesInvalid) as found:
        load_texts({"r.yaml": text})
    assert [str(fault).partition(";")[0] for fault in found.value.faults] == [
        "r.yaml:5:5: 'continue' belongs to the children of a rule",
        "r.yaml:6:16: group_by: unknown field 'lables'",
        "r.yaml:8:37: when: found '=': equality is '=='",
        "r.yaml:9:44: active: there are no times 'offfice'",
        "r.yaml:9:54: unknown key 'grup_wait'",
        "r.yaml:10:9: a rule is a mapping with at least 'name' and 'when', found 'two'",
        "r.yaml:11:33: 'rules' is a list of rules, each '- name: ...', found 3",
        "r.yaml:12:43: match: a rule with children routes single signals",
    ]


tree = st.recursive(
    st.builds(lambda go, key: {"go": go, "key": key, "rules": []}, st.booleans(), st.sampled_from("abc")),
    lambda children: st.builds(
        lambda go, key, rules: {"go": go, "key": key, "rules": rules},
        st.booleans(),
        st.sampled_from("abc"),
        st.lists(children, max_size=4),
    ),
    max_leaves=12,
)


def plain_walk(node: dict, labels: dict[str, str], path: str) -> list[str]:  # type: ignore[type-arg]
    """Alertmanager's definition, word for word."""
    if labels.get(node["key"]) != "1":
        return []
    found: list[str] = []
    for number, child in enumerate(node["rules"]):
        below = plain_walk(child, labels, f"{path}-{number}")
        found += below
        if below and not child["go"]:
            break
    return found or [path]


def written(node: dict, path: str) -> dict:  # type: ignore[type-arg]
    rules = [written(child, f"{path}-{number}") for number, child in enumerate(node["rules"])]
    top = "-" not in path
    return {
        "name": path,
        "when": f'labels.{node["key"]} == "1"',
        **({} if top else {"continue": node["go"]}),
        "rules": rules,
    }


@given(st.lists(tree, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_routing_is_the_plain_walk_of_the_tree(trees: list[dict]) -> None:  # type: ignore[type-arg]
    import orjson

    rules = [written(node, f"r{number}") for number, node in enumerate(trees)]
    ruleset = load_texts({"t.yaml": orjson.dumps({"rules": rules}).decode()}, reached=False)
    for bits in product("01", repeat=3):
        labels = dict(zip("abc", bits, strict=True))
        plain = [name for number, node in enumerate(trees) for name in plain_walk(node, labels, f"r{number}")]
        assert sorted(acting(ruleset, labels)) == sorted(plain)


UNDER = """
rules:
  - {name: batch, under: pages, when: labels.team == "batch", playbook: ticket}
  - {name: nightly, under: batch, when: labels.night == "yes"}
  - {name: beside, when: labels.team == "batch"}
"""


def test_a_rule_of_another_file_acts_instead_of_the_one_it_is_under_whichever_file_comes_first() -> None:
    for names in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        ruleset = load_texts(dict(zip(names, (PAGES, UNDER), strict=True)))
        assert set(acting(ruleset, {"team": "batch"})) == {"batch", "beside"}
        assert set(acting(ruleset, {"team": "batch", "night": "yes"})) == {"nightly", "beside"}
        assert set(acting(ruleset, {"service": "mysql", "team": "batch"})) >= {"db", "batch"}
        batch = next(rule.rule for rule in ruleset.rules if rule.name == "batch")
        assert (batch.group_by, batch.playbook, batch.owner) == (
            ("labels.alertname", "labels.cluster"), "ticket", "platform",
        )  # fmt: skip


def test_rules_stay_in_the_order_of_their_files_also_where_one_is_under_another() -> None:
    ruleset = load_texts({"a.yaml": UNDER, "b.yaml": PAGES})
    assert [rule.name for rule in ruleset.rules][:3] == ["batch", "nightly", "beside"]
    assert acting(ruleset, {"team": "frontend", "service": "mysql"}) == ["db", "front"]


def test_a_rule_under_one_with_a_window_takes_its_signals_out_of_the_count() -> None:
    burst = "rules:\n  - {name: burst, when: type == 'log', match: {count: 2, within: 5m}}\n  - {name: known, under: burst, when: title == 'x'}\n"
    ruleset = load_texts({"a.yaml": burst})
    assert [ruleset.rules[n].name for n in route(ruleset, ruleset.matching({"type": "log", "title": "x"}))] == ["known"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("- {name: a, under: pags, when: own}", "a.yaml:2:13: there is no rule 'pags'; did you mean 'pages'?"),
        ("- {name: a, under: b, when: own}\n- {name: b, under: a, when: own}", "lead back to it"),
        ("- {name: a, when: own, rules: [{name: b, under: pages, when: own}]}", "it stands under 'a' already"),
        ("- {name: a, under: pages, when: source == 'sentry'}", "no signal reaches it: it can never hold"),
    ],
)
def test_what_is_wrong_with_the_place_of_a_rule_is_said_where_it_is_written(rules: str, message: str) -> None:
    with pytest.raises(RulesInvalid) as caught:
        load_texts({"a.yaml": f"rules:\n{rules}\n", "pages.yaml": PAGES})
    assert message in str(caught.value)
