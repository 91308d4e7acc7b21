"""The packs that ship: each with its tests, its page, and no quarrel with the others."""

import hmac
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import get_args

import orjson
import pytest

from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from connectors.ports.source import Request
from playbooks.library import PACKS as PLAYBOOKS
from rules.load import PACKS, load, pack_names, packs
from rules.ruleset import RuleSet
from rules.trial.cases import Case, CaseFile, Coverage, run_file
from schemas.document import parse_yaml, validate
from schemas.signal import Signal
from tests.support.rule_world import World, at
from tocsin.config import load as load_configuration
from tocsin.packs import Pack

PAGES = Path(__file__).parents[2] / "docs" / "packs"
NAMES = get_args(Pack)


@cache
def all_packs() -> RuleSet:
    return load([PACKS])


@cache
def own_rules(name: str) -> list[str]:
    """The rules of a pack, without those of the files it includes."""
    file = PACKS / f"{name}.yaml"
    return [rule.name for rule in load([file]).rules if rule.file == str(file)]


def cases(name: str) -> tuple[Case, ...]:
    file = PACKS / f"{name}.test.yaml"
    return validate(parse_yaml(file.read_text(), str(file)), CaseFile).tests


def test_a_configuration_may_choose_every_pack_that_ships() -> None:
    assert pack_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_a_pack_pass_and_cover_its_rules(name: str) -> None:
    coverage = Coverage()
    outcomes = list(run_file(PACKS / f"{name}.test.yaml", coverage))
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert coverage.untested == []
    assert coverage.rules == set(own_rules(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_a_test_in_which_it_acts_and_one_in_which_it_stays_silent(name: str) -> None:
    acts: set[str] = set()
    silent: set[str] = set()
    for case in cases(name):
        about = set(re.findall(r"(?:^|; )([a-z0-9-]+): ", case.name))
        acting = {expected.rule for expected in case.expect}
        acts |= about & acting
        silent |= about - acting
    assert (set(own_rules(name)) - acts, set(own_rules(name)) - silent) == (set(), set())


@pytest.mark.parametrize("name", NAMES)
def test_every_pack_has_a_page_that_names_its_rules_and_no_others(name: str) -> None:
    table = re.search(r"^\| rule .*\n\|[-|]+\n((?:\|.*\n)+)", (PAGES / f"{name}.md").read_text(), re.M)
    assert table is not None
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", table[1], re.M) == own_rules(name)


def test_all_packs_together_have_no_fault_and_name_shipped_playbooks() -> None:
    together = load(packs(), playbooks={file.stem for file in PLAYBOOKS.glob("*.md")})
    assert {rule.name for rule in together.rules} == {rule for name in NAMES for rule in own_rules(name)}
    assert all(rule.rule.description for rule in together.rules)


def test_the_packs_are_the_folder_that_holds_them() -> None:
    assert load(packs()).version == all_packs().version


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_can_be_used_alone(name: str) -> None:
    assert {rule.name for rule in load(packs([name])).rules} == {*own_rules("default"), *own_rules(name)}


@pytest.mark.parametrize(
    ("alertname", "labels", "rule"),
    [
        ("KubePodCrashLooping", {"namespace": "shop", "pod": "checkout-5d8f7c9b6d-x2x9q"}, "kubernetes-workloads"),
        ("KubeNodeNotReady", {"node": "n3"}, "kubernetes-nodes"),
        ("KubeAPIErrorBudgetBurn", {"long": "1h", "short": "5m"}, "kubernetes-api-budget"),
        ("KubeClientCertificateExpiration", {}, "kubernetes"),
        ("KubeletClientCertificateExpiration", {"node": "n3"}, "kubernetes"),
        ("KubePersistentVolumeFillingUp", {"namespace": "shop", "persistentvolumeclaim": "d"}, "kubernetes-volumes"),
        ("NodeFilesystemAlmostOutOfSpace", {"mountpoint": "/var"}, "host-filesystem"),
        ("NodeClockSkewDetected", {}, "host-clock"),
        ("NodeHighNumberConntrackEntriesUsed", {}, "host-network"),
        ("NodeTextFileCollectorScrapeError", {}, "hosts"),
        ("PostgreSQLMaxConnectionsReached", {}, "database-connections"),
        ("PostgresHasReplicationSlotUsed", {}, "database-replication"),
        ("MySQLGaleraOutOfSync", {}, "database-replication"),
        ("RedisDown", {}, "database-down"),
        ("KafkaLagIsTooHigh", {"consumergroup": "billing", "topic": "orders"}, "kafka-lag"),
        ("KafkaNoActiveController", {}, "database-down"),
        ("KafkaISRShrinkRate", {}, "database-replication"),
        ("BlackboxProbeFailed", {}, "http-probe"),
        ("CertManagerCertExpirySoon", {"name": "shop-tls", "exported_namespace": "shop"}, "http-certificate"),
        ("TargetDown", {}, "alerts"),
        ("CheckoutErrorRate", {}, "alerts"),
    ],
)
def test_an_alert_that_alertmanager_notifies_of_goes_to_the_one_rule_that_knows_it(
    alertname: str, labels: dict[str, str], rule: str
) -> None:
    world = World(ruleset=all_packs())
    said = {"alertname": alertname, "severity": "warning", "instance": "10.0.0.7:9100", "job": "exporter", **labels}
    out = world.push(0, *webhook(0, said))
    assert [(found.actor, found.kind) for found in out if found.kind in ("incident.opened", "playbook.selected")] == [
        (f"rule:{rule}", "incident.opened"),
        (f"rule:{rule}", "playbook.selected"),
    ]


def test_a_watchdog_that_alertmanager_repeats_is_missed_when_it_stops() -> None:
    world = World(ruleset=all_packs())
    said = {"alertname": "Watchdog", "severity": "none", "prometheus": "monitoring/k8s"}
    for t in range(0, 3600, 300):
        found = [each.kind for each in world.push(t, *webhook(t, said))]
        assert "incident.opened" not in found
    assert [each.actor for each in world.tick(3300 + 900) if each.kind == "incident.opened"] == [
        "rule:heartbeat-missing"
    ]


def webhook(t: float, labels: dict[str, str]) -> Sequence[Signal]:
    """What Alertmanager sends of one firing alert (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), received."""
    alert = {
        "status": "firing", "labels": labels, "annotations": {"summary": f"{labels['alertname']} fires"},
        "startsAt": "2026-11-21T09:40:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus:9090/graph",
    }  # fmt: skip
    body = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "tocsin",
            "groupLabels": {}, "commonLabels": labels, "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
            "alerts": [alert]}  # fmt: skip
    sent = orjson.dumps(body)
    request = Request(
        "POST", "/in/alertmanager", "", {"content-type": "application/json"}, sent, sent, at(t), trusted=True
    )
    return AlertmanagerSource(AlertmanagerSettings(), "default").receive(request).signals


def test_a_failed_workflow_run_of_github_opens_an_incident_by_the_mapping_on_the_page(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(connectors:.*?)```", (PAGES / "ci.md").read_text(), re.S)
    assert example is not None
    (tmp_path / "tocsin.yaml").write_text(example[1])
    secret = "a-secret-for-tests"
    loaded = load_configuration(tmp_path / "tocsin.yaml", folder=tmp_path, environment={"GITHUB_SECRET": secret})
    instance = next(one for one in loaded.instances if one.name == "github")
    assert instance.connector.source is not None
    run = {
        "id": 7, "name": "test", "head_branch": "main", "head_sha": "5e1f0c7", "conclusion": "failure",
        "updated_at": "2026-11-21T09:59:00Z", "html_url": "https://github.com/acme/shop/actions/runs/7",
    }  # fmt: skip
    sent = orjson.dumps({"workflow_run": run, "repository": {"full_name": "acme/shop", "name": "shop"}})
    signed = "sha256=" + hmac.new(secret.encode(), sent, "sha256").hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signed, "x-github-delivery": "d1"}
    request = Request("POST", "/in/generic/github", "", headers, sent, sent, at(0))
    received = instance.connector.source(instance.settings, instance.name).receive(request)
    out = World(ruleset=all_packs()).push(0, *received.signals)
    assert [found.actor for found in out if found.kind == "incident.opened"] == ["rule:build-failed"]
