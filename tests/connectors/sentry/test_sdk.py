"""SDK requests: who may send, what becomes of each item, and how the sender is answered."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.ports.source import Refused, Request
from connectors.sentry.settings import Project, SentrySettings
from connectors.sentry.source import SentrySource
from schemas import Signal
from tests.connectors.sentry.conftest import KEY
from tests.support.requests import load_request

Build = Callable[..., Request]
OTHER = "f" * 32
EVENT = {"type": "event"}


def payload(**fields: object) -> bytes:
    return json.dumps({"event_id": "e" * 32, "message": "it broke", **fields}).encode()


def refused(sentry: SentrySource, request: Request) -> Refused:
    with pytest.raises(Refused) as caught:
        sentry.receive(request)
    return caught.value


def places(request: Request, *, header: str | None, query: str | None, dsn: str | None) -> Request:
    """The same event with the key in those places alone."""
    envelope_header = {"dsn": f"http://{dsn}@127.0.0.1:8710/42"} if dsn else {}
    body = json.dumps(envelope_header).encode() + b'\n{"type":"event"}\n' + payload()
    headers = {"x-sentry-auth": f"Sentry sentry_version=7, sentry_client=x/1, sentry_key={header}"} if header else {}
    return replace(request, body=body, raw_body=body, headers=headers, query=f"sentry_key={query}" if query else "")


@pytest.mark.parametrize("header", [None, KEY, OTHER])
@pytest.mark.parametrize("query", [None, KEY, OTHER])
@pytest.mark.parametrize("dsn", [None, KEY, OTHER])
def test_the_key_may_stand_in_three_places_and_all_present_ones_must_agree(
    sentry: SentrySource, envelope: Build, header: str | None, query: str | None, dsn: str | None
) -> None:
    request = places(envelope(), header=header, query=query, dsn=dsn)
    if {header, query, dsn} - {None} == {KEY}:
        assert len(sentry.receive(request).signals) == 1
    else:
        found = refused(sentry, request)
        assert (found.reason, sentry.refuse(found, request).status) == ("unauthorised", 403)


def test_a_dsn_of_another_project_is_refused(sentry: SentrySource, envelope: Build) -> None:
    request = envelope((EVENT, payload()), header={"dsn": f"http://{KEY}@host/43"})
    assert refused(sentry, request).reason == "unauthorised"
    assert refused(sentry, envelope((EVENT, payload()), header={"dsn": "nonsense"})).reason == "unauthorised"


def test_any_of_a_projects_keys_is_accepted(envelope: Build) -> None:
    rotated = SentrySource(SentrySettings(projects={42: Project(keys=(OTHER, KEY))}), "default")
    assert rotated.receive(envelope((EVENT, payload()))).signals


def test_an_unknown_project_is_heard_from_this_machine_alone(sentry: SentrySource, envelope: Build) -> None:
    request = envelope((EVENT, payload()), path="/api/43/envelope/")
    found = refused(sentry, request)
    assert (found.reason, sentry.refuse(found, request).status) == ("unknown_project", 403)
    assert sentry.receive(replace(request, trusted=True)).signals
    strict = SentrySource(SentrySettings(accept_unknown_projects=False), "default")
    assert refused(strict, replace(request, trusted=True)).reason == "unknown_project"
    for name in ("abc", "٤٢", "-1", "9" * 30):
        assert (
            refused(sentry, replace(request, path=f"/api/{name}/envelope/", trusted=True)).reason == "unknown_project"
        )


def test_a_known_project_needs_its_key_even_from_this_machine(sentry: SentrySource, envelope: Build) -> None:
    request = replace(envelope((EVENT, payload())), headers={}, trusted=True)
    assert refused(sentry, request).reason == "unauthorised"


def test_a_refusal_is_in_sentrys_form_and_readable_by_a_browser(sentry: SentrySource, envelope: Build) -> None:
    request = replace(envelope((EVENT, payload())), headers={})
    reply = sentry.refuse(refused(sentry, request), request)
    assert set(json.loads(reply.body)) == {"detail", "causes"}
    assert reply.headers["access-control-allow-origin"] == "*"


def test_a_preflight_is_answered_without_a_key(sentry: SentrySource) -> None:
    request = Request("OPTIONS", "/api/42/envelope/", "", {"origin": "https://shop.example"}, b"", b"", 1)
    reply = sentry.receive(request).reply
    assert reply.status == 200
    assert "X-Sentry-Auth" in reply.headers["access-control-allow-headers"]
    assert "OPTIONS" in sentry.routes[0].methods


def test_overload_pauses_an_sdk_for_whole_seconds(sentry: SentrySource, envelope: Build) -> None:
    reply = sentry.overloaded(0.3, envelope())
    assert reply.status == 429
    assert reply.headers["retry-after"] == "1"
    seconds, categories, scope = reply.headers["x-sentry-rate-limits"].split(":")[:3]
    assert (int(seconds), categories, scope) == (1, "", "organization")


def test_success_is_answered_with_the_event_id(sentry: SentrySource, envelope: Build) -> None:
    reply = sentry.receive(envelope((EVENT, payload()))).reply
    assert (reply.status, json.loads(reply.body)) == (200, {"id": "e" * 32})
    assert "retry-after" in reply.headers["access-control-expose-headers"]


def test_a_broken_item_is_kept_as_an_envelope_of_its_own_and_the_good_ones_pass(
    sentry: SentrySource, envelope: Build
) -> None:
    request = envelope((EVENT, payload(event_id="1" * 32)), (EVENT, b"{broken"), (EVENT, payload(event_id="2" * 32)))
    received = sentry.receive(request)
    assert [signal.occurrence_id for signal in received.signals] == ["1" * 32, "2" * 32]
    (poison,) = received.poison
    assert poison.reason.startswith("event: not JSON")
    again = replace(request, body=poison.content.replace(b"{broken", payload()), raw_body=b"")
    assert len(sentry.receive(again).signals) == 1


def test_an_envelope_whose_first_line_is_broken_is_kept_whole_and_answered_400(
    sentry: SentrySource, envelope: Build
) -> None:
    received = sentry.receive(envelope(body=b"{oops\n{}\n{}"))
    assert received.reply.status == 400
    assert received.poison[0].content == b"{oops\n{}\n{}"


def test_items_that_need_no_signal_are_counted_by_kind_and_strange_ones_together(
    sentry: SentrySource, envelope: Build
) -> None:
    kinds = ("transaction", "session", "span", "trace_metric", "attachment", "new_thing", "other_new_thing")
    received = sentry.receive(envelope(*(({"type": kind}, b"{}") for kind in kinds)))
    assert received.ignored == {**dict.fromkeys(kinds[:5], 1), "unknown_item": 2}
    assert not received.signals and not received.poison


def test_attachments_are_left_out_of_the_payload_with_a_note(sentry: SentrySource, payloads: Path) -> None:
    (signal,) = sentry.receive(load_request(payloads / "python_chained_exception_attachment.envelope")).signals
    assert signal.raw["attachments_left_out"] == [{"filename": "app.log", "content_type": "text/plain", "bytes": 11}]


def test_too_large_items_are_poison_and_the_rest_passes(envelope: Build) -> None:
    small = SentrySource(
        SentrySettings(projects={42: Project(keys=(KEY,))}, max_event=200, max_check_in=100), "default"
    )
    check_in = json.dumps({"status": "error", "monitor_slug": "x" * 90}).encode()
    received = small.receive(
        envelope((EVENT, payload(extra="x" * 200)), ({"type": "check_in"}, check_in), (EVENT, payload()))
    )
    assert len(received.signals) == 1
    assert [poison.reason.split(" of ")[0] for poison in received.poison] == ["event", "check_in"]


def test_the_same_event_by_store_and_by_envelope_is_the_same_fact(sentry: SentrySource, envelope: Build) -> None:
    dashed = payload(event_id="eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee".upper())
    (stored,) = sentry.receive(envelope(body=dashed, path="/api/42/store/")).signals
    (sent,) = sentry.receive(envelope((EVENT, payload()))).signals
    assert stored.id == sent.id
    hook = {"action": "triggered", "data": {"event": json.loads(payload(issue_id=7))}}
    bare = SentrySource(SentrySettings(), "default")
    by_hook = Request("POST", "/in/sentry", "", {}, json.dumps(hook).encode(), b"", 1, trusted=True)
    assert bare.receive(by_hook).signals[0].id == sent.id


def test_a_store_request_that_is_no_event_is_kept(sentry: SentrySource, envelope: Build) -> None:
    for body in (b"[]", b"", b"\xff\xfe"):
        received = sentry.receive(envelope(body=body, path="/api/42/store/"))
        assert (received.poison[0].content, received.reply.status) == (body, 400)


@pytest.mark.parametrize(
    ("status", "expected"), [("error", "firing"), ("missed", "firing"), ("ok", "resolved"), ("in_progress", None)]
)
def test_a_check_in_fires_resolves_or_is_counted(
    sentry: SentrySource, envelope: Build, status: str, expected: str | None
) -> None:
    check_in = json.dumps({"check_in_id": "c1", "monitor_slug": "backup", "status": status}).encode()
    received = sentry.receive(envelope(({"type": "check_in"}, check_in)))
    assert [signal.status for signal in received.signals] == ([expected] if expected else [])
    assert [signal.occurrence_id for signal in received.signals] == (["monitor:42:backup:"] if expected else [])
    assert received.ignored == ({} if expected else {"check_in": 1})


def test_what_a_client_dropped_becomes_a_loss_with_its_counts(sentry: SentrySource, envelope: Build) -> None:
    def report(*reasons: str) -> Signal:
        dropped = [{"reason": reason, "category": "error", "quantity": 3} for reason in reasons]
        body = json.dumps({"timestamp": 1795247664.5, "discarded_events": dropped}).encode()
        (signal,) = sentry.receive(envelope(({"type": "client_report"}, body))).signals
        return signal

    lost = report("network_error", "sample_rate")
    assert (lost.type, lost.severity, lost.status) == ("loss", "warning", "firing")
    assert lost.measures == {"total": 6.0, "network_error.error": 3.0, "sample_rate.error": 3.0}
    assert report("sample_rate").severity == "info"
    assert report("sample_rate").id == report("sample_rate").id != lost.id


def test_logs_are_batched_by_service_and_a_line_that_is_no_object_spoils_only_itself(
    sentry: SentrySource, envelope: Build
) -> None:
    def entry(service: str, level: str) -> dict[str, object]:
        return {"body": "b", "level": level, "attributes": {"service": {"value": service, "type": "string"}}}

    logs = {"items": [entry("a", "error"), entry("b", "warn"), 7, entry("a", "loud")]}
    received = sentry.receive(envelope(({"type": "log"}, json.dumps(logs).encode())))
    assert [(batch.service, len(batch.lines)) for batch in received.batches] == [("a", 2), ("b", 1)]
    assert len({batch.id for batch in received.batches}) == 2
    assert received.unknown_severities == ["loud"]
    assert "1 lines" in received.poison[0].reason


NAMES = [
    "type", "exception", "values", "value", "stacktrace", "frames", "lineno", "in_app", "tags", "level", "timestamp", "logentry", "message",
    "params", "fingerprint", "contexts", "trace", "trace_id", "feedback", "breadcrumbs", "release", "event_id", "status", "monitor_slug",
    "items", "attributes", "body", "discarded_events", "reason", "quantity", "duration", "environment", "sdk", "metadata", "culprit",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\0", "error", "{{ default }}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=30,
)
KINDS = st.sampled_from(["event", "check_in", "feedback", "user_report", "log", "client_report", "transaction", "x"])
LENIENT = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RECORDED = [load_request(path) for path in sorted((Path(__file__).parent / "payloads").glob("*.envelope"))]
EVERYONE = SentrySource(SentrySettings(), "default")


def holds(request: Request) -> None:
    """Received comes out, and everything in it can be stored and read again."""
    received = EVERYONE.receive(replace(request, trusted=True))
    for signal in received.signals:
        assert Signal.from_json(signal.to_json()).id == signal.id
    for batch in received.batches:
        assert type(batch).from_json(batch.to_json()).id == batch.id


@given(st.lists(st.tuples(KINDS, JSON), max_size=3))
@LENIENT
def test_any_items_are_received_and_can_be_stored(envelope: Build, items: list[tuple[str, Any]]) -> None:
    holds(envelope(*(({"type": kind}, json.dumps(value).encode()) for kind, value in items)))
    for _, value in items:
        holds(envelope(body=json.dumps(value).encode(), path="/api/42/store/"))


@given(st.sampled_from(RECORDED), st.integers(0, 9_000), st.binary(max_size=6), st.integers(0, 60))
@LENIENT
def test_any_damage_to_a_real_envelope_is_received_or_refused(request_: Request, at: int, put: bytes, cut: int) -> None:
    at %= len(request_.body)
    body = request_.body[:at] + put + request_.body[at + cut :]
    try:
        holds(replace(request_, body=body, raw_body=body))
    except Refused as found:
        assert found.reason == "unauthorised", "only the dsn or its key can have been damaged"


@given(st.binary(max_size=200))
@LENIENT
def test_any_bytes_are_received_or_refused(envelope: Build, body: bytes) -> None:
    holds(envelope(body=body))
    holds(envelope(body=body, path="/api/42/store/"))


def test_an_error_that_tocsin_reported_about_itself_is_its_own(sentry: SentrySource, envelope: Build) -> None:
    for tags, own in (({"tocsin.self": "true"}, True), ({"tocsin.self": "no"}, False), ({}, False)):
        (signal,) = sentry.receive(envelope((EVENT, payload(tags=tags)))).signals
        assert signal.own is own
