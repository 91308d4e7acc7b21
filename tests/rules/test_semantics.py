"""Every row of the semantics this language is held to, and the tests that are named after it: none may go missing.

Rows are points at which the engines people come from (Alertmanager 0.34, ansible-rulebook 1.3, Keep, Sigma 2.1) were observed or specified.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CONDITIONS, WAITS, STEPS = "cel/test_condition_rows.py", "delivery/test_waits.py", "match/test_match_steps.py"
RULEBOOK, KEEP, SIGMA = (f"importers/test_{name}_rows.py" for name in ("rulebook", "keep", "sigma"))

ROWS = {
    "conditions: missing field": [f"{CONDITIONS}::test_missing_field"],
    "conditions: type mismatch": [f"{CONDITIONS}::test_type_mismatch"],
    "conditions: regex": [f"{CONDITIONS}::test_regex"],
    "conditions: and/or": [f"{CONDITIONS}::test_and_or"],
    "conditions: severity order": [f"{CONDITIONS}::test_severity_order"],
    "alertmanager: identity": ["delivery/test_alerts.py::test_alertmanager_identity"],
    "alertmanager: route tree": ["test_tree.py::test_alertmanager_route_tree"],
    "alertmanager: group": [f"{WAITS}::test_alertmanager_group_labels", f"{WAITS}::test_alertmanager_one_alert"],
    "alertmanager: group_wait": [f"{WAITS}::test_alertmanager_group_wait"],
    "alertmanager: group_interval": [f"{WAITS}::test_alertmanager_group_interval"],
    "alertmanager: when a flush notifies": [f"{WAITS}::test_alertmanager_flush"],
    "alertmanager: repeat_interval": [f"{WAITS}::test_alertmanager_repeat_interval"],
    "alertmanager: flapping": [f"{WAITS}::test_alertmanager_flapping"],
    "alertmanager: resolved handling": [f"{WAITS}::test_alertmanager_resolved_handling"],
    "alertmanager: order of gates": [f"{WAITS}::test_alertmanager_order_of_gates"],
    "alertmanager: inhibition": ["delivery/test_inhibition.py::test_alertmanager_inhibition"],
    "alertmanager: silences": ["delivery/test_silences.py::test_alertmanager_silences"],
    "alertmanager: time intervals": ["delivery/test_times.py::test_alertmanager_time_intervals"],
    "alertmanager: restart": [f"{WAITS}::test_alertmanager_restart"],
    "alertmanager: limits": [f"{WAITS}::test_alertmanager_limits"],
    "ansible-rulebook: time": [f"{RULEBOOK}::test_time"],
    "ansible-rulebook: consumption": [f"{RULEBOOK}::test_consumption"],
    "ansible-rulebook: any": [f"{RULEBOOK}::test_any"],
    "ansible-rulebook: all": [f"{RULEBOOK}::test_all"],
    "ansible-rulebook: not_all + timeout": [f"{RULEBOOK}::test_not_all"],
    "ansible-rulebook: once_within": [f"{RULEBOOK}::test_once_within"],
    "ansible-rulebook: once_after": [f"{RULEBOOK}::test_once_after"],
    "ansible-rulebook: accumulate_within": [f"{RULEBOOK}::test_accumulate_within"],
    "ansible-rulebook: throttles": [f"{RULEBOOK}::test_throttles"],
    "ansible-rulebook: facts": [f"{RULEBOOK}::test_facts"],
    "ansible-rulebook: actions": [f"{RULEBOOK}::test_actions"],
    "ansible-rulebook: restart": ["match/test_match_clocks.py::test_partial_matches_facts_and_deadlines_survive_a_restart"],
    "keep: dedup": [f"{KEEP}::test_dedup", "delivery/test_dedup.py::test_keep_dedup"],
    "keep: correlation rule": [f"{KEEP}::test_correlation_rule"],
    "keep: workflow trigger": [f"{KEEP}::test_workflow_trigger"],
    "keep: maintenance window": [f"{KEEP}::test_maintenance_window"],
    "keep: cost": [f"{KEEP}::test_cost"],
    "sigma: window": [f"{SIGMA}::test_window"],
    "sigma: firing": [f"{SIGMA}::test_firing"],
    "sigma: value_count": [f"{SIGMA}::test_value_count"],
    "sigma: temporal": [f"{SIGMA}::test_temporal", f"{STEPS}::test_temporal_holds"],
    "sigma: temporal_ordered": [f"{SIGMA}::test_temporal_ordered", f"{STEPS}::test_temporal_ordered"],
    "sigma: group-by / aliases": [f"{SIGMA}::test_group_by_and_aliases", f"{STEPS}::test_aliases"],
    "sigma: chaining": [f"{SIGMA}::test_chaining"],
    "sigma: out of order": [f"{SIGMA}::test_out_of_order"],
    "sigma: generate": [f"{SIGMA}::test_generate"],
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test_named_after_it(row: str) -> None:
    for place in ROWS[row]:
        file, _, name = place.partition("::")
        assert re.search(rf"^def {name}", (HERE / file).read_text(), re.MULTILINE), place
