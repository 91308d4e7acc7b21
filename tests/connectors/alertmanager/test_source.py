"""Who may send alerts, what the identity of an alert is, and what becomes of bad ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.alertmanager import connector
from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from connectors.ports.source import Received, Refused, Request
from schemas import Signal
from schemas.time import SECOND, from_rfc3339, to_rfc3339
from tests.support.requests import load_request

HERE = Path(__file__).parent
NOW = from_rfc3339("2026-11-21T08:00:00Z")
MINUTE = 60 * SECOND
WEBHOOK = (HERE / "payloads" / "firing_group_am0.25.json").read_bytes()
LABELS = {"alertname": "Down", "service": "checkout", "severity": "critical"}


def source(*tokens: str) -> AlertmanagerSource:
    return AlertmanagerSource(AlertmanagerSettings(tokens=tuple(map(SecretStr, tokens))), "default")


def request(
    body: object, *, path: str = "/in/alertmanager", token: str | None = None, trusted: bool = True, at: int = NOW
) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return Request("POST", path, "", headers, content, content, at, trusted=trusted)


def posted(at: int, *, starts: int = NOW, ends: int | None = None, **fields: Any) -> Signal:
    alert = {"labels": LABELS, "startsAt": to_rfc3339(starts), **fields}
    if ends is not None:
        alert["endsAt"] = to_rfc3339(ends)
    (signal,) = source().receive(request([alert], path="/api/v2/alerts", at=at)).signals
    return signal


def notified(status: str, *, truncated: int = 0, ends: str = "0001-01-01T00:00:00Z", **labels: str) -> Received:
    alert = {"status": status, "labels": {**LABELS, **labels}, "startsAt": to_rfc3339(NOW), "endsAt": ends}
    return source().receive(
        request({"version": "4", "status": "firing", "alerts": [alert], "truncatedAlerts": truncated})
    )


def refusal(of: AlertmanagerSource, sent: Request) -> Refused:
    with pytest.raises(Refused) as caught:
        of.receive(sent)
    return caught.value


def test_a_request_from_elsewhere_without_a_configured_token_is_refused() -> None:
    refused = refusal(source(), request(WEBHOOK, trusted=False))
    assert refused.reason == "missing_signature"
    assert "tokens" in str(refused)
    assert source().refuse(refused, request(WEBHOOK)).status == 401


def test_every_active_token_is_accepted_and_nothing_else() -> None:
    two = source("old", "new")
    for token in ("old", "new"):
        assert len(two.receive(request(WEBHOOK, token=token, trusted=False)).signals) == 2
    assert refusal(two, request(WEBHOOK, token="neu", trusted=False)).reason == "unauthorised"
    assert refusal(two, request(WEBHOOK, trusted=True)).reason == "missing_signature"
    assert refusal(source(""), request(WEBHOOK, token="", trusted=True)).reason == "missing_signature"


def test_a_recorded_request_is_accepted_with_its_own_token() -> None:
    recorded = load_request(HERE / "payloads" / "firing_am0.28.json")
    assert len(source("tocsin-token").receive(recorded).signals) == 1
    assert refusal(source("another"), recorded).reason == "unauthorised"


def test_the_status_is_the_alerts_and_not_the_notifications() -> None:
    (signal,) = notified("resolved", ends="2026-11-21T07:59:00Z").signals
    assert signal.status == "resolved"
    assert signal.occurred_at == from_rfc3339("2026-11-21T07:59:00Z")


def test_of_a_heartbeat_each_repeat_is_heard_once_a_minute_and_its_end_once() -> None:
    alert = {"status": "firing", "labels": {"alertname": "Watchdog"}, "startsAt": "2026-11-21T07:00:00Z"}
    start = NOW - NOW % 60_000_000
    first, retry, next_minute = (
        one.id
        for at in (start, start + 1_000_000, start + 60_000_000)
        for one in source().receive(request({"version": "4", "alerts": [alert]}, at=at)).signals
    )
    assert first == retry != next_minute
    ended = {**alert, "status": "resolved", "endsAt": "2026-11-21T07:50:00Z"}
    assert (
        len(
            {
                source().receive(request({"version": "4", "alerts": [ended]}, at=at)).signals[0].id
                for at in (start, start + 90_000_000)
            }
        )
        == 1
    )


def test_a_repeated_notification_is_the_same_fact_and_a_resolution_another_of_the_same_occurrence() -> None:
    (first,), (again,), (resolved,) = (notified(status).signals for status in ("firing", "firing", "resolved"))
    assert first.id == again.id
    assert first.id != resolved.id
    assert first.occurrence_id == resolved.occurrence_id
    assert first.group_key == resolved.group_key == "alertmanager:Down:checkout:"


def test_prometheus_and_alertmanager_name_the_same_alert_alike() -> None:
    alerts = json.loads(WEBHOOK)["alerts"]
    direct = [{name: alert[name] for name in ("labels", "annotations", "startsAt")} for alert in alerts]
    by_webhook = source().receive(request(WEBHOOK)).signals
    by_api = source().receive(request(direct, path="/api/v2/alerts")).signals
    assert [signal.occurrence_id for signal in by_webhook] == [signal.occurrence_id for signal in by_api]


def test_an_end_in_the_future_fires_and_one_in_the_past_resolves() -> None:
    assert posted(NOW, ends=NOW + 4 * MINUTE).status == "firing"
    resolved = posted(NOW + 5 * MINUTE, ends=NOW + 4 * MINUTE)
    assert (resolved.status, resolved.expires_at, resolved.occurred_at) == ("resolved", None, NOW + 4 * MINUTE)
    assert posted(NOW, ends=NOW).status == "resolved"


def test_an_alert_posted_without_an_end_fires_for_the_resolve_timeout() -> None:
    signal = posted(NOW)
    assert signal.status == "firing"
    assert signal.expires_at is not None and signal.expires_at >= NOW + 300 * SECOND


@given(
    interval=st.integers(1, 3600), ahead=st.integers(2, 10), offset=st.integers(0, 1200), renewals=st.integers(1, 40)
)
@settings(max_examples=60, deadline=None)
def test_a_renewed_alert_never_expires_between_two_signals_that_are_new(
    interval: int, ahead: int, offset: int, renewals: int
) -> None:
    """Renewals come every `interval` seconds, each with an end `ahead` intervals later."""
    known: set[str] = set()
    expires_at = 0
    for index in range(renewals):
        now = NOW + (offset + index * interval) * SECOND
        signal = posted(now, ends=now + ahead * interval * SECOND)
        assert signal.expires_at is not None
        assert now + ahead * interval * SECOND < signal.expires_at <= now + (ahead * interval + 300) * SECOND
        if signal.id not in known:
            assert index == 0 or expires_at > now, "triage took the alert for over although it was renewed in time"
            expires_at = signal.expires_at
        known.add(signal.id)


def test_renewals_within_one_step_are_one_signal() -> None:
    start = NOW + MINUTE
    ids = {posted(start + second * SECOND, ends=start + (second + 240) * SECOND).id for second in range(0, 540, 15)}
    assert len(ids) == 2, "ends from 08:05 to 08:14 lie in two steps of five minutes"


def test_alerts_left_out_by_alertmanager_become_a_loss() -> None:
    received = notified("firing", truncated=3)
    loss = received.signals[-1]
    assert (loss.type, loss.measures, loss.severity) == ("loss", {"truncated": 3.0}, "warning")
    assert notified("firing", truncated=3).signals[-1].id == loss.id


def test_an_unknown_severity_is_info_and_counted_and_a_missing_one_the_default() -> None:
    received = notified("firing", severity="catastrophic")
    assert received.signals[0].severity == "info"
    assert received.unknown_severities == ["catastrophic"]
    assert notified("firing", severity="").signals[0].severity == "warning"
    assert notified("firing", severity="P1").signals[0].severity == "critical"


def test_a_broken_alert_is_kept_as_a_request_of_its_own_and_the_others_pass() -> None:
    body = json.loads(WEBHOOK)
    body["alerts"][0]["labels"] = "none"
    received = source().receive(request(body))
    assert [signal.labels["instance"] for signal in received.signals] == ["127.0.0.1:2"]
    assert "without labels" in received.poison[0].reason
    again = json.loads(received.poison[0].content)
    again["alerts"][0]["labels"] = LABELS
    assert len(source().receive(request(again)).signals) == 1


def test_a_body_that_is_no_webhook_is_kept_and_answered_400_in_the_form_of_its_protocol() -> None:
    for body in (b"not json", b"[" * 5_000, b'{"text": "custom"}', b"7"):
        received = source().receive(request(body))
        assert received.reply.status == 400
        assert received.poison[0].content == body
        assert set(json.loads(received.reply.body)) == {"error", "reason"}
    api = source().receive(request(b"{", path="/api/v2/alerts"))
    assert isinstance(json.loads(api.reply.body), str)


def test_only_web_addresses_become_links() -> None:
    alert = {"labels": LABELS, "generatorURL": "javascript:alert(1)", "annotations": {"runbook_url": "?orgId=1"}}
    (signal,) = source().receive(request({"alerts": [alert], "externalURL": "ftp://x"})).signals
    assert signal.links == ()


def test_overload_asks_for_another_try_with_503() -> None:
    for path in ("/in/alertmanager", "/api/v2/alerts"):
        reply = source().overloaded(1.2, request(b"", path=path))
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")


def test_other_methods_are_refused() -> None:
    get = Request("GET", "/api/v2/alerts", "", {}, b"", b"", NOW, trusted=True)
    refused = refusal(source(), get)
    assert source().refuse(refused, get).status == 405


def test_the_connector_is_present_by_default() -> None:
    assert connector.default
    assert connector.source is not None
    assert connector.source(AlertmanagerSettings(), "default").name == "alertmanager"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(["\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["alerts", "labels", "annotations", "startsAt", "endsAt", "status", "severity", "values", "alertname", "fingerprint",
             "truncatedAlerts", "groupKey", "externalURL", "commonLabels", "generatorURL", "service", "value", "runbook_url"]
        ),
        inner,
        max_size=8,
    ),
    max_leaves=30,
)  # fmt: skip


def holds(body: bytes) -> None:
    """Only Refused or Received comes out, and all that comes out can be stored and read again."""
    for path in ("/in/alertmanager", "/api/v2/alerts"):
        received = source().receive(request(body, path=path))
        assert received.signals or received.poison or received.reply.status == 200
        for signal in received.signals:
            assert Signal.from_json(signal.to_json()).id == signal.id


@given(JSON)
@settings(max_examples=300, deadline=None)
@example(
    {
        "alerts": [{"labels": {"a": "\ud83d\0"}, "annotations": {"value": "1e999"}, "startsAt": 1e18}],
        "truncatedAlerts": 1e308,
    }
)
@example(
    [{"labels": {"alertname": "x"}, "endsAt": "9999-12-31T23:59:59-23:59", "startsAt": "0001-01-01T00:00:00+23:59"}]
)
def test_any_json_is_received_or_refused(value: Any) -> None:
    holds(json.dumps(value).encode())


@given(st.integers(0, len(WEBHOOK) - 1), st.binary(max_size=6), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_any_damage_to_a_real_request_is_received_or_refused(at: int, put: bytes, cut: int) -> None:
    holds(WEBHOOK[:at] + put + WEBHOOK[at + cut :])
