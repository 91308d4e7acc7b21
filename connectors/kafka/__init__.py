"""Apache Kafka: other people's topics, read as signals and written to as CloudEvents."""

from collections.abc import Sequence

from connectors.kafka.publish import Publish
from connectors.kafka.settings import KafkaSettings
from connectors.ports.action import ActionPort
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.poller import Poller


def _pollers(settings: KafkaSettings, instance: str) -> Sequence[Poller]:
    if not settings.topics:
        return ()
    from connectors.kafka.poller import (
        KafkaPoller,  # the client libraries take half a second that most programs need not spend
    )

    return (KafkaPoller(settings, instance),)


def _actions(settings: KafkaSettings, _instance: str) -> Sequence[ActionPort]:
    return (Publish(settings),)


def _checkups(settings: KafkaSettings, _instance: str) -> Sequence[Checkup]:
    if not settings.topics:
        return ()

    async def look() -> str:
        from connectors.kafka.link import answers

        return await answers(settings)

    return (Checkup("kafka", look, "check kafka.brokers, security and topics"),)


connector = Connector(
    name="kafka",
    summary="Reads topics (JSON by a mapping, CloudEvents), and publishes CloudEvents.",
    settings=KafkaSettings,
    actions=_actions,
    pollers=_pollers,
    checkups=_checkups,
    default=True,
)
