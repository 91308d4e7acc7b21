"""`kafka.publish`: an event about an incident, as a CloudEvent in binary mode (kafka-protocol-binding.md)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.kafka.settings import KafkaSettings
from connectors.ports.action import ActionPort, Effect, Rejected
from connectors.ports.story import story
from schemas import EffectClass, ExternalRef, Incident, idempotency_uuid, to_rfc3339

LONGEST_SUMMARY = 1024


class PublishArguments(BaseModel):
    """An event. `summary` and `body` (Markdown) are the written part, `incident` what it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(default="", description="One of the configured topics; empty: the first of them")
    type: str = Field(
        default="incident",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$",
        description="What readers dispatch on; the event's type is `tocsin.` and this",
    )
    time: str = Field(default="", description="When it happened, RFC 3339; the incident's last signal otherwise")
    summary: str = Field(default="", max_length=LONGEST_SUMMARY)
    body: str = Field(default="", max_length=200_000, description="Markdown")
    incident: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict, description="More for the readers, beside the incident")


class Told(BaseModel):
    """The value of a published message; what the action's `data` adds stands beside these."""

    model_config = ConfigDict(frozen=True, extra="allow")

    summary: str = Field(description="One line")
    body: str = Field(description="Markdown")
    incident: dict[str, Any] = Field(description="As in incident.schema.json, absent fields left out")


class Event(NamedTuple):
    """What is written: the same on every attempt."""

    topic: str
    key: bytes
    headers: dict[str, str]
    value: bytes


def event(asked: PublishArguments, key: str) -> Event:
    """The message for an action with this idempotency key. All events of an incident have its id as their key, so that they stay in
    one partition, in order; `ce_id` follows from the idempotency key, so that a reader can drop a repeat."""
    incident = str(asked.incident.get("id", ""))
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": idempotency_uuid(key),
        "ce_source": "tocsin",
        "ce_type": f"tocsin.{asked.type}",
        "ce_time": asked.time,
        "ce_subject": incident,
        "ce_partitionkey": incident,
    }
    told = Told.model_validate({**asked.data, "summary": asked.summary, "body": asked.body, "incident": asked.incident})
    return Event(
        asked.topic,
        incident.encode(),
        {name: value for name, value in headers.items() if value},
        orjson.dumps(told.model_dump()),
    )


class Publish(ActionPort):
    """At least once: a repeat has the same `ce_id`, by which readers drop it."""

    kind = "kafka.publish"
    description = "Publishes an event about the incident to a configured Kafka topic."
    effect: EffectClass = "at_least_once"
    arguments: type[BaseModel] = PublishArguments
    deadline_s = 60.0

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    @override
    def missing(self) -> str | None:
        if not self.settings.brokers:
            return "no Kafka: set brokers for kafka to HOST:PORT of at least one"
        if not self.settings.publish_topics:
            return "no topic to publish to: set publish_topics for kafka"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> PublishArguments:
        given = {"time": to_rfc3339(incident.last_seen), **arguments}
        given["topic"] = given.get("topic") or next(iter(self.settings.publish_topics), "")
        given["summary"] = " ".join(str(given.get("summary") or incident.title).split())[:LONGEST_SUMMARY]
        given["incident"] = story(incident)
        return PublishArguments.model_validate(given)

    @override
    def render(self, arguments: BaseModel) -> str:
        made = event(_asked(arguments), "")
        headers = "\n".join(f"{name}: {value}" for name, value in made.headers.items() if name != "ce_id")
        payload = orjson.dumps(orjson.loads(made.value), option=orjson.OPT_INDENT_2).decode()
        return f"Kafka topic {made.topic or 'not configured yet'}, key {made.key.decode()}\n{headers}\n\n{payload}"

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        asked = _asked(arguments)
        if asked.topic not in self.settings.publish_topics:
            raise Rejected(
                f"{asked.topic!r} is none of publish_topics in the configuration, {sorted(self.settings.publish_topics)!r}"
            )
        from connectors.kafka.producing import (
            write,  # the client libraries take half a second that most programs need not spend
        )

        made = event(asked, key)
        partition, offset = await write(self.settings, made)
        place = f"{made.topic}/{partition}/{offset}"
        result = {"topic": made.topic, "partition": partition, "offset": offset, "ce_id": made.headers["ce_id"]}
        return Effect(result, ExternalRef(system="kafka", kind="event", id=place, title=asked.summary))

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        """A topic cannot be asked for a key: None, so that the event is written again and dropped by its readers as a repeat."""
        return None


def _asked(arguments: BaseModel) -> PublishArguments:
    if not isinstance(arguments, PublishArguments):
        raise TypeError(f"kafka.publish takes PublishArguments, found {type(arguments).__name__}")
    return arguments
