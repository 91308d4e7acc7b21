"""Publishing to a real Kafka: what stands there, and what every refusal means."""

import asyncio
import socket
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from connectors.kafka import producing
from connectors.kafka.publish import Publish, PublishArguments, event
from connectors.kafka.reading import Message, Reader
from connectors.kafka.settings import KafkaSettings
from connectors.ports.action import OutcomeUnknown, Rejected, TryLater
from schemas import Incident
from tests.support.kafka_server import fresh_topic
from tests.support.server import Server

NOW = 1_795_248_000_000_000


@pytest.fixture
def incident() -> Incident:
    """Open, with a title that is nobody's JSON."""
    return Incident(
        id="inc_0123456789abcdef",
        rule="errors",
        group={"service": "checkout"},
        group_id="grp_1",
        episode=2,
        severity="critical",
        title='Checkout "504" {{ 7 * 7 }}\nignore previous instructions',
        service="checkout",
        first_seen=NOW,
        last_seen=NOW,
        opened_at=NOW,
    )


def action(kafka: Server, *topics: str, **more: Any) -> Publish:
    return Publish(KafkaSettings.model_validate({"brokers": [kafka.address], "publish_topics": topics, **more}))


def written(kafka: Server, topic: str, count: int) -> "list[ConsumerRecord[bytes, bytes]]":
    async def read() -> "list[ConsumerRecord[bytes, bytes]]":
        async with AIOKafkaConsumer(bootstrap_servers=kafka.address) as consumer:
            place = TopicPartition(topic, 0)
            consumer.assign([place])
            await consumer.seek_to_beginning()
            assert await consumer.end_offsets([place]) == {place: count}
            return [await asyncio.wait_for(consumer.getone(), 20) for _ in range(count)]

    return asyncio.run(read())


def test_the_reference_library_reads_the_event_and_a_repeat_has_its_id(kafka: Server, incident: Incident) -> None:
    topic = fresh_topic(kafka, prefix="out")
    publish = action(kafka, topic)
    asked = publish.complete({"body": "**why**", "data": {"team": "shop"}}, incident)
    effects = [asyncio.run(publish.execute(asked, key)) for key in ("act_1", "act_1", "act_2")]
    assert [effect.result["offset"] for effect in effects] == [0, 1, 2]
    records = written(kafka, topic, 3)
    events = [from_kafka_event(KafkaMessage(dict(each.headers), each.key, each.value)) for each in records]
    first, repeat, other = events
    assert first.get_id() == repeat.get_id() != other.get_id()
    assert (first.get_source(), first.get_type(), first.get_subject()) == ("tocsin", "tocsin.incident", incident.id)
    assert {record.key for record in records} == {incident.id.encode()}
    told = first.get_data()
    assert isinstance(told, dict)
    assert told["summary"] == 'Checkout "504" {{ 7 * 7 }} ignore previous instructions'
    assert (told["body"], told["team"], told["incident"]["severity"]) == ("**why**", "shop", "critical")
    assert effects[0].external is not None
    assert effects[0].external.id == f"{topic}/0/0"


def test_what_was_published_and_comes_back_by_another_topic_opens_nothing(kafka: Server, incident: Incident) -> None:
    topic = fresh_topic(kafka, prefix="out")
    publish = action(kafka, topic)
    asyncio.run(publish.execute(publish.complete({}, incident), "act_1"))
    [record] = written(kafka, topic, 1)
    back = Message("mirror", 0, 0, record.timestamp, record.key, record.value, record.headers)
    received = Reader(KafkaSettings(), "default").read([back], NOW)
    assert (received.signals, received.poison, received.ignored) == ([], [], {"own": 1})


def test_a_topic_that_is_not_configured_is_refused_whatever_the_arguments_say(
    kafka: Server, incident: Incident
) -> None:
    publish = action(kafka, "allowed")
    asked = publish.complete({"topic": "elsewhere"}, incident)
    with pytest.raises(Rejected, match="'elsewhere' is none of publish_topics"):
        asyncio.run(publish.execute(asked, "act_1"))


def test_a_topic_that_is_not_there_and_a_broker_that_is_away_are_tried_later(kafka: Server, incident: Incident) -> None:
    publish = action(kafka, "never-made")
    with pytest.raises(TryLater, match="has no topic 'never-made'; make it"):
        asyncio.run(publish.execute(publish.complete({}, incident), "act_1"))
    with socket.socket() as nobody:  # bound and not listening: refuses every connection
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        away = Publish(KafkaSettings(brokers=(address,), publish_topics=("t",)))
        with pytest.raises(TryLater, match=f"no answer from Kafka at {address}"):
            asyncio.run(away.execute(away.complete({}, incident), "act_1"))


def test_an_event_that_is_too_large_is_refused_for_good(kafka: Server, incident: Incident) -> None:
    publish = action(kafka, fresh_topic(kafka, prefix="out", config={"max.message.bytes": "2000"}))
    asked = publish.complete({"body": "x" * 5000}, incident)
    with pytest.raises(Rejected, match="does not take the event"):
        asyncio.run(publish.execute(asked, "act_1"))


def test_the_outcome_is_unknown_when_no_acknowledgement_comes(
    kafka: Server, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = fresh_topic(kafka, prefix="out")
    publish = action(kafka, topic)
    monkeypatch.setattr(producing, "REQUEST_TIMEOUT_MS", 1_000)

    async def story() -> None:
        broker = producing.producer_of(publish.settings)
        await broker.connect()
        made = event(publish.complete({}, incident), "act_1")
        await producing.send(broker, made)
        kafka.control.pause()
        try:
            with pytest.raises(OutcomeUnknown, match="no acknowledgement"):
                await producing.send(broker, made)
        finally:
            kafka.control.resume()
            await broker.stop()

    asyncio.run(story())


def test_what_is_missing_is_named_and_the_effect_is_shown_without_any_broker(incident: Incident) -> None:
    bare = Publish(KafkaSettings())
    assert bare.missing() == "no Kafka: set brokers for kafka to HOST:PORT of at least one"
    assert "set publish_topics" in (Publish(KafkaSettings(brokers=("b:1",))).missing() or "")
    shown = bare.render(bare.complete({"body": "see {{ this }}"}, incident))
    assert shown.startswith(f"Kafka topic not configured yet, key {incident.id}\ncontent-type: application/json")
    assert "see {{ this }}" in shown
    assert asyncio.run(bare.reconcile(PublishArguments(), "act_1")) is None
