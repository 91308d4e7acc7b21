"""What is reached on the cases handed out for development, where they are there."""

import pytest

from tests.support.reached import FOLDER, reached

pytestmark = pytest.mark.skipif(FOLDER is None, reason="TOCSIN_CASES names no folder with cases")


def test_incidents_without_a_model() -> None:
    found = reached("incidents").measures
    assert found["root cause"] >= 5 / 8 and found["decoys blamed"] <= 1 / 8
    assert found["synthetic"] >= 10 / 12 and found["recorded tools"] >= 8 / 11
    assert found["false alarms"] == 0 and found["missed"] == 0


@pytest.mark.parametrize(
    ("suite", "first", "third"), [("petshop", 0.7, 0.9), ("nezha-ob", 0.6, 0.75), ("nezha-tt", 0.3, 0.45)]
)
def test_rankings_without_a_model_are_above_their_floors(suite: str, first: float, third: float) -> None:
    found = reached(suite).measures
    assert found["AC@1"] >= first and found["AC@3"] >= third


def test_storms_and_their_roots_by_rules_alone() -> None:
    found = reached("itbench-storm").measures
    assert found["pairwise F1"] >= 0.75
    assert found["real alerts kept"] >= 0.98 and found["background rejected"] >= 0.8
    roots = reached("itbench-root").measures
    assert roots["AC@1"] >= 0.8 and roots["AC@3"] >= 0.95


def test_the_security_pack_tells_of_attacks_and_of_little_else() -> None:
    found = reached("ait").measures
    assert found["phase_recall"] >= 0.83 and found["precision"] >= 0.7 and found["per_day"] <= 9
