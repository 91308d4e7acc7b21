"""Scoring: the scorer beside the cases is run as a program of its own; it alone opens reference answers."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin.evals.intervals import Interval, mean, share

TIMEOUT_S = 600.0

Rows = Mapping[str, Mapping[str, Any]]


class NotScored(Exception):
    """The answers could not be scored. The message has the scorer's own words."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a suite. `better` says which way is good."""

    name: str
    interval: Interval
    better: str = "higher"


@dataclass(frozen=True, slots=True)
class Scored:
    """All figures of a run; `metrics` as the scorer prints them, `passed` by case, where a case can pass."""

    measures: tuple[Measure, ...]
    metrics: Mapping[str, Any]
    passed: Mapping[str, bool] = field(default_factory=dict)


def scorer_of(cases: Path) -> Path | None:
    """`score.py` in the folder above that of the cases, where cases and scorer are handed out together."""
    found = cases.resolve().parent.parent / "score.py"
    return found if found.is_file() else None


def score(scorer: Path, suite: str, answers: Path) -> Scored:
    """Raises NotScored."""
    command = [sys.executable, "-I", str(scorer), suite, str(answers), "--json", "--cases"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotScored(f"{scorer} did not run: {error}") from error
    if done.returncode != 0:
        raise NotScored(f"{scorer} refused the answers: {done.stderr.strip()[:2000]}")
    try:
        told = json.loads(done.stdout)
        return read(suite, told["metrics"], told.get("rows", {}))
    except (ValueError, KeyError, TypeError) as error:
        raise NotScored(f"{scorer} printed something else than scores: {error}") from error


def read(suite: str, metrics: Mapping[str, Any], rows: Rows) -> Scored:
    """The figures that matter of a suite, with their intervals, from what each case earned."""
    if suite == "incidents":
        return _incidents(metrics, rows)
    if suite == "itbench-storm":
        return _means(metrics, rows, ("pairwise F1", "background rejected", "real alerts kept"))
    if suite == "ait":
        return _means(metrics, rows, ("phase_recall", "strict_recall", "precision", "F1"), {"per_day": 1e9})
    if all("rank" in row for row in rows.values()):
        return _ranking(metrics, rows)
    return Scored(_plain(metrics), metrics)


def _incidents(metrics: Mapping[str, Any], rows: Rows) -> Scored:
    every = list(rows.values())
    root = [row for row in every if "decoy" in row]
    synthetic = [row for row in every if "category" in row]
    recorded = [row for row in every if "decoy" not in row and "category" not in row]
    real, calm = [row for row in every if row["real"]], [row for row in every if not row["real"]]
    found = [
        *_of("root cause", root, "pass"),
        *_of("decoys blamed", root, "decoy", better="lower"),
        *_of("service", root, "service"),
        *_of("synthetic", synthetic, "pass"),
        *_of("category", synthetic, "category"),
        *_of("recorded tools", recorded, "pass"),
        *_of("decision", every, "decision"),
        *_of("false alarms", calm, "urgent", better="lower"),
    ]
    if real:
        missed = share(sum(not row["urgent"] for row in real), len(real))
        found.append(Measure("missed", missed, "lower"))
    return Scored(tuple(found), metrics, {name: bool(row["pass"]) for name, row in rows.items()})


def _of(name: str, rows: Sequence[Mapping[str, Any]], key: str, *, better: str = "higher") -> list[Measure]:
    return [Measure(name, share(sum(bool(row[key]) for row in rows), len(rows)), better)] if rows else []


def _ranking(metrics: Mapping[str, Any], rows: Rows) -> Scored:
    ranks = [row["rank"] for row in rows.values()]
    found = [
        Measure(f"AC@{place}", share(sum(rank is not None and rank <= place for rank in ranks), len(ranks)))
        for place in (1, 3, 5)
    ]
    found.append(Measure("MRR", mean([1 / rank if rank is not None else 0.0 for rank in ranks])))
    return Scored(tuple(found), metrics, {name: row["rank"] == 1 for name, row in rows.items()})


def _means(
    metrics: Mapping[str, Any], rows: Rows, names: Sequence[str], lower: Mapping[str, float] | None = None
) -> Scored:
    found = [Measure(name, mean([float(row[name]) for row in rows.values()])) for name in names]
    for name, most in (lower or {}).items():
        found.append(Measure(name, mean([float(row[name]) for row in rows.values()], high=most), "lower"))
    return Scored(tuple(found), metrics)


def _plain(metrics: Mapping[str, Any]) -> tuple[Measure, ...]:
    return tuple(
        Measure(name, Interval(float(value), float(value), float(value), 0))
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    )
