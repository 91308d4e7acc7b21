"""Suites: for each, how a case is answered."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import Usage
from tocsin.evals import answers, incidents, rankings, storms, streams
from tocsin.evals.cases import Case
from tocsin.evals.live import Outcome, investigated
from tocsin.evals.prepared import Prepared
from tocsin.models import Models


@dataclass(frozen=True, slots=True)
class Solved:
    """The answer to one case, how sure it is, and what it cost."""

    answer: dict[str, Any]
    confidence: float | None = None
    usage: Usage = field(default_factory=Usage)
    cpu_s: float = 0.0
    wall_s: float = 0.0


Solve = Callable[[Case, Models | None], Coroutine[Any, Any, Solved]]


async def _investigated(
    case: Case, models: Models | None, prepare: Callable[[Case], Prepared], answer: Callable[[Outcome], dict[str, Any]]
) -> Solved:
    begun = time.perf_counter()
    outcome = await investigated(prepare(case), models)
    confidence = outcome.conclusion.hypothesis.confidence
    return Solved(answer(outcome), confidence, outcome.usage, outcome.cpu_s, time.perf_counter() - begun)


async def _incident(case: Case, models: Models | None) -> Solved:
    return await _investigated(case, models, incidents.prepare, lambda outcome: answers.incident(outcome.conclusion))


async def _ranking(case: Case, models: Models | None) -> Solved:
    services = [str(name) for name in case.input.get("services", [])]
    return await _investigated(
        case, models, rankings.prepare, lambda outcome: answers.ranking(outcome.conclusion, services)
    )


async def _storm(case: Case, models: Models | None) -> Solved:  # noqa: ARG001 - rules ask no model
    answer, cpu_s, wall_s = storms.timed(storms.incidents, case)
    return Solved(answer, cpu_s=cpu_s, wall_s=wall_s)


async def _root(case: Case, models: Models | None) -> Solved:  # noqa: ARG001 - rules ask no model
    answer, cpu_s, wall_s = storms.timed(storms.roots, case)
    return Solved(answer, cpu_s=cpu_s, wall_s=wall_s)


async def _stream(case: Case, models: Models | None) -> Solved:  # noqa: ARG001 - rules ask no model
    answer, cpu_s, wall_s = storms.timed(streams.notified, case)
    return Solved(answer, cpu_s=cpu_s, wall_s=wall_s)


SUITES: Mapping[str, Solve] = {
    "incidents": _incident,
    "petshop": _ranking,
    "nezha-ob": _ranking,
    "nezha-tt": _ranking,
    "itbench-storm": _storm,
    "itbench-root": _root,
    "ait": _stream,
}
"""Suite to how one of its cases is solved."""
EMPTY: Mapping[str, dict[str, Any]] = {
    "incidents": {},
    "petshop": {"ranked": []},
    "nezha-ob": {"ranked": []},
    "nezha-tt": {"ranked": []},
    "itbench-storm": {"incident": {}},
    "itbench-root": {"ranked": []},
    "ait": {"notify": []},
}
"""The answer that says nothing, for a case that could not be solved."""
