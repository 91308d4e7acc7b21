"""What must hold of delivery whatever comes: stopping anywhere, hearing it again, and splitting by key change nothing."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.decision import Decision
from schemas.document import parse_yaml
from schemas.time import to_rfc3339
from tests.support.rule_world import World, at, command, signal

RULES = """
times: {odd: [{times: [{start_time: "10:05", end_time: "10:12"}]}]}
rules:
  - name: pages
    when: source == "alertmanager"
    group_by: [labels.g]
    group_wait: 30s
    group_interval: 1m
    repeat_interval: 5m
    playbook: page
    rules:
      - {name: db, when: labels.k == "db", group_wait: 10s, continue: true, muted: [odd]}
      - {name: rest, when: "true", send_resolved: false}
  - {name: once, when: type == "alert", group_by: [labels.g, labels.k], playbook: p, throttle: {once_within: 2m, by: labels.g}}
  - {name: nervous, when: type == "alert", group_by: [labels.g], playbook: n, flapping: {changes: 3, within: 3m}, muted: [odd]}
  - {name: gather, when: type == "alert", group_by: [id], playbook: q, throttle: {once_after: 90s}}
  - {name: same, when: type == "alert", group_by: [labels.g], playbook: s, dedup: {fields: [labels.g], ignore: [labels.k]}}
"""
LOCAL = RULES
"""All rules here look at nothing beyond `labels.g`."""
ACROSS = """
  - {name: source, when: labels.k == "down", inhibit: {when: labels.k == "db", equal: [labels.g]}}
  - {name: wild, when: type == "alert", group_by: [labels.g, labels.k], playbook: w, storm: {groups: 3, within: 2m}}
"""

Event = tuple[float, str, str, str, str]
events = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.sampled_from(("firing", "firing", "firing", "resolved", "silence", "tick")),
        st.sampled_from("ab"),
        st.sampled_from(("db", "web", "down")),
        st.sampled_from(("", "", "60", "400")),
    ),
    min_size=1,
    max_size=25,
)


def inputs(said: list[tuple[int, str, str, str, str]]) -> list[tuple[float, Any]]:
    """Records with their moments, in order."""
    found: list[tuple[float, Any]] = []
    now = 0.0
    for number, (step, kind, group, part, span) in enumerate(said):
        now += step
        if kind == "silence":
            matcher = f'labels.g == "{group}" && labels.k == "{part}"'
            found.append(
                (now, command("silence", now, name=f"c{number}", matcher=matcher, until=to_rfc3339(at(now + 120))))
            )
        elif kind == "tick":
            found.append((now, None))
        else:
            expires = {"expires_at": at(now + int(span))} if span and kind == "firing" else {}
            found.append(
                (
                    now,
                    signal(
                        f"{group}{part}",
                        now,
                        status=kind,
                        labels={"g": group, "k": part},
                        revision=str(number),
                        **expires,
                    ),
                )
            )
    return [*found, (now + 1000, None)]


def advance(world: World, t: float, record: Any) -> list[Decision]:
    return world.tick(t) if record is None else world.push(t, record)


def run(world: World, given_inputs: list[tuple[float, Any]]) -> list[Decision]:
    return [decision for t, record in given_inputs for decision in advance(world, t, record)]


def plain(decisions: list[Decision]) -> list[bytes]:
    return [orjson.dumps(orjson.loads(decision.to_json()), option=orjson.OPT_SORT_KEYS) for decision in decisions]


@given(events, st.integers(0, 25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_stopping_and_restoring_anywhere_changes_nothing(said: list[Any], stop: int) -> None:
    given_inputs = inputs(said)
    whole = run(World(RULES + ACROSS), given_inputs)
    world = World(RULES + ACROSS)
    before = run(world, given_inputs[:stop])
    world.restart()
    assert plain(before + run(world, given_inputs[stop:])) == plain(whole)


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hearing_every_input_twice_tells_nobody_more(said: list[Any]) -> None:
    """Repeats are counted, and what fires lasts; nothing else comes of them."""
    given_inputs = [
        (t, record)
        for t, record in inputs(said)
        if record is None or not hasattr(record, "expires_at") or record.expires_at is None
    ]
    once = run(World(RULES + ACROSS), given_inputs)
    twice = run(World(RULES + ACROSS), [each for pair in given_inputs for each in (pair, pair)])
    kinds = ("playbook.", "silence.")

    def told(decisions: list[Decision]) -> list[tuple[int, str, str]]:
        return [(d.at, d.kind, d.because) for d in decisions if d.kind.startswith(kinds)]

    assert told(twice) == told(once)


@given(events)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_splitting_by_the_key_and_merging_the_decisions_changes_nothing(said: list[Any]) -> None:
    given_inputs = inputs(said)

    def of(group: str) -> list[tuple[float, Any]]:
        def belongs(record: Any) -> bool:
            if record is None:
                return True
            text = record.data["matcher"] if hasattr(record, "data") else f'labels.g == "{record.labels["g"]}"'
            return f'labels.g == "{group}"' in text

        return [(t, record if belongs(record) else None) for t, record in given_inputs]

    def ids(decisions: list[Decision]) -> list[str]:
        return sorted(d.id for d in decisions if not d.kind.startswith("signal."))

    parts = [decision for group in "ab" for decision in run(World(LOCAL), of(group))]
    assert ids(parts) == ids(run(World(LOCAL), given_inputs))


@given(events, st.permutations(range(5)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_rules_changes_the_order_of_decisions_alone(said: list[Any], order: list[int]) -> None:
    content = parse_yaml(RULES, "rules.yaml").content
    other = {**content, "rules": [content["rules"][number] for number in order]}
    given_inputs = inputs(said)
    shuffled = World(orjson.dumps(other).decode())
    plain_ids = sorted(d.id for d in run(World(RULES), given_inputs) if not d.kind.startswith("signal."))
    assert sorted(d.id for d in run(shuffled, given_inputs) if not d.kind.startswith("signal.")) == plain_ids
