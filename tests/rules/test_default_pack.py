"""The shipped rules: what vendors really send finds its playbook, and nothing is looked at twice."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from rules.load import PACKS, load
from schemas.signal import Signal
from tests.support.rule_world import World, batch, signal

GOLDENS = Path(__file__).parents[1] / "connectors"


def heard(connector: str) -> list[Signal]:
    """The signals of the connector's recorded requests."""
    return [
        Signal.model_validate(fields)
        for file in sorted((GOLDENS / connector / "goldens").glob("*.json"))
        for fields in orjson.loads(file.read_bytes()).get("signals", ())
    ]


@pytest.fixture(scope="module")
def world_of_pack() -> Any:
    ruleset = load([PACKS])
    return lambda: World(ruleset=ruleset)


def opened(world: World, *signals: Signal) -> list[tuple[str, str]]:
    out = world.push(0, *signals)
    return [
        (decision.actor.removeprefix("rule:"), decision.data["playbook"])
        for decision in out
        if decision.kind == "playbook.selected"
    ]


@pytest.mark.parametrize("connector", ["sentry", "alertmanager"])
def test_every_serious_signal_that_vendors_sent_opens_one_incident(world_of_pack: Any, connector: str) -> None:
    serious = [
        found for found in heard(connector) if found.status == "firing" and found.severity in ("critical", "error")
    ]
    assert len(serious) >= 3
    for found in serious:
        assert len(opened(world_of_pack(), found)) == 1, found.title


def test_comments_changes_and_information_open_nothing(world_of_pack: Any) -> None:
    for found in (*heard("sentry"), *heard("linear"), *heard("alertmanager")):
        if found.type in ("comment", "change") or found.severity == "info":
            assert opened(world_of_pack(), found) == [], found.title


def test_a_sentry_issue_that_is_resolved_ends_what_its_errors_opened(world_of_pack: Any) -> None:
    world = world_of_pack()
    error = signal("e", source="sentry", type="error", group_key="sentry:issue:7", occurrence_id="event-1")
    more = signal("e", 1, source="sentry", type="error", group_key="sentry:issue:7", occurrence_id="event-2")
    issue = {"source": "sentry", "type": "issue", "group_key": "sentry:issue:7", "occurrence_id": "issue:7"}
    assert opened(world, error, more) == [("sentry-errors", "triage-error")]
    assert opened(world, signal("i", 2, **issue)) == []
    assert world.push(3, signal("i", 3, status="resolved", **issue))[-1].kind == "incident.resolved"


def test_twenty_error_lines_make_a_burst_and_nineteen_do_not(world_of_pack: Any) -> None:
    world = world_of_pack()
    world.push(0, batch("a", 0, *[("error", "boom")] * 19, *[("info", "fine")] * 50))
    assert world.push(1, batch("b", 1, ("error", "boom")))[-1].data["playbook"] == "log-burst"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"labels": "Bug,Triage"}, [("tracker-issues", "default")]),
        ({"labels": "triaged"}, []),
        ({"labels": "triage", "incident": "inc_1"}, []),
        ({}, []),
    ],
)
def test_an_issue_labelled_for_triage_is_looked_at_unless_it_is_ours(
    world_of_pack: Any, labels: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found = signal("x", source="linear", type="issue", severity="info", labels=labels)
    assert opened(world_of_pack(), found) == expected
