"""What requests in the sender's own JSON, and CloudEvents, become."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.generic import connector
from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.source import Received, Refused, Request
from schemas import Signal
from tests.support.goldens import assert_golden, story
from tests.support.requests import load_request

HERE = Path(__file__).parent
NOW = 1_795_248_041_121_000


def source(**settings: Any) -> GenericSource:
    """An instance named `default`."""
    return GenericSource(GenericSettings.model_validate(settings), "default")


def post(content: Any, content_type: str = "application/json", **headers: str) -> Request:
    """A request of this machine; bytes go as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request("POST", "/in/generic", "", given, body, body, NOW, trusted=True)


def only(received: Received) -> Signal:
    """The one signal of a request that has one and nothing else."""
    [signal] = received.signals
    assert not received.poison
    return signal


@pytest.mark.parametrize("name", ["binary.json", "structured.json"])
def test_a_recorded_cloudevent_becomes_the_golden_signal(name: str) -> None:
    request = load_request(HERE / "payloads" / name, default_path="/in/generic", trusted=True)
    assert_golden(story(source().receive(request)), HERE / "goldens" / name)


def test_binary_structured_and_batched_are_one_identity() -> None:
    binary = only(
        source().receive(load_request(HERE / "payloads/binary.json", default_path="/in/generic", trusted=True))
    )
    request = load_request(HERE / "payloads/structured.json", default_path="/in/generic", trusted=True)
    structured = only(source().receive(request))
    batch = b"[" + request.body + b"]"
    batched = only(source().receive(post(batch, "application/cloudevents-batch+json; charset=utf-8")))
    assert binary.id == structured.id == batched.id
    assert binary.severity == "critical"
    assert binary.group_key == structured.group_key


def test_what_the_cloudevents_package_sends_is_understood() -> None:
    attributes = {"id": "1 ü%", "source": "/shop/€", "type": "order.failed", "specversion": "1.0", "severity": "error"}
    event = CloudEvent(
        {**attributes, "datacontenttype": "application/json"}, {"message": "no stock", "service": "shop"}
    )
    signals = []
    for message in (to_binary_event(event), to_structured_event(event)):
        headers = {name.lower(): value for name, value in message.headers.items()}
        signals.append(only(source().receive(replace(post(message.body), headers=headers))))
    assert signals[0].id == signals[1].id
    assert signals[0].occurrence_id == "default//shop/€ 1 ü%"
    assert [(s.title, s.service, s.severity) for s in signals] == [("no stock", "shop", "error")] * 2


def test_base64_data_is_decoded_by_its_content_type() -> None:
    event = {"id": "1", "source": "/a", "type": "t", "specversion": "1.0", "datacontenttype": "application/json"}
    encoded = {**event, "data_base64": "eyJ0aXRsZSI6ICJkaXNrIGZ1bGwifQ=="}
    assert only(source().receive(post(encoded, "application/cloudevents+json"))).title == "disk full"
    text = {**event, "datacontenttype": "text/plain", "data_base64": "aGk="}
    signal = only(source().receive(post(text, "application/cloudevents+json")))
    assert signal.raw["data"] == "hi"
    assert signal.title == "t"
    with pytest.raises(Refused, match="not base64"):
        source().receive(post({**event, "data_base64": "?"}, "application/cloudevents+json"))


def test_the_good_events_of_a_batch_are_kept_and_the_broken_one_says_why() -> None:
    good = {"id": "1", "source": "/a", "type": "t", "specversion": "1.0"}
    received = source().receive(post([good, {"id": "2"}, {**good, "id": "3"}], "application/cloudevents-batch+json"))
    assert [signal.occurrence_id for signal in received.signals] == ["default//a 1", "default//a 3"]
    assert [(p.reason, json.loads(p.content)) for p in received.poison] == [
        ("the attribute 'source' is missing or no text; a CloudEvent needs id, source, specversion, type", {"id": "2"})
    ]
    assert json.loads(received.reply.body)["rejected"] == 1


