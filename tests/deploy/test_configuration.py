"""The configurations that ship: they load as they are, and name the secrets that unit and compose file provide."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from schemas.document import DocumentInvalid
from tocsin.config import load

DEPLOY = Path(__file__).parents[2] / "deploy"
PLACE = "/run/credentials/tocsin.service"
SECRETS = {
    "sentry_client_secret": "a-client-secret",
    "alertmanager_token": "a-token",
    "linear_webhook_secret": "lin_wh_0123456789abcdef",
    "linear_api_key": "lin_api_0123456789abcdef",
    "pager_secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


def example(folder: Path) -> Path:
    """The example with its secrets where a test may put them."""
    file = folder / "tocsin.yaml"
    file.write_text((DEPLOY / "tocsin.yaml").read_text().replace(PLACE, str(folder)))
    return file


def test_the_production_example_loads_given_its_secrets(tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value + "\n")
    loaded = load(example(tmp_path), folder=tmp_path, environment={"TOCSIN_LISTEN": "127.0.0.1:8710"})
    assert loaded.data == Path("/var/lib/tocsin")
    assert (loaded.configuration.host, loaded.configuration.port) == ("127.0.0.1", 8710)
    by_name = {instance.connector.name: instance for instance in loaded.instances}
    actions = by_name["linear"].connector.actions(by_name["linear"].settings, "default")
    pages = by_name["webhook"].connector.actions(by_name["webhook"].settings, "default")
    assert {action.kind: action.missing() for action in [*actions, *pages]} == {
        "linear.create_issue": None,
        "linear.comment": None,
        "linear.update_issue": "closing is off: set close_on_resolve for linear",
        "webhook.post": None,
        "page": None,
    }


def test_the_production_example_names_every_secret_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        load(example(tmp_path), folder=tmp_path, environment={})
    said = str(caught.value)
    assert all(name in said for name in [*SECRETS, "TOCSIN_LISTEN"])


def test_the_secrets_of_example_unit_and_compose_file_are_the_same() -> None:
    wanted = set(re.findall(rf"\$\{{file:{PLACE}/(\w+)\}}", (DEPLOY / "tocsin.yaml").read_text()))
    unit = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", (DEPLOY / "tocsin.service").read_text(), re.M))
    compose = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
    mounted = {one["target"]: one["source"] for one in compose["services"]["tocsin"]["secrets"]}
    assert wanted == set(SECRETS)
    assert unit == {name: f"/etc/tocsin/secrets/{name}" for name in wanted}
    assert mounted == {f"{PLACE}/{name}": name for name in wanted}


def test_the_image_starts_with_no_secrets_and_hears_nobody_unsigned() -> None:
    loaded = load(DEPLOY / "container.yaml", folder=DEPLOY, environment={"TOCSIN_LISTEN": "0.0.0.0:8710"})
    assert loaded.data == Path("/var/lib/tocsin")
    assert loaded.configuration.host == "0.0.0.0"
    assert "TOCSIN_LISTEN=0.0.0.0:8710" in (DEPLOY / "Dockerfile").read_text()


def test_the_example_states_the_defaults_as_they_are(tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)
    shown = load(example(tmp_path), folder=tmp_path, environment={"TOCSIN_LISTEN": "127.0.0.1:8710"}).configuration
    default = load(None, folder=tmp_path / "empty", environment={}).configuration
    assert shown.workers == default.workers
    assert shown.retention == default.retention
    assert shown.emergency == default.emergency
    assert (shown.rules, shown.playbooks, shown.listen) == (default.rules, default.playbooks, default.listen)
