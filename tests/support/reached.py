"""What the program reaches on scored cases, each file of cases once a session."""

import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tocsin.evals.cases import read_cases
from tocsin.evals.running import Ran, run
from tocsin.evals.scoring import Scored, score, scorer_of

FOLDER = os.environ.get("TOCSIN_CASES")
"""Where the cases handed out for development are."""


@dataclass(frozen=True)
class Reached:
    """The measures by name, all figures, and what each case came to."""

    measures: dict[str, float]
    scored: Scored
    runs: tuple[Ran, ...]


def evals() -> Path:
    """The folder with cases, scorer and reference answers."""
    return Path(FOLDER or "") / "evals"


@cache
def reached(suite: str, file: Path | None = None) -> Reached:
    """Without a model; `file` for other cases than those handed out."""
    cases = file if file is not None else evals() / "cases" / f"{suite}.jsonl"
    scorer = scorer_of(cases)
    assert scorer is not None
    runs = run(read_cases(cases, suite), None, workers=1, told=lambda _: None)
    assert not [ran.fault for ran in runs if ran.fault]
    with tempfile.TemporaryDirectory() as place:
        answers = Path(place) / "answers.jsonl"
        answers.write_text("".join(json.dumps({"id": ran.case.id, "answer": ran.solved.answer}) + "\n" for ran in runs))
        scored = score(scorer, suite, answers)
    return Reached({each.name: each.interval.value for each in scored.measures}, scored, tuple(runs))
