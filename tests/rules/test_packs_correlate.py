"""What packs join with each other's incidents when all are in force, and what stays apart."""

from functools import cache
from typing import Any

from rules.load import PACKS, load
from rules.ruleset import RuleSet
from schemas.signal import Signal
from tests.support.rule_world import World, signal


@cache
def all_packs() -> RuleSet:
    return load([PACKS])


def joined(*signals: Signal) -> list[str]:
    """The reasons for which the incidents that signals begin join others, in order."""
    world, found = World(ruleset=all_packs()), list[str]()
    for each in signals:
        told = world.push((each.received_at - signals[0].received_at) / 1e6, each)
        found += [decision.data["reason"] for decision in told if decision.kind == "incident.merged"]
    return found


def alert(name: str, t: float, **labels: str) -> Signal:
    return signal(
        f"{name}{t}",
        t,
        severity="warning",
        service=None,
        labels={"alertname": name, **labels},
        group_key=f"{name}{labels}",
    )


def test_a_database_joins_the_trouble_of_its_machine() -> None:
    disk = alert("NodeFilesystemAlmostOutOfSpace", 0, instance="db-1:9100", mountpoint="/")
    assert joined(disk, alert("PostgreSQLSlowQueries", 60, instance="db-1:9187")) == ["labels"]
    assert joined(disk, alert("PostgreSQLSlowQueries", 60, instance="db-2:9187")) == []
    assert joined(disk, alert("PostgreSQLSlowQueries", 601, instance="db-1:9187")) == []


def test_what_a_cluster_suffers_does_not_join_a_machine_or_an_error_by_time_alone() -> None:
    pod: Any = alert("KubePodNotReady", 20, namespace="shop", pod="ledger-0")
    disk = alert("NodeFilesystemAlmostOutOfSpace", 0, instance="db-1:9100", mountpoint="/")
    error = signal("e", 0, source="sentry", type="error", service="till")
    assert joined(disk, pod) == [] and joined(error, pod) == []
    assert joined(alert("KubeNodeNotReady", 0, node="n3"), pod) == ["weighed"]


def test_many_services_that_fall_silent_at_once_are_one_storm() -> None:
    world = World(ruleset=all_packs())
    for quarter in range(100):
        for number in range(6):
            world.push(
                quarter * 900,
                signal(f"l{number}-{quarter}", quarter * 900, type="log", severity="info", service=f"s{number}"),
            )
    told = world.tick(99 * 900 + 3700)
    opened = [decision.data["incident"] for decision in told if decision.kind == "incident.opened"]
    (storm,) = [incident for incident in opened if incident["members"]]
    assert storm["group"] == {"storm": "logs-silent"} and len(opened) == 7
