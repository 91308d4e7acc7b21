"""One alert as a signal, whether Alertmanager notifies of it or Prometheus posts it.

Identity. The occurrence is `alertmanager:FINGERPRINT:STARTSAT`, the fingerprint being Prometheus' own hash of the labels, so that both ways lead
to the same one. The revision is what may change of it:

- From Alertmanager: the status. A repeat after `repeat_interval` says nothing new and has the same id; but of a heartbeat, which
  says only that it is sent, the minute in which it came counts, too.
- From Prometheus: a firing alert is posted again every minute with a later `endsAt`, which keeps it alive. A mere renewal is no new fact
  each minute, yet has to reach triage before the last known expiry. So time is cut into steps of RENEWAL_STEP_S: the revision is
  the step `endsAt` lies in, and `expires_at` the end of that step. All renewals within one step are one signal; the first of
  the next step arrives before the expiry of this one, whatever interval the sender has, since the sender sets `endsAt`
  several intervals ahead. The price: an alert whose sender died counts as over up to RENEWAL_STEP_S after its `endsAt`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from fnv_c import fnv1a_64

from connectors.alertmanager.labels import MOST, Names, names_of, read_labels, texts_of
from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.ports.reading import LONGEST_URL, Unreadable, line, mapping, moment, number, web_url
from schemas.draft import Draft, DraftLink
from schemas.ids import signal_id
from schemas.severity import Severity, severity_of
from schemas.signal import REMEMBER_S, SignalStatus
from schemas.time import SECOND, to_rfc3339

RENEWAL_STEP_S = 300
HEARTBEAT_STEP_S = 60
_STEP = RENEWAL_STEP_S * SECOND
_BYTE_255 = "\udcff"
"""No text of UTF-8 has such a byte; `surrogateescape` writes it."""

Judgement = tuple[SignalStatus, str, Severity, tuple[str, ...]]
"""Status, revision, severity, and the word for the severity when nobody taught it to us."""


class Notification:
    """What the alerts of one request share. `envelope` is the webhook without its alerts; empty for Prometheus, which sends alerts
    alone (`direct`): then `endsAt` tells whether they fire, and `end` is what stands for one that is missing, as with an Alertmanager:
    its `resolve_timeout` from now."""

    __slots__ = (
        "_judged",
        "_links",
        "_places",
        "_silences",
        "delivery_id",
        "direct",
        "end",
        "envelope",
        "received_at",
        "settings",
    )

    def __init__(
        self,
        settings: AlertmanagerSettings,
        received_at: int,
        delivery_id: str,
        envelope: Mapping[str, Any],
        *,
        direct: bool,
    ) -> None:
        self.settings = settings
        self.received_at = received_at
        self.delivery_id = delivery_id
        self.envelope = envelope
        self.direct = direct
        self.end = received_at + round(settings.resolve_timeout_s * SECOND) if direct else None
        external = web_url(envelope.get("externalURL"))
        self._judged: dict[tuple[str, int | None, str | None, str], Judgement] = {}
        self._places: dict[Names, tuple[str | None, str | None]] = {}
        self._links: tuple[DraftLink, ...] = ()
        self._silences = ""
        if external is not None:
            self._links = ({"rel": "self", "url": external, "title": "Alertmanager"},)
            self._silences = f"{external.rstrip('/')}/#/silences/new?filter=%7B"

    def judged(self, said: object, ends_at: int | None, word: str | None, name: str) -> Judgement:
        """How it stands with an alert. Remembered: most alerts of a request are alike in this."""
        if type(said) is not str:
            said = line(said, 40)
        key = (said, ends_at, word, name)
        known = self._judged.get(key)
        if known is None:
            status = _status(said, ends_at, self)
            known = self._judged[key] = (
                status,
                _revision(status, ends_at, name, self),
                *_severity(word, self.settings),
            )
        return known

    def place(self, names: Names, labels: Mapping[str, str]) -> tuple[str | None, str | None]:
        """The service and the environment these labels name."""
        known = self._places.get(names)
        if known is None:
            service = next((name for name in self.settings.service_labels if name in labels), None)
            environment = next((name for name in self.settings.environment_labels if name in labels), None)
            known = self._places[names] = (service, environment)
        service, environment = known
        return None if service is None else labels[service], None if environment is None else labels[environment]

    def links(self, matchers: str = "") -> Sequence[DraftLink]:
        """To Alertmanager itself, and to a silence for these labels."""
        if not matchers or not self._silences:
            return self._links
        silence = f"{self._silences}{matchers}%7D"
        if len(silence) > LONGEST_URL:
            return self._links
        return (*self._links, {"rel": "silence", "url": silence, "title": "Silence it in Alertmanager"})


def alert_signal(alert: object, of: Notification) -> tuple[Draft, tuple[str, ...]]:
    """The signal and the severity word nobody taught us if there is one. Raises Unreadable when it is
    no alert with labels."""
    if not isinstance(alert, dict):
        raise Unreadable(f"expected an alert object, found {type(alert).__name__}")
    labels, names, matchers = read_labels(alert.get("labels"))
    if not labels:
        raise Unreadable("an alert without labels: nothing says what it is about")
    annotations = texts_of(alert.get("annotations"))
    starts_at, ends_at = moment(alert.get("startsAt")), moment(alert.get("endsAt")) or of.end
    service, environment = of.place(names, labels)
    name = labels.get("alertname") or "(unnamed alert)"
    status, revision, grade, unknown = of.judged(alert.get("status"), ends_at, labels.get("severity"), name)
    occurrence = f"alertmanager:{line(alert.get('fingerprint'), 64) or fingerprint(labels)}:{starts_at or ''}"
    draft: Draft = {
        "id": signal_id("alertmanager", occurrence, revision),
        "type": "alert",
        "status": status,
        "severity": grade,
        "title": line(annotations.get("summary")) or line(annotations.get("title")) or name,
        "body": annotations.get("description") or annotations.get("message") or "",
        "labels": labels,
        "measures": _measures(alert, annotations) if "values" in alert or "value" in annotations else {},
        "links": [*_links(alert, annotations), *of.links(matchers)],
        "occurred_at": to_rfc3339((ends_at if status == "resolved" else starts_at) or starts_at or of.received_at),
        "delivery_id": of.delivery_id,
        "occurrence_id": occurrence,
        "revision": revision,
        "group_key": f"alertmanager:{name}:{service or ''}:{labels.get('cluster', '')}",
        "remember_s": REMEMBER_S,
        "raw": {**of.envelope, "alert": alert},
    }
    if service is not None:
        draft["service"] = service
    if environment is not None:
        draft["environment"] = environment
    if of.direct and status == "firing" and ends_at:
        draft["expires_at"] = to_rfc3339(_expiry(ends_at))
    return draft, unknown


def truncation_signal(count: int, of: Notification) -> Draft:
    """Alerts that Alertmanager cut off (`max_alerts` of the receiver). Their resolutions are cut off as well, so what fires here may be
    over there: the same group with the same contents is the same loss."""
    key = line(of.envelope.get("groupKey"), 1_000)
    receiver = line(of.envelope.get("receiver"), 200)
    common = texts_of(of.envelope.get("commonLabels"))
    occurrence, revision = f"alertmanager:truncated:{receiver}:{key}", of.delivery_id[:32]
    draft: Draft = {
        "id": signal_id("alertmanager", occurrence, revision),
        "type": "loss",
        "status": "firing",
        "severity": "warning",
        "title": f"Alertmanager left {count} alerts out of a notification to receiver {receiver or '?'}",
        "body": f"Group {key}. Raise `max_alerts` of the receiver: left-out alerts are not resolved here either.",
        "labels": {name: value for name, value in (("receiver", receiver), ("group", key)) if value},
        "measures": {"truncated": float(count)},
        "links": [*of.links()],
        "occurred_at": to_rfc3339(of.received_at),
        "expires_at": to_rfc3339(of.received_at + 3600 * SECOND),
        "delivery_id": of.delivery_id,
        "occurrence_id": occurrence,
        "revision": revision,
        "group_key": occurrence,
        "remember_s": REMEMBER_S,
        "raw": dict(of.envelope),
    }
    service, environment = of.place(names_of(common), common)
    if service is not None:
        draft["service"] = service
    if environment is not None:
        draft["environment"] = environment
    return draft


def fingerprint(labels: Mapping[str, str]) -> str:
    """Prometheus' fingerprint: FNV-1a of 64 bits over the labels sorted by name, each name and value followed by the byte 255
    (https://github.com/prometheus/common/blob/main/model/signature.go)."""
    parts: list[str] = []
    for name in sorted(labels):
        parts += (name, labels[name])
    parts.append("")
    return f"{fnv1a_64(_BYTE_255.join(parts).encode('utf-8', 'surrogateescape')):016x}"


def _status(said: str, ends_at: int | None, of: Notification) -> SignalStatus:
    """Of this alert, never of the notification, which is `firing` if any alert in it fires. `0001-01-01` as end means open."""
    if not of.direct:
        match line(said, 40).lower():
            case "firing" | "resolved" as status:
                return status
    return "resolved" if ends_at is not None and ends_at <= of.received_at else "firing"


def _revision(status: SignalStatus, ends_at: int | None, name: str, of: Notification) -> str:
    if status == "firing":
        if of.direct and ends_at is not None:
            return f"firing:{_expiry(ends_at) // SECOND}"
        if name in of.settings.heartbeats:
            return f"firing:{of.received_at // (HEARTBEAT_STEP_S * SECOND)}"
    return status


def _expiry(ends_at: int) -> int:
    return (ends_at // _STEP + 1) * _STEP


def _severity(word: str | None, settings: AlertmanagerSettings) -> tuple[Severity, tuple[str, ...]]:
    if not word:
        return settings.default_severity, ()
    known = severity_of(word)
    return (known, ()) if known else ("info", (line(word, 40),))


def _measures(alert: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, float]:
    """The alert's value, where annotations or Grafana's `values` give it as a number."""
    given: dict[str, object] = {"value": annotations.get("value"), **mapping(alert.get("values"))}
    found = {line(name, 100): number(value) for name, value in list(given.items())[:MOST]}
    return {name: value for name, value in found.items() if name and value is not None}


def _links(alert: Mapping[str, Any], annotations: Mapping[str, str]) -> Sequence[DraftLink]:
    """Where the rule says to look. (Annotations are no longer than LONGEST.)"""
    expression = alert.get("generatorURL")
    return _known_links(
        expression if type(expression) is str and len(expression) <= LONGEST_URL else None,
        annotations.get("runbook_url"),
        annotations.get("dashboard_url") or annotations.get("dashboard"),
    )


@lru_cache(maxsize=1024)
def _known_links(expression: str | None, runbook: str | None, dashboard: str | None) -> Sequence[DraftLink]:
    """Remembered: the alerts of one rule lead to the same places."""
    return tuple(
        {"rel": rel, "url": url, "title": title}
        for rel, given, title in (
            ("source", expression, "Expression in Prometheus"),
            ("runbook", runbook, "Runbook"),
            ("dashboard", dashboard, "Dashboard"),
        )
        if (url := web_url(given)) is not None
    )
