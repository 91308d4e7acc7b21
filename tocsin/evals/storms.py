"""The suites `itbench-storm` and `itbench-root`: which alerts are one incident, and where it began, by the rule layer alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rules.correlation.graph import Graph
from rules.correlation.placing import Correlator
from rules.correlation.root import root_of
from rules.correlation.second_look import second_look
from rules.correlation.values import Alert
from schemas.time import SECOND
from tocsin.evals.cases import Case

Answered = Callable[[Case], dict[str, Any]]


def timed(answer: Answered, case: Case) -> tuple[dict[str, Any], float, float]:
    """The answer with what it took: seconds of processor and seconds by the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = answer(case)
    return found, time.process_time() - cpu, time.perf_counter() - wall


def incidents(case: Case) -> dict[str, Any]:
    """Each alert's incident, None for background: placed left to right, then looked at a second time."""
    graph, alerts = _graph(case), _alerts(case.input["alerts"])
    correlator = Correlator(graph)
    placed = {alert.id: correlator.place(alert).incident for alert in sorted(alerts, key=lambda alert: alert.at)}
    for moved in second_look(alerts, {name: incident for name, incident in placed.items() if incident}, graph):
        placed[moved.alert] = moved.now
    return {"incident": placed}


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
