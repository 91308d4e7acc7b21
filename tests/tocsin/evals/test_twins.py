"""Cases whose names are all others come to the same: nothing is known by what it is called."""

from pathlib import Path

import pytest

from tests.support.reached import FOLDER, evals, reached
from tests.support.twins import Naming, invented, twins

SUITES = {"incidents": None, "petshop": None, "nezha-ob": None, "nezha-tt": 6}
"""How many cases of each: those of the last hold many megabytes of logs."""


@pytest.mark.skipif(FOLDER is None, reason="TOCSIN_CASES names no folder with cases")
@pytest.mark.parametrize(("suite", "most"), SUITES.items())
def test_renamed_twins_of_the_cases_score_as_the_cases_do(suite: str, most: int | None, tmp_path: Path) -> None:
    before, after = reached(suite), reached(suite, twins(evals(), suite, tmp_path, most=most))
    differ = [
        (old.case.id, before.scored.passed[old.case.id], after.scored.passed[new.case.id])
        for old, new in zip(before.runs[:most], after.runs, strict=True)
        if before.scored.passed[old.case.id] != after.scored.passed[new.case.id]
    ]
    assert differ == [] and (most is not None or after.measures == before.measures)


def test_a_twin_keeps_what_things_are_and_nothing_of_what_they_are_called() -> None:
    naming = Naming({}, ("checkout", "ledger"))
    renamed = naming.text(
        "checkoutservice CheckoutService CHECKOUT_URL ledger-db-7f9dd8b6c4 ledgers at 10.1.2.3, commit 9f6e2d6b7a11c0f: timeout"
    )
    assert "checkout" not in renamed.lower() and "ledger" not in renamed and "10.1.2.3" not in renamed
    checkout, ledger = invented("checkout"), invented("ledger")
    assert renamed.startswith(f"{checkout}service {checkout.capitalize()}Service {checkout.upper()}_URL {ledger}-db-")
    assert f"{ledger}s at 10." in renamed and renamed.endswith(": timeout") and "9f6e2d6" not in renamed
    assert naming.text("9f6e2d6b7a11c0f")[:7] == naming.text("9f6e2d6")