def test_common_names_are_guessed() -> None:
    item = {
        "id": 7, "name": "not this", "title": "Disk full", "message": "97 % used", "level": "FATAL", "state": "OK", "app": {"name": "billing"},
        "env": "prod", "tags": ["host:db1", "dc=eu", "loud"], "metrics": {"used": 97, "note": "x"}, "ts": 1795248001, "link": "https://x.example",
        "runbook_url": "javascript:alert(1)", "fingerprint": "fp", "type": "error",
    }  # fmt: skip
    signal = only(source().receive(post(item)))
    assert (signal.title, signal.body, signal.severity, signal.status, signal.type) == (
        "Disk full", "97 % used", "critical", "resolved", "error",
    )  # fmt: skip
    assert (signal.service, signal.environment) == ("billing", "prod")
    assert signal.labels == {"host": "db1", "dc": "eu", "loud": "true"}
    assert signal.measures == {"used": 97.0}
    assert signal.occurred_at == 1_795_248_001_000_000
    assert [(link.rel, link.url) for link in signal.links] == [("self", "https://x.example")]
    assert (signal.occurrence_id, signal.group_key) == ("default/7", "generic:default:fp")


@pytest.mark.parametrize(
    "value",
    [
        1795248001,
        1795248001.0,
        "1795248001",
        1795248001000,
        1795248001000000,
        1795248001000000000,
        "2026-11-21T08:00:01Z",
    ],
)
def test_a_time_is_understood_in_any_unit(value: Any) -> None:
    assert only(source().receive(post({"title": "x", "time": value}))).occurred_at == 1_795_248_001_000_000


@pytest.mark.parametrize("value", ["yesterday", -5, 1e300, "0001-01-01T00:00:00Z", True, [], "9" * 400, "nan"])
def test_a_time_that_is_none_becomes_that_of_receipt(value: Any) -> None:
    assert only(source().receive(post({"title": "x", "time": value}))).occurred_at == NOW


def test_a_mapping_finds_fields_and_items_and_defaults_fill_in() -> None:
    mapping = {
        "items": "result.problems[?open]", "title": "join(' ', [host, what])", "severity": "sev.word", "service": "sev.none", "labels": "{host: host}",
        "id": "key", "occurred_at": "at", "guess": False, "defaults": {"service": "fleet", "environment": "prod"},
    }  # fmt: skip
    problems = [
        {
            "open": True,
            "host": "a",
            "what": "down",
            "sev": {"word": "P1"},
            "key": "k1",
            "at": "2026-11-21T08:00:01Z",
            "title": "no",
        },
        {"open": False, "host": "b", "what": "down"},
        {"open": True, "host": "c", "what": "slow", "sev": {"word": "so-so"}, "key": "k2"},
    ]
    received = source(mapping=mapping).receive(post({"result": {"problems": problems}}))
    assert [(s.title, s.severity, s.service, s.environment, s.labels) for s in received.signals] == [
        ("a down", "critical", "fleet", "prod", {"host": "a"}),
        ("c slow", "info", "fleet", "prod", {"host": "c"}),
    ]
    assert received.unknown_severities == ["so-so"]
    broken = source(mapping=mapping).receive(
        post({"result": {"problems": [{"open": True, "host": 1, "what": "x"}, problems[0]]}})
    )
    assert len(broken.signals) == 1
    assert "mapping.title \"join(' ', [host, what])\" cannot be applied" in broken.poison[0].reason
    with pytest.raises(Refused, match="found NoneType, expected an array"):
        source(mapping={"items": "nowhere"}).receive(post({}))


def test_faults_of_a_mapping_are_found_at_load_all_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        source(
            mapping={"title": "a.[", "severity": "b(", "defaults": {"colour": "red"}},
            webhook_secrets=["whsec_!"],
            tokens=[""],
        )
    said = str(caught.value)
    for part in ("'a.['", "'b('", "colour"):
        assert part in said
    with pytest.raises(ValidationError, match="whsec_"):
        source(webhook_secrets=["whsec_!"])


def test_a_repeat_is_recognised_by_id_then_by_the_requests_name_then_by_content() -> None:
    first, again = (only(source().receive(post({"id": "a", "title": title}))) for title in ("one", "two"))
    assert first.id == again.id
    resolved = only(source().receive(post({"id": "a", "title": "one", "status": "resolved"})))
    assert resolved.id != first.id
    named = [only(source().receive(post({"title": "x"}, idempotency_key=key))) for key in ("k1", "k1", "k2")]
    assert named[0].id == named[1].id != named[2].id
    assert named[0].delivery_id == "k1"
    bare = [only(source().receive(post({"title": title}))) for title in ("x", "x", "y")]
    assert bare[0].id == bare[1].id != bare[2].id
    assert bare[0].remember_s == 600
    assert only(source().receive(post({"title": "x", "time": 1795248001}))).remember_s == 48 * 3600


