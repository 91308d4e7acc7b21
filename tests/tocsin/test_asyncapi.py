"""The AsyncAPI document is what the code says, whole, and speaks of the records as they are exported."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.ports.journal import DECISIONS, INPUTS
from schemas.export import FOLDER
from tocsin.asyncapi import FILE, document


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_the_document_is_the_one_the_code_makes() -> None:
    assert FILE.read_text() == document(), "stale: run `python -m tocsin.asyncapi`"


def test_every_reference_in_it_leads_somewhere(written: dict[str, Any]) -> None:
    found = set(references(written))
    assert len(found) > 15
    for reference in found:
        node = written
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


@pytest.mark.parametrize("record", ["Signal", "LogBatch", "Command", "Tick", "Decision"])
def test_a_record_in_it_has_the_exported_schema(written: dict[str, Any], record: str) -> None:
    exported = json.loads((FOLDER / f"{record.lower()}.schema.json").read_text())
    definitions = exported.pop("$defs", {})
    schemas = written["components"]["schemas"]
    inlined = json.loads(json.dumps(schemas[record]).replace("#/components/schemas/", "#/$defs/"))
    assert inlined == exported
    for name, shape in definitions.items():
        assert json.loads(json.dumps(schemas[name]).replace("#/components/schemas/", "#/$defs/")) == shape


def test_what_is_written_and_what_is_read_is_told_apart(written: dict[str, Any]) -> None:
    told = {(each["action"], each["channel"]["$ref"].rpartition("/")[2]) for each in written["operations"].values()}
    both = {(action, stream) for action in ("send", "receive") for stream in (INPUTS, DECISIONS)}
    assert told == {("receive", "source"), ("send", "sink"), *both}


def test_every_parameter_of_an_address_is_explained(written: dict[str, Any]) -> None:
    for channel in written["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == channel["parameters"].keys()
        assert channel["description"]
