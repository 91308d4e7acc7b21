"""What is reached on the cases handed out for development, where they are there."""

import os
from pathlib import Path

import pytest

from tocsin.evals.cases import read_cases
from tocsin.evals.running import Ran, run
from tocsin.evals.scoring import Scored, score, scorer_of

FOLDER = os.environ.get("TOCSIN_CASES")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="TOCSIN_CASES names no folder with cases")


def reached(suite: str, tmp_path: Path) -> tuple[dict[str, float], Scored, list[Ran]]:
    import json

    file = Path(FOLDER or "") / "evals" / "cases" / f"{suite}.jsonl"
    scorer = scorer_of(file)
    assert scorer is not None
    runs = run(read_cases(file, suite), None, workers=1, told=lambda _: None)
    assert not [ran.fault for ran in runs if ran.fault]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": ran.case.id, "answer": ran.solved.answer}) + "\n" for ran in runs))
    scored = score(scorer, suite, answers)
    return {each.name: each.interval.value for each in scored.measures}, scored, runs


def test_incidents_without_a_model(tmp_path: Path) -> None:
    found, _, _ = reached("incidents", tmp_path)
    assert found["root cause"] >= 5 / 8 and found["decoys blamed"] <= 1 / 8
    assert found["synthetic"] >= 9 / 12 and found["recorded tools"] >= 8 / 11
    assert found["false alarms"] == 0 and found["missed"] == 0


@pytest.mark.parametrize(
    ("suite", "first", "third"), [("petshop", 0.7, 0.9), ("nezha-ob", 0.6, 0.75), ("nezha-tt", 0.3, 0.45)]
)
def test_rankings_without_a_model_are_above_their_floors(
    suite: str, first: float, third: float, tmp_path: Path
) -> None:
    found, _, _ = reached(suite, tmp_path)
    assert found["AC@1"] >= first and found["AC@3"] >= third


def test_storms_and_their_roots_by_rules_alone(tmp_path: Path) -> None:
    found, _, _ = reached("itbench-storm", tmp_path)
    assert found["pairwise F1"] >= 0.75
    assert found["real alerts kept"] >= 0.98 and found["background rejected"] >= 0.8
    roots, _, _ = reached("itbench-root", tmp_path)
    assert roots["AC@1"] >= 0.8 and roots["AC@3"] >= 0.95


def test_the_security_pack_tells_of_attacks_and_of_little_else(tmp_path: Path) -> None:
    found, _, _ = reached("ait", tmp_path)
    assert round(found["phase_recall"], 3) >= 0.8 and found["precision"] >= 0.6 and found["per_day"] <= 10
