"""The configuration: read once, validated whole, every fault with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.document import DocumentInvalid
from tocsin.config import Configuration, Loaded, load


def read(tmp_path: Path, text: str, **environment: str) -> Loaded:
    """The configuration of a file with this text."""
    (tmp_path / "tocsin.yaml").write_text(text)
    return load(None, folder=tmp_path, environment=environment)


def faults(tmp_path: Path, text: str, **environment: str) -> list[tuple[int, str]]:
    """Line and message of each fault."""
    with pytest.raises(DocumentInvalid) as caught:
        read(tmp_path, text, **environment)
    return [(fault.line, fault.message) for fault in caught.value.faults]


def test_without_a_file_every_default_holds(tmp_path: Path) -> None:
    loaded = load(None, folder=tmp_path, environment={})
    assert loaded.configuration == Configuration() and loaded.file is None
    assert loaded.data == tmp_path / ".tocsin"
    assert {each.connector.name for each in loaded.instances} >= {"sentry", "alertmanager", "linear", "generic"}
    assert (loaded.configuration.host, loaded.configuration.port) == ("127.0.0.1", 8710)


def test_an_empty_file_is_no_file(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "{}\n"):
        assert read(tmp_path, text).configuration == Configuration()


def test_a_named_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.yaml", folder=tmp_path, environment={})


def test_references_are_replaced_from_environment_and_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n\n")
    text = 'connectors: {linear: {api_key: "${KEY}", team: "$$${KEY}${file:secret}"}}'
    (linear,) = [each for each in read(tmp_path, text, KEY="k").instances if each.connector.name == "linear"]
    assert linear.settings.api_key.get_secret_value() == "k"  # type: ignore[attr-defined]
    assert linear.settings.team == "$kfrom a file\n".rstrip("\n")  # type: ignore[attr-defined]


def test_a_reference_that_leads_nowhere_is_a_fault_at_its_place(tmp_path: Path) -> None:
    text = 'listen: 127.0.0.1:1\nconnectors:\n  linear:\n    api_key: "${ABSENT}"\n    team: "${file:absent}"\n'
    (key, team) = faults(tmp_path, text)
    assert key[0] == 4 and "${ABSENT} is not set in the environment" in key[1]
    assert team[0] == 5 and "cannot be read" in team[1]


def test_every_fault_is_found_at_once_with_near_names(tmp_path: Path) -> None:
    text = "lisen: x\nlisten: ':8710'\nworkers: {investigate: 0}\nconnectors:\n  sentri: {}\n  linear: {teem: OPS}\n  generic/Bad Name: {}\n"
    found = faults(tmp_path, text)
    assert [line for line, _ in found] == [1, 2, 3, 5, 6, 7]
    said = " ".join(message for _, message in found)
    for part in ("listen", "expected HOST:PORT", "sentry", "team", "is no name"):
        assert part in said


def test_what_is_no_yaml_or_no_mapping_is_a_fault(tmp_path: Path) -> None:
    for text in (
        "a: [",
        "- a\n- b\n",
        "just words",
        "connectors: [linear]",
        "connectors: {linear: 7}",
        "connectors: {7: {}}",
    ):
        assert faults(tmp_path, text), text


def test_the_version_is_of_the_text_before_secrets_are_put_in(tmp_path: Path) -> None:
    text = 'connectors: {linear: {api_key: "${KEY}"}}'
    assert read(tmp_path, text, KEY="a").version == read(tmp_path, text, KEY="b").version
    assert read(tmp_path, text, KEY="a").version != read(tmp_path, text + " ", KEY="a").version


def test_two_instances_of_one_connector_are_two(tmp_path: Path) -> None:
    loaded = read(tmp_path, "connectors: {generic/one: {}, generic/two: {}, generic: {}}")
    assert [each.name for each in loaded.instances if each.connector.name == "generic"] == ["default", "one", "two"]


@given(host=st.sampled_from(["127.0.0.1", "localhost", "[::1]", "0.0.0.0"]), port=st.integers(0, 65535))
def test_an_address_is_a_host_and_a_port(host: str, port: int) -> None:
    configuration = Configuration(listen=f"{host}:{port}")
    assert (configuration.host, configuration.port) == (host.strip("[]"), port)


@pytest.mark.parametrize("listen", ["8710", ":8710", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "localhost"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Configuration(listen=listen)
