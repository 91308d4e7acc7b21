"""Alertmanager as a source: its webhook at /in/alertmanager, and its own API at /api/v2/alerts for Prometheus."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from typing_extensions import override

from connectors.alertmanager.alert import Notification, alert_signal, truncation_signal
from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.ports.reading import Unreadable, lenient_json, number
from connectors.ports.retry_after import whole_seconds
from connectors.ports.signature import equal_secrets
from connectors.ports.source import STATUS, Poison, Received, Refused, Reply, Request, Route, Source
from schemas.draft import Draft, Drafts, Opening

API_PATH = "/api/v2/alerts"
_JSON = {"content-type": "application/json"}


class AlertmanagerSource(Source):
    """Webhook version 4 as Alertmanager 0.20 to 0.34 sends it
    (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), and the list of alerts Prometheus posts
    (https://prometheus.io/docs/alerting/latest/alerts_api/). Neither is signed: a bearer token stands for a signature, and nothing
    tells an old request from a new one but the identity of its alerts."""

    name = "alertmanager"
    routes: Sequence[Route] = (Route(("POST",), API_PATH),)

    def __init__(self, settings: AlertmanagerSettings, instance: str) -> None:
        self.instance = instance
        self.max_body = settings.max_body
        self.max_decompressed = settings.max_decompressed
        self._opening = Opening(self.name, instance)
        self._settings = settings
        self._tokens = [token.get_secret_value() for token in settings.tokens]

    @override
    def receive(self, request: Request) -> Received:
        self._admit(request)
        try:
            value = lenient_json(request.body)
            envelope, alerts = _opened(value)
        except Unreadable as error:
            return _unreadable(str(error), request)
        delivery_id = sha256(request.body).hexdigest()
        direct = isinstance(value, list)
        of = Notification(self._settings, request.received_at, delivery_id, envelope, direct=direct)
        return self._sorted(alerts, of)

    @override
    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        """Alertmanager's API answers errors with a bare JSON string, and Prometheus logs it; Alertmanager drops on 4xx and sends the
        group's alerts again with its next notification."""
        message = str(refused).encode("utf-8", "replace").decode()
        body: object = message if _is_api(request) else {"error": message, "reason": refused.reason}
        extra = {"www-authenticate": "Bearer"} if STATUS[refused.reason] == 401 else {}
        allow = {"allow": "POST"} if refused.reason == "method" else {}
        return Reply(STATUS[refused.reason], orjson.dumps(body), _JSON | extra | allow)

    @override
    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        """503: Alertmanager tries again within the same flush (429 would make it wait for the next), Prometheus within a minute."""
        message = "overloaded, come again later"
        body: object = message if _is_api(request) else {"error": message, "reason": "overloaded"}
        return Reply(503, orjson.dumps(body), _JSON | {"retry-after": whole_seconds(retry_after_s)})

    def _admit(self, request: Request) -> None:
        if request.method not in ("POST", "PUT"):
            raise Refused("method", f"{request.method} is not answered here, only POST")
        scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
        if not self._tokens:
            if not request.trusted:
                raise Refused(
                    "missing_signature",
                    "no bearer token is configured to know senders by; set `tokens` of this alertmanager connector",
                )
        elif scheme.lower() != "bearer" or not token.strip():
            raise Refused("missing_signature", "the header `Authorization: Bearer TOKEN` is missing")
        elif not equal_secrets(self._tokens, token.strip()):
            raise Refused(
                "unauthorised", f"the bearer token is none of the {len(self._tokens)} configured ones; compare `tokens`"
            )

    def _sorted(self, alerts: Sequence[Any], of: Notification) -> Received:
        drafts: list[Draft] = []
        poison: list[Poison] = []
        unknown: list[str] = []
        for alert in alerts[: self._settings.max_alerts]:
            try:
                draft, words = alert_signal(alert, of)
            except ValueError as error:
                poison.append(_alone([alert], of, str(error)))
            else:
                drafts.append(draft)
                if words:
                    unknown.extend(words)
        rest = alerts[self._settings.max_alerts :]
        if rest:
            poison.append(
                _alone(rest, of, f"{len(rest)} alerts beyond the {self._settings.max_alerts} read of a request")
            )
        truncated = number(of.envelope.get("truncatedAlerts")) or 0
        if truncated >= 1:
            drafts.append(truncation_signal(int(truncated), of))
        return Received(
            signals=Drafts(drafts, self._opening, of.received_at),
            poison=poison,
            unknown_severities=unknown,
            reply=Reply(200, b"{}", _JSON),
        )


def _opened(value: Any) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """What the alerts share, and the alerts. Raises Unreadable."""
    match value:
        case list():
            return {}, value
        case {"alerts": list() as alerts}:
            return {name: part for name, part in value.items() if name != "alerts"}, alerts
        case dict():
            raise Unreadable("expected a list at `alerts`: is a custom `payload` configured for this receiver?")
        case _:
            raise Unreadable(f"expected a webhook object or a list of alerts, found {type(value).__name__}")


def _alone(alerts: Sequence[Any], of: Notification, reason: str) -> Poison:
    """Some alerts as a request of their own, so that they can be tried again."""
    request = list(alerts) if of.direct else {**of.envelope, "truncatedAlerts": 0, "alerts": list(alerts)}
    return Poison(reason, orjson.dumps(request))


def _unreadable(reason: str, request: Request) -> Received:
    body: object = reason if _is_api(request) else {"error": reason, "reason": "malformed"}
    return Received(poison=[Poison(reason, request.body)], reply=Reply(400, orjson.dumps(body), _JSON))


def _is_api(request: Request | None) -> bool:
    return request is not None and request.path.rstrip("/").endswith(API_PATH)
