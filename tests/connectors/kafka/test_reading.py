"""What the messages of a topic become."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.kafka.reading import Message, Reader
from connectors.kafka.settings import KafkaSettings
from connectors.ports.source import Received
from schemas import Signal

HERE = Path(__file__).parent
NOW = 1_795_248_900_000_000


def reader(**settings: Any) -> Reader:
    return Reader(KafkaSettings.model_validate(settings), "shop")


def message(value: Any, *, offset: int = 7, key: bytes | None = None, **headers: str) -> Message:
    """A message of `orders/2`; bytes go as they are, anything else as JSON."""
    content = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    written = [(name.replace("content_type", "content-type"), text.encode()) for name, text in headers.items()]
    return Message("orders", 2, offset, 1_795_248_803_701, key, content, written)


def captured() -> list[Message]:
    """The messages that kcat wrote down."""
    found = []
    for line in (HERE / "payloads" / "kcat_json_envelope.jsonl").read_text().splitlines():
        said = json.loads(line)
        flat = said.get("headers", [])
        headers = [(name, value.encode()) for name, value in zip(flat[::2], flat[1::2], strict=True)]
        key = said["key"].encode() if said["key"] is not None else None
        place = (said["topic"], said["partition"], said["offset"], said["ts"])
        found.append(Message(*place, key, said["payload"].encode(), headers))
    return found


def only(received: Received) -> Signal:
    [signal] = received.signals
    assert not received.poison
    return signal


def from_library(made: KafkaMessage) -> Message:
    key = made.key.encode() if isinstance(made.key, str) else made.key
    return Message("orders", 0, 1, 1_795_248_803_701, key, made.value, list(made.headers.items()))


def test_a_captured_cloudevent_becomes_a_signal_and_a_captured_line_of_text_is_kept_as_poison() -> None:
    received = reader().read(captured(), NOW)
    [signal] = received.signals
    assert (signal.source, signal.instance) == ("kafka", "shop")
    assert signal.occurrence_id == "shop//checkout A234"
    assert signal.delivery_id == "logs/0/0"
    assert (signal.title, signal.service, signal.severity) == ("Database timeout", "checkout", "error")
    assert signal.occurred_at == 1_795_248_803_701_000
    assert signal.received_at == NOW
    assert signal.labels["kafka_topic"] == "logs"
    assert signal.labels["kafka_key"] == "svc-a"
    assert signal.labels["ce_type"] == "com.example.log"
    [poison] = received.poison
    assert poison.content == b"plain text log line"
    assert poison.reason.startswith("logs/0/1: the body is not JSON")


def test_binary_and_structured_events_of_the_reference_library_are_one_identity() -> None:
    event = CloudEvent(
        attributes={"id": "A1", "source": "/shop/ü", "type": "order.failed", "subject": "4711", "severity": "P1"},
        data={"message": "payment refused"},
    )
    binary = only(reader().read([from_library(to_binary_event(event))], NOW))
    structured = only(reader().read([from_library(to_structured_event(event))], NOW))
    assert binary.id == structured.id
    assert binary.occurrence_id == "shop//shop/ü A1"
    assert (binary.title, binary.severity) == ("payment refused", "critical")


def test_json_of_any_shape_is_found_by_the_mapping_and_named_by_its_place() -> None:
    mapping = {"items": "problems", "title": "what", "service": "who", "severity": "bad"}
    two = {"problems": [{"what": "late", "who": "billing", "bad": "high"}, {"what": "lost", "who": "mail"}]}
    received = reader(mapping=mapping).read([message(two)], NOW)
    assert [(each.title, each.service, each.severity) for each in received.signals] == [
        ("late", "billing", "error"),
        ("lost", "mail", "info"),
    ]
    assert [each.occurrence_id for each in received.signals] == ["shop/orders/2/7/0", "shop/orders/2/7/1"]
    again = reader(mapping=mapping).read([message(two)], NOW + 1)
    assert [each.id for each in again.signals] == [each.id for each in received.signals]


def test_labels_of_the_content_win_over_those_of_the_place() -> None:
    signal = only(reader().read([message({"title": "x", "labels": {"kafka_topic": "mine", "a": "b"}}, key=b"k")], NOW))
    assert signal.labels == {"kafka_topic": "mine", "kafka_key": "k", "a": "b"}


def test_what_tocsin_published_itself_is_ignored_as_are_tombstones_and_empty_arrays() -> None:
    ours = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "tocsin", "ce_type": "tocsin.incident"}
    received = reader().read([message({"title": "x"}, **ours), message(None, key=b"k"), message([])], NOW)
    assert (received.signals, received.poison) == ([], [])
    assert received.ignored == {"own": 1, "tombstone": 1, "empty": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message([1]), "part 0 is int, expected a JSON object"),
        (message(b""), "the body is not JSON"),
        (message({"id": "1"}, content_type="application/cloudevents+json"), "the attribute 'source' is missing"),
        (
            message({"id": "1"}, content_type="application/cloudevents-batch+json"),
            "a CloudEvents batch is a JSON array",
        ),
        (message({}, ce_specversion="0.3", ce_id="1", ce_source="s", ce_type="t"), "specversion '0.3' is not known"),
        (message(b"[" * 200 + b"]" * 200), "nested deeper than 100 levels"),
    ],
)
def test_poison_says_where_and_why_and_holds_up_nothing(bad: Message, reason: str) -> None:
    received = reader().read([message({"title": "before"}), bad, message({"title": "after"}, offset=9)], NOW)
    assert [each.title for each in received.signals] == ["before", "after"]
    [poison] = received.poison
    assert poison.reason.startswith("orders/2/7: ")
    assert reason in poison.reason
    assert poison.content == bad.value


_headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type", "ce_data", "x"])
        | st.text(),
        st.none() | st.binary(max_size=20) | st.sampled_from([b"1.0", b"application/cloudevents+json", b"\xff"]),
    ),
    max_size=6,
)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "title", "labels", "x"]), inner),
    max_leaves=8,
)


@given(
    st.binary(max_size=40) | _json.map(lambda value: json.dumps(value).encode()) | st.none(), _headers, st.integers()
)
def test_any_bytes_end_as_signal_poison_or_counted_and_none_raises(
    value: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int
) -> None:
    received = reader().read([Message("t", 0, 0, timestamp % 2**43, None, value, headers)], NOW)
    assert received.signals or received.poison or received.ignored


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"topics": ["a"]}, "no brokers"),
        ({"brokers": ["kafka://x:1"]}, "expected HOST:PORT"),
        ({"brokers": ["x"]}, "expected HOST:PORT"),
        ({"brokers": ["x:1"], "topics": ["a"], "publish_topics": ["b", "a"]}, "a loop"),
        ({"brokers": ["x:1"], "security": {"username": "u"}}, "username and password come together"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        KafkaSettings.model_validate(settings)
