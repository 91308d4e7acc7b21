"""The virtual clock: timers fire between inputs at their own times, lines tell what was decided, figures are measured."""

from __future__ import annotations

import pytest

from rules.load import load_texts
from rules.trial.bench import measure
from rules.trial.lines import BASE, BadLine, Timed, events
from rules.trial.run import run
from rules.trial.told import lines
from schemas.time import SECOND

RULES = load_texts(
    {
        "x.yaml": """
rules:
  - {name: disk, when: 'labels.kind == "disk"', group_by: [labels.host], resolve_after: 60s, playbook: page}
  - {name: quiet, when: 'source == "none"'}
"""
    }
)
EVENTS = """
{"t": 0, "signal": {"labels": {"kind": "disk", "host": "h1"}}}
{"t": 30, "signal": {"labels": {"kind": "net"}}}
{"t": 100}
"""


def test_timers_fire_at_their_own_times_between_the_inputs() -> None:
    inputs = events(EVENTS)
    told = [
        (line["t"], line["kind"], line.get("rule"), line.get("signals"))
        for line in lines(run(RULES, inputs), inputs, BASE)
    ]
    assert told == [
        (0.0, "incident.opened", "disk", [0]),
        (0.0, "playbook.selected", "disk", [0]),
        (60.0, "incident.resolved", "disk", []),
        (90.0, "signal.unmatched", None, [1]),
    ]


def test_time_goes_on_to_the_end_that_is_asked_for() -> None:
    inputs = events(EVENTS.split("\n")[1])
    assert [decision.kind for decision in run(RULES, inputs)][-1] == "playbook.selected"
    assert [decision.kind for decision in run(RULES, inputs, until=BASE + 61 * SECOND)][-1] == "incident.resolved"


def test_an_input_that_the_engine_refuses_is_told_with_its_line() -> None:
    with pytest.raises(BadLine, match="line 8"):
        list(run(RULES, [Timed(BASE, "signal", {"id": 1}, 7)]))


def test_a_line_has_what_applies_and_nothing_else() -> None:
    inputs = events(EVENTS)
    opened = next(lines(run(RULES, inputs), inputs, BASE))
    assert opened["group"] == {"labels.host": "h1"}
    assert (opened["status"], opened["actor"]) == ("open", "rule:disk")
    assert "playbook" not in opened


def test_figures_are_measured_on_what_the_rules_ask_for() -> None:
    found = measure(RULES, None, 0.02)
    assert found.rules == 2
    assert found.signals == 2_000
    assert found.selected > 0 and found.decided > 0
    assert 0 < found.matches <= found.candidates <= 2
    assert {name for _, name in found.dearest} == {"disk", "quiet"}


def test_figures_of_given_events_are_of_those() -> None:
    found = measure(RULES, events(EVENTS), 0.02)
    assert (found.signals, found.candidates) == (2, 0.5)
