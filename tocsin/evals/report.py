"""The report of a run: a table for people, one object for programs; and whether it is worse than one before."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from schemas import Usage
from tocsin.evals.calibration import Calibration, calibration
from tocsin.evals.floors import FLOORS
from tocsin.evals.running import Ran
from tocsin.evals.scoring import Measure, Scored


def spent(runs: Sequence[Ran]) -> Usage:
    """All usage together."""
    total = Usage()
    for ran in runs:
        total = total.plus(ran.solved.usage)
    return total


def calibrated(runs: Sequence[Ran], scored: Scored) -> Calibration | None:
    """Confidence against outcome, over the cases that have both."""
    return calibration(
        (ran.solved.confidence, scored.passed[ran.case.id])
        for ran in runs
        if ran.solved.confidence is not None and ran.case.id in scored.passed
    )


def regressions(now: Scored, before: Scored, tolerance: float) -> list[str]:
    """Measures that are worse than before by more than the tolerance, as sentences."""
    old = {measure.name: measure for measure in before.measures}
    found: list[str] = []
    for measure in now.measures:
        known = old.get(measure.name)
        if known is None:
            continue
        change = measure.interval.value - known.interval.value
        if (change if measure.better == "lower" else -change) > tolerance:
            found.append(f"{measure.name} went from {known.interval.value:.3f} to {measure.interval.value:.3f}")
    return found


def table(suite: str, model: str, scored: Scored, before: Scored | None) -> Table:
    """Measures with intervals, floors, and the run before."""
    shown = Table(title=f"{suite}, model {model}", title_justify="left")
    for name in ("measure", "value", "95 % interval", "cases", "floor"):
        shown.add_column(name, justify="left" if name in ("measure", "floor") else "right")
    if before is not None:
        shown.add_column("before", justify="right")
    old = {measure.name: measure for measure in before.measures} if before is not None else {}
    floors = FLOORS.get(suite, {})
    for measure in scored.measures:
        row = [
            measure.name,
            _value(measure),
            _interval(measure),
            str(measure.interval.cases or ""),
            _floor(floors, measure),
        ]
        if before is not None:
            known = old.get(measure.name)
            row.append(_value(known) if known is not None else "")
        shown.add_row(*row)
    return shown


def _value(measure: Measure) -> str:
    interval = measure.interval
    hits = interval.value * interval.cases
    whole = interval.cases and abs(hits - round(hits)) < 1e-9 and interval.value <= 1
    return f"{round(hits)}/{interval.cases}  {interval.value:.3f}" if whole else f"{interval.value:.3f}"


def _interval(measure: Measure) -> str:
    interval = measure.interval
    return f"{interval.low:.2f} to {interval.high:.2f}" if interval.cases else ""


def _floor(floors: Mapping[str, tuple[float, str]], measure: Measure) -> str:
    found = floors.get(measure.name)
    return f"{found[0]:g} ({found[1]})" if found is not None else ""


def machine(
    suite: str,
    model: str,
    runs: Sequence[Ran],
    wall_s: float,
    scored: Scored | None,
    before: Scored | None,
    worse: Sequence[str],
) -> dict[str, Any]:
    """All of it as one JSON object."""
    usage, sure = spent(runs), calibrated(runs, scored) if scored is not None else None
    return {
        "suite": suite,
        "model": model,
        "cases": len(runs),
        "faults": {ran.case.id: ran.fault for ran in runs if ran.fault is not None},
        "wall_s": round(wall_s, 3),
        "cpu_s": {"total": round(sum(ran.solved.cpu_s for ran in runs), 3), "most": round(max((ran.solved.cpu_s for ran in runs), default=0.0), 3)},
        "usage": usage.model_dump(mode="json"),
        "measures": _measures(scored),
        "before": _measures(before),
        "calibration": None if sure is None else {"cases": sure.cases, "brier": round(sure.brier, 4), "gap": round(sure.gap, 4)},
        "regressions": list(worse),
    }  # fmt: skip


def _measures(scored: Scored | None) -> dict[str, dict[str, float]] | None:
    if scored is None:
        return None
    return {
        each.name: {"value": round(each.interval.value, 4), "low": round(each.interval.low, 4), "high": round(each.interval.high, 4)}
        for each in scored.measures
    }  # fmt: skip
