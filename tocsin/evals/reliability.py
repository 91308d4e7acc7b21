"""Reliability: whether confidence comes true on suites of cases, by the weights that ship and by weights fitted on the other suites alone.

`python -m tocsin.evals.reliability FOLDER` with the folder that holds `cases/` and `score.py`.
"""

import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from processors.analyst.confidence import WEIGHTS
from processors.analyst.facts import SNAPSHOT
from processors.analyst.weigh import weighed
from schemas import Conclusion
from tocsin.evals import answers, incidents, rankings
from tocsin.evals.calibration import calibration
from tocsin.evals.cases import Case, read_cases
from tocsin.evals.fitting import Row, fit, probability
from tocsin.evals.live import investigated
from tocsin.evals.prepared import Prepared
from tocsin.evals.scoring import score

SUITES: Mapping[str, Callable[[Case], Prepared]] = {
    "incidents": incidents.prepare,
    "petshop": rankings.prepare,
    "nezha-ob": rankings.prepare,
    "nezha-tt": rankings.prepare,
}


@dataclass(frozen=True, slots=True)
class Examined:
    """One case: what was said, on which grounds, and whether it was right."""

    id: str
    said: float
    grounds: tuple[float, ...]
    right: bool


def examined(folder: Path, suite: str) -> list[Examined]:
    """All cases of a suite, without a model. Raises what running and scoring raise."""
    logging.getLogger("processors").setLevel(logging.ERROR)
    cases = read_cases(folder / "cases" / f"{suite}.jsonl", suite)
    found = [asyncio.run(_one(case, SUITES[suite])) for case in cases]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "answers.jsonl"
        file.write_text(
            "".join(
                json.dumps({"id": case.id, "answer": each[2]}) + "\n" for case, each in zip(cases, found, strict=True)
            )
        )
        passed = score(folder / "score.py", suite, file).passed
    return [
        Examined(case.id, said, grounds, passed[case.id]) for case, (said, grounds, _) in zip(cases, found, strict=True)
    ]


async def _one(case: Case, prepare: Callable[[Case], Prepared]) -> tuple[float, tuple[float, ...], dict[str, Any]]:
    prepared = prepare(case)
    outcome = await investigated(prepared)
    steps = [step for step in outcome.steps if step.kind == "tool_call" or step.name == SNAPSHOT]
    _, grounds = weighed(prepared.incident, prepared.signals, steps, prepared.now)
    return outcome.conclusion.hypothesis.confidence, grounds.values(), _answer(case, outcome.conclusion)


def _answer(case: Case, conclusion: Conclusion) -> dict[str, Any]:
    if case.suite == "incidents":
        return answers.incident(conclusion)
    return answers.ranking(conclusion, [str(name) for name in case.input.get("services", [])])


def held_out(found: Mapping[str, Sequence[Examined]]) -> dict[str, list[tuple[float, bool]]]:
    """For each suite what would be said of its cases by weights fitted on all other suites, and whether it was right."""
    shown: dict[str, list[tuple[float, bool]]] = {}
    for suite, rows in found.items():
        weights = fit([row for other, each in found.items() if other != suite for row in rows_of(each)])
        shown[suite] = [(probability(weights, each.grounds), each.right) for each in rows]
    return shown


def rows_of(cases: Sequence[Examined]) -> list[Row]:
    """As a fit takes them."""
    return [(each.grounds, each.right) for each in cases]


def report(found: Mapping[str, Sequence[Examined]]) -> list[str]:
    """The tables in Markdown, line by line."""
    said = {suite: [(each.said, each.right) for each in rows] for suite, rows in found.items()}
    apart = held_out(found)
    said["all"], apart["all"] = (
        [pair for pairs in said.values() for pair in pairs],
        [pair for pairs in apart.values() for pair in pairs],
    )
    lines = [
        "| suite | cases | right | said | Brier | off by | held out: Brier | off by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for suite, pairs in said.items():
        own, other = calibration(pairs), calibration(apart[suite])
        if own is not None and other is not None:
            right, mean = fmean(each for _, each in pairs), fmean(each for each, _ in pairs)
            lines.append(
                f"| {suite} | {len(pairs)} | {right:.2f} | {mean:.2f} | {own.brier:.3f} | {own.gap:.2f} | {other.brier:.3f} | {other.gap:.2f} |"
            )
    for title, pairs in (
        ("weights that ship", said["all"]),
        ("each suite by weights fitted on the others", apart["all"]),
    ):
        table = calibration(pairs)
        lines += ["", title, "", "| said | cases | mean said | came true |", "|---|---|---|---|"]
        for each in table.bins if table is not None else ():
            lines.append(f"| {each.low:.1f} to {each.high:.1f} | {each.cases} | {each.said:.2f} | {each.right:.2f} |")
    fitted = fit([row for rows in found.values() for row in rows_of(rows)])
    lines += ["", f"fitted on all: {_shown(fitted)}", f"that ship: {_shown(WEIGHTS)}"]
    return lines


def _shown(weights: Sequence[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in weights)


def main(arguments: Sequence[str]) -> int:
    """Print the tables; 2 for a wrong command."""
    if len(arguments) != 1:
        sys.stderr.write("python -m tocsin.evals.reliability FOLDER\n")
        return 2
    found = {suite: examined(Path(arguments[0]), suite) for suite in SUITES}
    sys.stdout.write("\n".join(report(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
