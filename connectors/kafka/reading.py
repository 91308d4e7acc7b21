"""Messages of a topic as signals: CloudEvents (kafka-protocol-binding.md, binary and structured) and JSON by a mapping.

A message that cannot be read is poison, kept as it was; the messages behind it are read all the same.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connectors.kafka.settings import KafkaSettings
from connectors.ports.json_body import read_json
from connectors.ports.mapping import cloudevents
from connectors.ports.mapping.expressions import Fields, Unreadable
from connectors.ports.mapping.fields import labels_of
from connectors.ports.mapping.guess import FIELDS, Found
from connectors.ports.mapping.signals import Arrival, Drafter
from connectors.ports.source import Poison, Received, Refused
from schemas.draft import Draft, Drafts
from schemas.time import Micros

OURSELVES = "tocsin"
"""`source` of the CloudEvents Tocsin publishes: one that comes back is ignored."""
_LABELS = FIELDS.index("labels")

_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """One message as it stands in its partition. `timestamp` in milliseconds, negative when it has none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()

    @property
    def place(self) -> str:
        """`TOPIC/PARTITION/OFFSET`: what names it for ever."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Reader:
    """One instance's way to read messages. Pure: the time is passed in."""

    def __init__(self, settings: KafkaSettings, instance: str) -> None:
        self._fields = Fields(settings.mapping)
        self._drafter = Drafter("kafka", instance, settings)

    def read(self, messages: Iterable[Message], received_at: Micros) -> Received:
        """What they say, in their order. Raises nothing: what breaks us is poison too."""
        drafts: list[Draft] = []
        poison: list[Poison] = []
        ignored: dict[str, int] = {}
        unknown: set[str] = set()
        for message in messages:
            try:
                drafts.extend(self._drafts(message, received_at, ignored, unknown))
            except (Unreadable, cloudevents.NotAnEvent, Refused) as error:
                poison.append(_poison(message, str(error)))
            except Exception as error:  # noqa: BLE001 - the loop edge: kept as poison, and the next message is read
                _log.exception("a message could not be read", extra={"message": message.place})
                poison.append(_poison(message, f"the connector failed on it: {type(error).__name__}: {error}"))
        return Received(
            signals=Drafts(drafts, self._drafter.opening, received_at),
            poison=poison,
            ignored=ignored,
            unknown_severities=sorted(unknown),
        )

    def _drafts(self, message: Message, received_at: Micros, ignored: dict[str, int], unknown: set[str]) -> list[Draft]:
        headers = _texts(message.headers)
        if _ours(headers):
            _count(ignored, "own")
            return []
        if message.value is None and "ce_specversion" not in headers:
            _count(ignored, "tombstone")
            return []
        sent_at = message.timestamp * 1000 if message.timestamp > 0 else received_at
        arrival = Arrival(sent_at, message.place, named=True)
        about = {"kafka_topic": message.topic}
        if message.key:
            about["kafka_key"] = message.key.decode("utf-8", "replace")[:200]
        made = [
            self._drafter.draft(_labelled(found, about), content, index, arrival, unknown)
            for index, (found, content) in enumerate(self._found(headers, message.value or b""))
        ]
        if not made:
            _count(ignored, "empty")
        return made

    def _found(self, headers: Mapping[str, str], value: bytes) -> Iterator[tuple[Found, Any]]:
        """The fields of each part of a message, and the part itself."""
        content_type = headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == cloudevents.BATCH:
            batch = read_json(value)
            if not isinstance(batch, list):
                raise Unreadable(f"a CloudEvents batch is a JSON array, found {type(batch).__name__}")
            yield from (self._event(cloudevents.from_structured(each)) for each in batch)
        elif kind == cloudevents.STRUCTURED:
            yield self._event(cloudevents.from_structured(read_json(value)))
        elif "ce_specversion" in headers:
            attributes = {name[3:]: text for name, text in headers.items() if name.startswith("ce_")}
            yield self._event(cloudevents.from_attributes(attributes, content_type or None, value))
        else:
            for index, item in enumerate(self._fields.items(read_json(value))):
                if not isinstance(item, dict):
                    raise Unreadable(f"part {index} is {type(item).__name__}, expected a JSON object")
                yield self._fields.find(item, item), item

    def _event(self, event: dict[str, Any]) -> tuple[Found, Any]:
        return cloudevents.settle(self._fields.find(event, cloudevents.guessable(event)), event), event


def _count(ignored: dict[str, int], kind: str) -> None:
    ignored[kind] = ignored.get(kind, 0) + 1


def _texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers as texts; bytes that are no UTF-8 are replaced, the last of a name counts, one without a value is left out."""
    return {name: value.decode("utf-8", "replace") for name, value in headers if value is not None}


def _ours(headers: Mapping[str, str]) -> bool:
    return headers.get("ce_source") == OURSELVES and headers.get("ce_type", "").startswith("tocsin.")


def _labelled(found: Found, about: Mapping[str, str]) -> Found:
    """The same with these labels, where it has none of that name itself."""
    own = {} if found[_LABELS] is None else labels_of(found[_LABELS])
    return (*found[:_LABELS], {**about, **own}, *found[_LABELS + 1 :])


def _poison(message: Message, reason: str) -> Poison:
    return Poison(f"{message.place}: {reason}", message.value or b"")
