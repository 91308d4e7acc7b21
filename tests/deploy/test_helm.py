"""The chart: what it renders is what Kubernetes takes, hardened, and leads every role to its configuration, secrets and ledger."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from schemas.document import parse_yaml
from tests.support.kubernetes import CHART, Object, faults, helm, pods, rendered
from tocsin.compose import PROCESSORS, VERSION
from tocsin.config import Configuration, host_and_port, load

VALUES = {name: CHART / "ci" / f"{name}-values.yaml" for name in ("least", "all")}
NAMES = sorted(VALUES)


def given(name: str) -> tuple[str, str]:
    return ("--values", str(VALUES[name]))


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def role_of(labelled: Object) -> str:
    return str(labelled["metadata"]["labels"]["app.kubernetes.io/component"])


def selects(selector: Object, objects: list[Object]) -> set[str]:
    """The roles whose pods have these labels."""
    return {role for role, pod in pods(objects) if selector.items() <= pod["metadata"]["labels"].items()}


def refusal(home: Path, *arguments: str) -> str:
    """What Helm says when it refuses to render."""
    done = helm("template", "tocsin", str(CHART), *arguments, home=home)
    assert done.returncode != 0, "it was rendered"
    return done.stderr


# ------------------------------------------------------------------------------------------------------------- rendered


@pytest.mark.parametrize("name", NAMES)
def test_the_chart_passes_helm_s_own_lint(tmp_path: Path, name: str) -> None:
    done = helm("lint", "--strict", str(CHART), *given(name), home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_takes_everything_as_it_is_written(tmp_path: Path, name: str) -> None:
    objects = rendered(*given(name), home=tmp_path)
    assert len(objects) > 15
    assert [fault for each in objects for fault in faults(each)] == []
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))


def test_a_field_in_the_wrong_place_a_wrong_type_and_a_missing_field_would_be_noticed(tmp_path: Path) -> None:
    (good, *_) = of_kind(rendered(*given("least"), home=tmp_path), "Deployment")
    assert faults(good) == []
    misplaced, mistyped, missing, unknown = (deepcopy(good) for _ in range(4))
    misplaced["spec"]["template"]["spec"]["readOnlyRootFilesystem"] = True
    mistyped["spec"]["replicas"] = "2"
    del missing["spec"]["selector"]
    unknown["apiVersion"] = "apps/v1beta1"
    assert "readOnlyRootFilesystem" in str(faults(misplaced))
    assert "$.spec.replicas" in str(faults(mistyped))
    assert "'selector' is a required property" in str(faults(missing))
    assert "is no kind" in str(faults(unknown))


@pytest.mark.parametrize("name", NAMES)
def test_every_role_runs_as_nobody_with_nothing_to_write_and_no_rights(tmp_path: Path, name: str) -> None:
    found = dict(pods(rendered(*given(name), home=tmp_path)))
    assert set(found) == set(PROCESSORS)
    for role, template in found.items():
        pod = template["spec"]
        (container,) = pod["containers"]
        assert container["args"] == ["run", role]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        assert pod["terminationGracePeriodSeconds"] >= 45
        assert pod["topologySpreadConstraints"]


def test_a_door_that_cannot_record_stays_in_the_balancer_to_say_so_and_to_ring(tmp_path: Path) -> None:
    found = dict(pods(rendered(*given("least"), home=tmp_path)))
    asked = {role: pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] for role, pod in found.items()}
    assert asked == {role: "/healthz" if role == "ingest" else "/readyz" for role in PROCESSORS}
    assert "lifecycle" in found["ingest"]["spec"]["containers"][0]


@pytest.mark.parametrize("name", NAMES)
def test_every_role_has_a_policy_and_a_budget_of_its_own_pods_and_no_other(tmp_path: Path, name: str) -> None:
    objects = rendered(*given(name), home=tmp_path)
    for kind, field in (("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")):
        found = of_kind(objects, kind)
        assert {role_of(each) for each in found} == set(PROCESSORS)
        for each in found:
            assert selects(each["spec"][field]["matchLabels"], objects) == {role_of(each)}
    for each in [*of_kind(objects, "Deployment"), *of_kind(objects, "StatefulSet")]:
        assert selects(each["spec"]["selector"]["matchLabels"], objects) == {role_of(each)}
    door, health = of_kind(objects, "Service")
    assert selects(door["spec"]["selector"], objects) == {"ingest"}
    assert selects(health["spec"]["selector"], objects) == set(PROCESSORS)


def test_only_the_door_can_be_reached_from_elsewhere_and_record_reaches_no_remote(tmp_path: Path) -> None:
    policies = {
        role_of(each): each["spec"] for each in of_kind(rendered(*given("all"), home=tmp_path), "NetworkPolicy")
    }
    entered = {
        role: {port["port"] for rule in spec["ingress"] for port in rule["ports"]} for role, spec in policies.items()
    }
    assert entered == {role: {"http", "health"} if role == "ingest" else {"health"} for role in PROCESSORS}
    left = {
        role: {port["port"] for rule in spec["egress"] for port in rule["ports"]} for role, spec in policies.items()
    }
    assert left == {role: {53, 9092, 5432, 4318} | (set() if role == "record" else {443}) for role in PROCESSORS}
    kafka = [rule for rule in policies["act"]["egress"] if {"protocol": "TCP", "port": 9092} in rule["ports"]]
    assert [rule["ports"] for rule in kafka] == [[{"protocol": "TCP", "port": 9092}]]


def test_the_configuration_is_what_was_given_with_journal_and_addresses_of_the_chart(tmp_path: Path) -> None:
    (config,) = of_kind(rendered(*given("all"), home=tmp_path), "ConfigMap")
    document = parse_yaml(config["data"]["tocsin.yaml"], "tocsin.yaml").content
    values = read(VALUES["all"])
    assert document == {
        "data": "/var/lib/tocsin",
        "listen": "0.0.0.0:8710",
        "health": "0.0.0.0:8711",
        "journal": {
            "kafka": values["journal"]["kafka"],
            "postgres": "postgresql://tocsin:${file:/run/secrets/tocsin/postgres_password}@postgres.databases:5432/tocsin"
            "?sslmode=verify-full&sslrootcert=/run/secrets/tocsin/ca.pem",
            "tenant": "payments",
        },
        "rules": ["rules"],
        "playbooks": "playbooks",
        **values["config"],
    }
    assert config["data"]["rules__payments.yaml"] == values["rules"]["payments.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_loads_given_its_secrets(tmp_path: Path, name: str) -> None:
    (config,) = of_kind(rendered(*given(name), home=tmp_path), "ConfigMap")
    text = config["data"]["tocsin.yaml"]
    for path in re.findall(r"\$\{file:([^}]+)\}", text):
        (tmp_path / Path(path).name).write_text("a-secret\n")
    content = parse_yaml(text.replace("/run/secrets/tocsin", str(tmp_path)), "tocsin.yaml").content
    if "journal" not in Configuration.model_fields:  # of a version that knows the embedded journal alone
        del content["journal"]
    file = tmp_path / "tocsin.yaml"
    file.write_text(json.dumps(content))
    loaded = load(file, folder=tmp_path, environment={})
    assert (loaded.configuration.host, loaded.configuration.port) == ("0.0.0.0", 8710)
    assert host_and_port(loaded.configuration.health or "")[1] == 8711


@pytest.mark.parametrize("name", NAMES)
def test_what_a_pod_mounts_exists_and_lies_where_the_configuration_says(tmp_path: Path, name: str) -> None:
    objects = rendered(*given(name), home=tmp_path)
    (config,) = of_kind(objects, "ConfigMap")
    claims = {each["metadata"]["name"] for each in of_kind(objects, "PersistentVolumeClaim")}
    for role, template in pods(objects):
        pod = template["spec"]
        volumes = {each["name"]: each for each in pod["volumes"]}
        mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
        assert set(mounts.values()) == set(volumes)
        assert mounts["/etc/tocsin"] == "configuration" and mounts["/run/secrets/tocsin"] == "secrets"
        assert mounts["/var/lib/tocsin"] == "data"
        assert volumes["configuration"]["configMap"]["name"] == config["metadata"]["name"]
        items = {each["key"]: each["path"] for each in volumes["configuration"]["configMap"]["items"]}
        assert set(items) == set(config["data"])
        assert all(path == key.replace("__", "/") for key, path in items.items())
        assert ("/var/lib/tocsin/token" in mounts) is (role == "ingest")
        assert (mounts.get("/var/lib/tocsin/ledger") == "ledger") is (role == "record")
        if role == "record":
            assert volumes["ledger"]["persistentVolumeClaim"]["claimName"] in claims


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_named_and_never_written_nor_put_into_the_environment(tmp_path: Path, name: str) -> None:
    objects = rendered(*given(name), home=tmp_path)
    assert of_kind(objects, "Secret") == []
    for _, pod in pods(objects):
        (container,) = pod["spec"]["containers"]
        assert container["env"] == [{"name": "TOCSIN_CONFIG", "value": "/etc/tocsin/tocsin.yaml"}]
        assert "envFrom" not in container


def test_a_change_of_the_rules_rolls_the_pods_and_a_repetition_does_not(tmp_path: Path) -> None:
    def checksums(*more: str) -> set[str]:
        found = pods(rendered(*given("least"), *more, home=tmp_path))
        return {pod["metadata"]["annotations"]["checksum/configuration"] for _, pod in found}

    before, again = checksums(), checksums()
    assert len(before) == 1 and before == again
    assert checksums("--set", r"rules.a\.yaml=rules: []").isdisjoint(before)


def test_what_scales_by_itself_is_given_no_number(tmp_path: Path) -> None:
    objects = rendered(*given("all"), home=tmp_path)
    scaled = {role_of(each) for each in of_kind(objects, "HorizontalPodAutoscaler")}
    assert scaled == {"ingest", "investigate"}
    fixed = {role_of(each) for each in of_kind(objects, "Deployment") if "replicas" in each["spec"]}
    assert fixed == {"triage", "act"}


# ------------------------------------------------------------------------------------------------------------- refused


def test_without_brokers_and_database_it_says_what_is_missing(tmp_path: Path) -> None:
    said = refusal(tmp_path)
    assert "/journal/kafka" in said and "/journal/postgres/host" in said


def test_a_standby_recorder_that_could_not_see_the_ledger_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, *given("least"), "--set", "record.replicas=2")
    assert "ReadWriteMany" in said


@pytest.mark.parametrize(
    ("setting", "place"),
    [
        ("config.listen=0.0.0.0:1", "/config"),
        ("ingest.replica=3", "/ingest"),
        ("journal.tenant=Payments", "/journal/tenant"),
        ("journal.kafka=kafka", "/journal/kafka"),
        ("image.digest=latest", "/image/digest"),
    ],
)
def test_values_that_mean_nothing_are_refused(tmp_path: Path, setting: str, place: str) -> None:
    assert place in refusal(tmp_path, *given("least"), "--set", setting)


# ------------------------------------------------------------------------------------------------------------- without Helm


def test_the_schema_knows_every_value_and_there_is_no_value_it_does_not_know() -> None:
    schema, values = json.loads((CHART / "values.schema.json").read_text()), read(CHART / "values.yaml")
    Draft202012Validator.check_schema(schema)
    told = [each.json_path for each in Draft202012Validator(schema).iter_errors(values)]
    assert told == ["$.journal.kafka", "$.journal.postgres.host"], "what has to be given is all that is missing"

    def compare(part: Any, found: Any, path: str) -> None:
        if isinstance(found, dict) and part.get("additionalProperties") is False:
            assert set(part["properties"]) - {"global"} == set(found), path
            for name, inner in found.items():
                compare(part["properties"][name], inner, f"{path}.{name}")

    compare(schema, values, "values")


def test_the_chart_is_of_this_version() -> None:
    assert read(CHART / "Chart.yaml")["appVersion"] == VERSION
