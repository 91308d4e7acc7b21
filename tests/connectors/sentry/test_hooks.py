"""Webhooks: signatures, ages, resources, and what makes two of them the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.ports.signature import sign_hex
from connectors.ports.source import Refused, Request
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource
from schemas import Signal
from schemas.time import SECOND
from tests.support.requests import RECEIVED_AT

PAYLOADS = Path(__file__).parent / "payloads"
RECORDED = [path for path in sorted(PAYLOADS.glob("*.json")) if ".meta" not in path.name]
ISSUE = json.loads((PAYLOADS / "issue_created.json").read_bytes())
ALERT = json.loads((PAYLOADS / "event_alert_python_message.json").read_bytes())
SECRET = "the present secret"


def source(**fields: Any) -> SentrySource:
    return SentrySource(
        SentrySettings(client_secrets=(SecretStr("the next secret"), SecretStr(SECRET)), **fields), "default"
    )


def hook(body: object, *, resource: str | None = None, secret: str | None = SECRET, **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if secret is not None:
        sent["sentry-hook-signature"] = sign_hex(secret, content)
    if resource is not None:
        sent["sentry-hook-resource"] = resource
    return Request("POST", "/in/sentry", "", sent, content, content, RECEIVED_AT)


def heard(body: object, **fields: Any) -> Signal:
    (signal,) = source().receive(hook(body, **fields)).signals
    return signal


def reason(of: SentrySource, request: Request) -> str:
    with pytest.raises(Refused) as caught:
        of.receive(request)
    assert of.refuse(caught.value, request).status in (401, 405)
    return caught.value.reason


@pytest.mark.parametrize("payload", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_webhook_is_accepted_when_signed_by_any_active_secret_and_refused_otherwise(payload: Path) -> None:
    body = payload.read_bytes()
    for secret in (SECRET, "the next secret"):
        assert source().receive(hook(body, secret=secret)).reply.status == 200
    good = hook(body)
    flipped = bytes([body[0], body[1] ^ 1]) + body[2:]
    assert reason(source(), replace(good, body=flipped, raw_body=flipped)) == "bad_signature"
    signature = good.headers["sentry-hook-signature"]
    wrong = ("0" if signature[0] != "0" else "1") + signature[1:]
    assert reason(source(), replace(good, headers={"sentry-hook-signature": wrong})) == "bad_signature"
    assert reason(source(), hook(body, secret="an old secret")) == "bad_signature"
    assert reason(source(), hook(body, secret=None)) == "missing_signature"


def test_the_header_of_ui_components_counts_and_their_body_may_be_empty() -> None:
    request = hook(b"", secret=None, sentry_app_signature=sign_hex(SECRET, b""))
    assert source().receive(request).ignored == {"empty": 1}


def test_without_a_secret_only_a_trusted_request_is_heard() -> None:
    bare = SentrySource(SentrySettings(), "default")
    request = hook(ISSUE, secret=None)
    assert reason(bare, request) == "missing_signature"
    assert len(bare.receive(replace(request, trusted=True)).signals) == 1


def test_a_webhook_played_again_too_late_is_refused_where_an_age_is_configured() -> None:
    limited = source(max_age_s=300)
    sent = RECEIVED_AT // SECOND
    for age, accepted in ((0, True), (300, True), (-300, True), (301, False), (-301, False)):
        request = hook(ISSUE, sentry_hook_timestamp=str(sent - age))
        if accepted:
            assert limited.receive(request).signals
        else:
            assert reason(limited, request) == "expired"
    assert reason(limited, hook(ISSUE)) == "expired"
    assert reason(limited, hook(ISSUE, sentry_hook_timestamp="٣")) == "expired"
    assert source().receive(hook(ISSUE, sentry_hook_timestamp="1")).signals


def test_a_repeated_webhook_has_the_same_id_although_its_request_id_is_new() -> None:
    assert heard(ISSUE, request_id="1").id == heard(ISSUE, request_id="2").id


@pytest.mark.parametrize(
    ("action", "state", "expected"),
    [
        ("created", "unresolved", "firing"),
        ("unresolved", "unresolved", "firing"),
        ("assigned", "unresolved", "firing"),
        ("assigned", "resolved", "resolved"),
        ("resolved", "resolved", "resolved"),
        ("archived", "ignored", "suppressed"),
        ("ignored", "ignored", "suppressed"),
    ],
)
def test_what_happened_to_an_issue_is_its_status(action: str, state: str, expected: str) -> None:
    body = {**ISSUE, "action": action, "data": {"issue": {**ISSUE["data"]["issue"], "status": state}}}
    signal = heard(body, resource="issue")
    assert signal.status == expected
    assert signal.occurrence_id == heard(ISSUE).occurrence_id
    assert (signal.id == heard(ISSUE).id) is (action == "created")


def test_an_issue_without_permalink_is_linked_by_the_configured_organisation() -> None:
    (signal,) = source(organization="acme").receive(hook(ISSUE)).signals
    assert [link.url for link in signal.links] == ["https://sentry.io/organizations/acme/issues/1635244907/"]


def test_an_event_alert_and_the_error_webhook_of_one_event_are_the_same_fact() -> None:
    error = {"action": "created", "data": {"error": ALERT["data"]["event"]}}
    assert heard(error, resource="error").id == heard(ALERT, resource="event_alert").id


@pytest.mark.parametrize(
    "urls",
    [
        {"issue_url": "https://sentry.io/api/0/issues/77/"},
        {"issue_url": "https://sentry.io/api/0/organizations/acme/issues/77/"},
        {"web_url": "https://sentry.io/organizations/acme/issues/77/events/ab/"},
        {"issue_id": "77"},
        {"issue_id": 77},
    ],
)
def test_the_issue_of_an_event_is_found_in_every_shape(urls: dict[str, object]) -> None:
    event = {"event_id": "ab", "title": "t", **urls}
    assert heard({"action": "triggered", "data": {"event": event}}).group_key == "sentry:issue:77"


def test_a_metric_alert_takes_its_severity_from_the_action_and_ends_what_it_began() -> None:
    critical = json.loads((PAYLOADS / "example_metric_alert_critical.json").read_bytes())
    signals = [heard({**critical, "action": action}) for action in ("critical", "warning", "resolved")]
    assert [(s.severity, s.status) for s in signals] == [
        ("critical", "firing"), ("warning", "firing"), ("info", "resolved")]  # fmt: skip
    assert len({s.occurrence_id for s in signals}) == 1
    assert len({s.id for s in signals}) == 3


def test_what_tocsin_did_itself_is_marked_as_its_own() -> None:
    body = (PAYLOADS / "example_comment_created.json").read_bytes()
    for mine in ("123", "user:123"):
        (signal,) = source(own_actors=(mine,)).receive(hook(body)).signals
        assert signal.own
    (signal,) = source(own_actors=("1",)).receive(hook(body)).signals
    assert not signal.own
    assert signal.actor == "user:123"


def test_an_edited_comment_is_another_fact_each_time() -> None:
    created = json.loads((PAYLOADS / "example_comment_created.json").read_bytes())
    edits = [{**created, "action": "updated", "data": {**created["data"], "comment": text}} for text in ("a", "b", "a")]
    first, second, third = (heard(edit).id for edit in edits)
    assert first != second
    assert first == third


def test_seer_speaks_as_a_comment_on_its_issue() -> None:
    body = {
        "action": "root_cause_completed",
        "data": {"run_id": 9, "group_id": 77, "root_cause": {"description": "a lock"}},
    }
    signal = heard(body, resource="seer")
    assert (signal.type, signal.group_key, signal.body) == ("comment", "sentry:issue:77", "a lock")


def test_an_uninstalled_integration_is_a_loss() -> None:
    created = json.loads((PAYLOADS / "example_installation_created.json").read_bytes())
    assert source().receive(hook(created)).ignored == {"installation": 1}
    signal = heard({**created, "action": "deleted"}, resource="installation")
    assert (signal.type, signal.severity) == ("loss", "warning")


def test_an_unknown_resource_is_counted_and_answered_well() -> None:
    received = source().receive(hook({"action": "x", "data": {}}, resource="preprod_artifact"))
    assert (received.ignored, received.reply.status) == ({"unknown_resource": 1}, 200)


@pytest.mark.parametrize("body", [b"no json", b"[1]", b'{"action": "created", "data": {"issue": 7}}', b"[" * 3_000])
def test_a_signed_body_of_the_wrong_shape_is_kept_and_answered_400(body: bytes) -> None:
    received = source().receive(hook(body, resource="issue"))
    assert received.poison[0].content == body
    assert received.reply.status == 400
    assert set(json.loads(received.reply.body)) == {"detail", "causes"}


def test_without_a_resource_an_envelope_or_a_bare_event_is_known_by_its_shape() -> None:
    event = {"event_id": "e" * 32, "message": "hello", "level": "warning"}
    for body in (json.dumps(event).encode(), b'{}\n{"type":"event"}\n' + json.dumps(event).encode()):
        signal = heard(body)
        assert (signal.title, signal.occurrence_id, signal.severity) == ("hello", "e" * 32, "warning")


def test_overload_of_webhooks_is_answered_503_since_nothing_else_is_ever_retried() -> None:
    reply = source().overloaded(7.2, hook(ISSUE))
    assert (reply.status, reply.headers["retry-after"]) == (503, "8")


NAMES = [
    "action", "data", "issue", "event", "error", "metric_alert", "alert_rule", "comment_id", "issue_id", "comment", "id", "title",
    "exception", "values", "stacktrace", "frames", "tags", "level", "timestamp", "logentry", "message", "project", "actor",
    "fingerprint", "metadata", "installation", "uuid", "datetime", "permalink", "run_id", "contexts", "trace", "lineno", "in_app",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\0", "created", "resolved"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=30,
)
RESOURCES = st.sampled_from(
    [None, "issue", "event_alert", "error", "metric_alert", "comment", "installation", "seer", "x"]
)


@given(JSON, RESOURCES)
@settings(max_examples=400, deadline=None)
def test_any_signed_json_is_received_or_refused_and_can_be_stored(value: Any, resource: str | None) -> None:
    part = {"issue": "issue", "event_alert": "event", "error": "error", "metric_alert": "metric_alert"}.get(
        resource or "", "x"
    )
    for body in (value, {"action": "created", "data": {part: value}}):
        received = source().receive(hook(body, resource=resource))
        for signal in received.signals:
            assert Signal.from_json(signal.to_json()).id == signal.id