def test_an_array_becomes_one_signal_each_and_what_is_no_object_is_kept_as_poison() -> None:
    received = source().receive(post([{"title": "a"}, 3, {"title": "b"}]))
    assert [signal.title for signal in received.signals] == ["a", "b"]
    assert received.poison[0].content == b"3"
    assert json.loads(received.reply.body) == {
        "accepted": 2, "rejected": 1, "errors": ["part 1 is int, expected a JSON object"],
    }  # fmt: skip
    assert source().receive(post([])).signals == []


def test_lines_are_one_signal_each() -> None:
    received = source().receive(post(b'{"title":"a"}\n\nnot json\n{"title":"b"}\n', "application/x-ndjson"))
    assert [signal.title for signal in received.signals] == ["a", "b"]
    assert [poison.content for poison in received.poison] == [b"not json"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "malformed"), (b"{", "malformed"), (b"\xff", "malformed"), (b"3", "malformed"), (b'"x"', "malformed")],
)
def test_what_cannot_be_read_at_all_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        source().receive(post(body))
    assert caught.value.reason == reason
    reply = source().refuse(caught.value, None)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(reply.body)["detail"] == str(caught.value)


def test_too_many_signals_at_once_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        source(max_items=2).receive(post([{}, {}, {}]))
    assert caught.value.reason == "too_large"
    assert source().overloaded(3, None).headers["retry-after"] == "3"
    with pytest.raises(Refused, match="GET"):
        source().receive(replace(post({}), method="GET"))


def test_a_title_is_one_line_and_the_rest_is_kept() -> None:
    signal = only(source().receive(post({"message": "first line\nsecond"})))
    assert (signal.title, signal.body) == ("first line", "first line\nsecond")
    long = only(source().receive(post({"title": "x" * 1000})))
    assert (len(long.title), len(long.body)) == (300, 1000)


def test_the_connector_is_present_without_configuration() -> None:
    assert connector.default
    assert connector.source is not None
    assert connector.source(GenericSettings(), "main").instance == "main"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "title",
        "message",
        "status",
        "severity",
        "service",
        "labels",
        "tags",
        "metrics",
        "url",
        "time",
        "id",
        "type",
        "fingerprint",
        "env",
    ]
)
EVENT = st.sampled_from(
    ["id", "source", "type", "specversion", "time", "subject", "data", "data_base64", "datacontenttype", "traceparent"]
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
        "",
    ]
)


def check_anything(request: Request) -> None:
    """Nothing but Refused or Received comes out, and what is received can be stored and read back."""
    mapped = source(
        mapping={"title": "title || join(' ', keys(@))", "labels": "labels", "occurred_at": "to_number(time)"}
    )
    for instance in (source(), mapped):
        try:
            received = instance.receive(request)
        except Refused as refused:
            assert refused.reason == "malformed"
            continue
        for signal in received.signals:
            assert Signal.from_json(signal.to_json()) == signal


@given(payload=st.dictionaries(KEYS, JSON) | st.lists(st.dictionaries(KEYS, JSON), max_size=3) | JSON, kind=TYPES)
def test_any_json_is_refused_kept_or_becomes_signals(payload: Any, kind: str) -> None:
    check_anything(post(payload, kind))


@given(event=st.dictionaries(EVENT, JSON), kind=TYPES, complete=st.booleans())
def test_any_cloudevent_is_refused_kept_or_becomes_a_signal(event: dict[str, Any], kind: str, complete: bool) -> None:
    if complete:
        event = {**event, "id": "1", "source": "/a", "type": "t", "specversion": "1.0"}
    check_anything(post(event, kind))


@given(
    body=st.binary() | st.integers(1, 2000).map(lambda depth: b"[" * depth + b"{}" + b"]" * depth),
    kind=TYPES,
    header=st.text(),
)
def test_any_bytes_are_refused_or_kept(body: bytes, kind: str, header: str) -> None:
    check_anything(post(body, kind))
    check_anything(post(body, kind, ce_specversion="1.0", ce_id=header, ce_source="/a", ce_type="t", ce_other=header))
