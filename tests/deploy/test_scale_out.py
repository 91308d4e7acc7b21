"""The compose file for Kafka and PostgreSQL: every role is there, hardened, and finds what the configuration names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import kafka_server, postgres_server
from tocsin.compose import PROCESSORS
from tocsin.config import Configuration, load

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVERS = ("kafka", "postgres")


def read(name: str) -> Any:
    return YAML(typ="safe").load((DEPLOY / name).read_text())


def services() -> dict[str, Any]:
    return read("compose.kafka.yaml")["services"]  # type: ignore[no-any-return]


def secret_files(service: dict[str, Any]) -> set[str]:
    """Where its secrets are, inside."""
    return {one["target"] if isinstance(one, dict) else f"/run/secrets/{one}" for one in service["secrets"]}


def test_every_role_runs_as_a_service_of_its_own_beside_the_two_servers() -> None:
    assert set(services()) == {*PROCESSORS, *SERVERS}
    for role in PROCESSORS:
        assert services()[role]["command"] == ["run", role]


@pytest.mark.parametrize("role", ["triage", "record"])
def test_what_has_one_owner_has_a_standby(role: str) -> None:
    assert services()[role]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", [*PROCESSORS, *SERVERS])
def test_every_service_is_hardened_limited_and_watched(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert {"mem_limit", "cpus", "pids_limit", "healthcheck", "logging", "stop_grace_period"} <= set(service)
    assert not any("PASSWORD" in key and not key.endswith("_FILE") for key in service.get("environment", {}))


def test_the_outside_reaches_the_door_alone_and_from_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"ingest": ["127.0.0.1:8710:8710"]}
    for name in (*SERVERS, "record"):
        assert services()[name]["networks"] == ["inside"], name
    assert read("compose.kafka.yaml")["networks"]["inside"] == {"internal": True}


def test_roles_are_asked_on_the_health_port_that_the_configuration_opens() -> None:
    configuration = read("tocsin.kafka.yaml")
    port = configuration["health"].rpartition(":")[2]
    for role in PROCESSORS:
        command = services()[role]["healthcheck"]["test"]
        assert f"127.0.0.1:{port}/healthz" in command[-1]
        compile(command[-1], role, "exec")


def test_secrets_are_files_that_are_declared_mounted_and_named_alike() -> None:
    declared = read("compose.kafka.yaml")["secrets"]
    assert all(set(one) == {"file"} for one in declared.values())
    used = {
        one["source"] if isinstance(one, dict) else one
        for service in services().values()
        for one in service.get("secrets", [])
    }
    assert used == set(declared)
    wanted = set(re.findall(r"\$\{file:([^}]+)\}", (DEPLOY / "tocsin.kafka.yaml").read_text()))
    for role in PROCESSORS:
        assert wanted <= secret_files(services()[role]), role
    assert services()["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] in secret_files(services()["postgres"])


def test_every_door_has_the_same_token_and_the_same_key_for_secrets() -> None:
    assert {"/var/lib/tocsin/token", "/var/lib/tocsin/redaction.key"} <= secret_files(services()["ingest"])


def test_a_standby_recorder_sees_the_same_ledger_and_has_its_own_data_folder() -> None:
    data = read("tocsin.kafka.yaml")["data"]
    assert services()["record"]["volumes"] == [f"ledger:{data}/ledger"]
    assert "ledger" in read("compose.kafka.yaml")["volumes"]
    image = (DEPLOY / "Dockerfile").read_text()
    assert json.loads(re.search(r"^VOLUME (.*)$", image, re.M)[1]) == [data]  # type: ignore[index]
    assert f"--mode 0700 {data} {data}/ledger" in image, "a new volume takes owner and mode from the folder below it"


def test_the_servers_are_those_the_tests_run_against() -> None:
    found = services()
    assert found["kafka"]["image"] == f"apache/kafka:{kafka_server.version()}"
    assert found["postgres"]["image"] == postgres_server.IMAGE
    tested = kafka_server.properties(listen="l", controller="c", advertised="a", data="d")
    named = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in tested.items()}
    ours = found["kafka"]["environment"]
    different = {name for name, value in ours.items() if name in named and value != named[name]}
    assert different == {
        "KAFKA_ADVERTISED_LISTENERS",
        "KAFKA_LISTENERS",
        "KAFKA_CONTROLLER_QUORUM_VOTERS",
        "KAFKA_LOG_DIRS",
    }
    assert set(ours) - set(named) == {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}


def test_the_configuration_leads_to_the_two_servers() -> None:
    journal = read("tocsin.kafka.yaml")["journal"]
    assert journal["kafka"] == "kafka:9092"
    assert services()["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{journal['kafka']}"
    environment = services()["postgres"]["environment"]
    expected = f"postgresql://{environment['POSTGRES_USER']}:${{file:{environment['POSTGRES_PASSWORD_FILE']}}}"
    assert journal["postgres"] == f"{expected}@postgres:5432/{environment['POSTGRES_DB']}"
    assert re.fullmatch(r"[a-z0-9][a-z0-9_]{0,39}", journal["tenant"])


def test_the_configuration_loads_given_its_secrets(tmp_path: Path) -> None:
    text = (DEPLOY / "tocsin.kafka.yaml").read_text()
    for path in re.findall(r"\$\{file:([^}]+)\}", text):
        (tmp_path / Path(path).name).write_text("a-secret\n")
    if "journal" not in Configuration.model_fields:  # of a version that knows the embedded journal alone
        text = re.sub(r"^journal:\n(?:  .*\n)+", "", text, flags=re.M)
    file = tmp_path / "tocsin.yaml"
    file.write_text(text.replace("/run/secrets", str(tmp_path)))
    loaded = load(file, folder=tmp_path, environment={})
    assert loaded.data == Path("/var/lib/tocsin")
    assert loaded.configuration.health == "0.0.0.0:8711"
