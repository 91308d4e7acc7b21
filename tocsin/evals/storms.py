"""The suites `itbench-storm` and `itbench-root`: which alerts are one incident, and where it began, by the rule layer alone."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from rules.correlation.graph import Graph
from rules.correlation.names import plain
from rules.correlation.root import root_of
from rules.correlation.values import Alert
from rules.definitions import TOPOLOGY
from rules.engine import Engine
from rules.load import load_texts
from rules.ruleset import RuleSet
from schemas import Decision, Signal
from schemas.time import SECOND
from tocsin.evals.cases import Case

RULES = """
rules:
  - name: storm
    when: type == "alert"
    group_by: [id]
    correlate: {weighed: true, background: false, within: 5m}
"""
"""Each alert is an incident, so that what joins is what correlation joins."""
START, AFTER = 1_700_000_000 * SECOND, 3600 * SECOND
Answered = Callable[[Case], dict[str, Any]]


def timed(answer: Answered, case: Case) -> tuple[dict[str, Any], float, float]:
    """The answer with what it took: seconds of processor and seconds by the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = answer(case)
    return found, time.process_time() - cpu, time.perf_counter() - wall


def incidents(case: Case) -> dict[str, Any]:
    """Each alert's incident, None for background: what the engine makes of them by a rule that weighs, the second look included."""
    needs: dict[str, list[str]] = {}
    for cause, sufferer in case.input["topology"]:
        if plain(cause) != plain(sufferer):
            needs.setdefault(plain(sufferer), []).append(plain(cause))
    topology = {"services": {name: {"depends_on": [*dict.fromkeys(needed)]} for name, needed in needs.items()}}
    ruleset = load_texts({"storm.yaml": RULES, f"{TOPOLOGY}topology.yaml": orjson.dumps(topology).decode()})
    names = {signal.id: number for number, signal in _signals(case)}
    found: dict[str, str | None] = dict.fromkeys(names.values())
    of, parents = dict[str, str](), dict[str, str | None]()
    for decision in _decided(ruleset, [signal for _, signal in _signals(case)]):
        if decision.incident_id is not None and "incident" in decision.data:
            incident = decision.data["incident"]
            of[decision.incident_id] = names[incident["signal_ids"][0]]
            parents[decision.incident_id] = incident.get("parent")
    for incident_id, number in of.items():
        found[number] = of[parents[incident_id] or incident_id]
    return {"incident": found}


def _signals(case: Case) -> list[tuple[str, Signal]]:
    """Each alert as an incident of its own would begin with it, in the order of their times."""
    rows = enumerate(case.input["alerts"])
    told = sorted((round(row.get("t", 0) * SECOND), str(row.get("i", number)), row) for number, row in rows)
    return [
        (
            name,
            Signal.observed(
                source="generic", occurrence_id=name, revision="1", type="alert", title=row["alert"], severity="error",
                service=row.get("service") or None, labels={"alertname": row["alert"]}, group_key=name,
                occurred_at=START + at, received_at=START + at,
            ),
        )
        for at, name, row in told
    ]  # fmt: skip


def _decided(ruleset: RuleSet, signals: Sequence[Signal]) -> Iterator[Decision]:
    engine = Engine(ruleset, code_version="eval")
    state, now = engine.state(), START
    for signal in signals:
        now = signal.received_at
        yield from engine.advance(state, orjson.loads(signal.model_dump_json()), kind="signal", now=now)
    yield from engine.advance(state, {}, kind="tick", now=now + AFTER)


def roots(case: Case) -> dict[str, Any]:
    """Services, the likeliest root first."""
    return {"ranked": [one.service for one in root_of(_alerts(case.input["alerts"]), _graph(case))]}


def _graph(case: Case) -> Graph:
    return Graph([(cause, sufferer) for cause, sufferer in case.input["topology"]])


def _alerts(rows: Sequence[Mapping[str, Any]]) -> list[Alert]:
    return [
        Alert(str(row.get("i", number)), round(row.get("t", 0) * SECOND), row["alert"], row.get("service") or "")
        for number, row in enumerate(rows)
    ]
