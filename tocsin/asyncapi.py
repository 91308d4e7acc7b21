"""The topics Tocsin reads and writes, as an AsyncAPI document: `docs/asyncapi.json`."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from connectors.kafka.poller import subscribed
from connectors.kafka.publish import Told
from connectors.kafka.settings import KafkaSettings
from connectors.ports.journal import DECISIONS, INPUTS
from schemas import Command, Decision, LogBatch, Signal
from schemas.export import documents
from schemas.tick import Tick

FILE = Path(__file__).parents[1] / "docs" / "asyncapi.json"
BROKER = "kafka.example:9092"
EVENT = ("ce_specversion", "ce_id", "ce_source", "ce_type", "content-type")


class Channel(NamedTuple):
    """What FastStream cannot know of a channel: what it is for, the `{parameters}` of its address, the headers of its messages."""

    purpose: str
    parameters: Mapping[str, str]
    headers: Sequence[str]
    required: Sequence[str] = ()


_TENANT = {"tenant": "The tenant's name, `default` unless configured"}
_RECORD = ("kind", "at", "n", "traceparent")
CHANNELS: Mapping[str, Channel] = {
    "source": Channel(
        "Other people's topics: JSON of any shape, or CloudEvents; docs/connectors/kafka.md.",
        {"topic": "One of the setting `topics` of the connector kafka"},
        EVENT,
    ),
    "sink": Channel(
        "Events about incidents (action kafka.publish): CloudEvents in binary mode, keyed by the incident.",
        {"publish_topic": "One of the setting `publish_topics` of the connector kafka"},
        (*EVENT, "ce_time", "ce_subject", "ce_partitionkey", "correlation_id"),
        EVENT,
    ),
    INPUTS: Channel(
        "Signals, log batches, commands and ticks, in the order of their acceptance; which, says `kind`.",
        _TENANT,
        _RECORD,
        ("kind", "at"),
    ),
    DECISIONS: Channel("Everything decided, in order; keyed by the incident.", _TENANT, _RECORD, ("kind", "at")),
}


def document() -> str:
    """The document, FastStream's but for headers, descriptions and the records' schemas, which are those of `schemas/json`."""
    source, subscriber = subscribed(KafkaSettings(brokers=(BROKER,), topics=("{topic}",)), title="source")
    subscriber(_messages)
    ours = KafkaBroker(BROKER, apply_types=False)
    ours.publisher("{publish_topic}", title="sink", schema=Told)
    ours.publisher(f"tocsin.{{tenant}}.{INPUTS}", title=INPUTS, schema=Signal | LogBatch | Command | Tick)
    ours.publisher(f"tocsin.{{tenant}}.{DECISIONS}", title=DECISIONS, schema=Decision)
    made = AsyncAPI(
        source, ours, title="Tocsin", version="1", description="What Tocsin reads from and writes to Kafka."
    )
    written: dict[str, Any] = made.to_specification().to_jsonable()
    for name, channel in CHANNELS.items():
        _complete(written, name, channel)
    for name in (INPUTS, DECISIONS):  # written and read, by different processors
        written["operations"][f"{name}-read"] = {**written["operations"][name], "action": "receive"}
    del written["components"]["schemas"]["EmptyPayload"]  # FastStream's word for a shape it does not know
    written["components"]["schemas"] |= _records()
    return json.dumps(written, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


async def _messages() -> None:
    """A handler for the document alone; never called."""


def _complete(written: dict[str, Any], name: str, channel: Channel) -> None:
    found = written["channels"][name]
    found["description"] = channel.purpose
    found["parameters"] = {each: {"description": text} for each, text in channel.parameters.items()}
    properties = {header: {"type": "string"} for header in channel.headers}
    for reference in found["messages"].values():
        message = _follow(written, reference["$ref"])
        message["headers"] = {"type": "object", "properties": properties, "required": list(channel.required)}
        if "correlation_id" not in channel.headers:
            del message["correlationId"]
        if name == "source":
            message["payload"] = {
                "description": "Any JSON; the setting `mapping` says where a signal's fields stand in it"
            }


def _follow(written: Any, reference: str) -> dict[str, Any]:
    for part in reference.removeprefix("#/").split("/"):
        written = written[part.replace("~1", "/").replace("~0", "~")]
    found: dict[str, Any] = written
    return found


def _records() -> dict[str, Any]:
    """The records' schemas as exported, their definitions beside them."""
    found: dict[str, Any] = {}
    for record in (Signal, LogBatch, Command, Tick, Decision):
        text = documents()[f"{record.__name__.lower()}.schema.json"]
        schema = json.loads(text.replace('"#/$defs/', '"#/components/schemas/'))
        found |= schema.pop("$defs", {})
        found[record.__name__] = schema
    return found


def main() -> None:
    """Write the document; with `--check`, exit 1 when it differs instead."""
    text = document()
    if "--check" in sys.argv[1:]:
        same = FILE.exists() and FILE.read_text() == text
        sys.exit(0 if same else f"stale: {FILE.name}; run `python -m tocsin.asyncapi`")
    FILE.write_text(text)


if __name__ == "__main__":
    main()
