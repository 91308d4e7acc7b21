"""Those who send to a program that comes and goes: each thing again until somebody says that it arrived."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import Any

import httpx

from schemas.time import to_rfc3339

KEY = "0123456789abcdef0123456789abcdef"
PAUSE_S = 0.05
T0 = 1_795_248_000_000_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request, and the tokens of the signals in it."""

    path: str
    content: bytes
    headers: Mapping[str, str]
    tokens: tuple[str, ...]


@dataclass
class Sender:
    """`where` gives the program's address as it is now, or nothing. What was acknowledged is remembered."""

    where: Callable[[], str]
    acked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    again: int = 0

    def deliver(self, parcel: Parcel, *, stop: Callable[[], bool] = lambda: False) -> bool:
        """Send until acknowledged; False when told to stop before."""
        with httpx.Client(timeout=5, trust_env=False) as http:
            while not stop():
                status = self._post(http, parcel)
                if status is not None and 200 <= status < 300:
                    self.acked += parcel.tokens
                    return True
                if status is not None and status not in (429, 503):
                    self.refused.append(f"{parcel.path}: {status}")
                    return False
                self.again += 1
                sleep(PAUSE_S)
        return False

    def _post(self, http: httpx.Client, parcel: Parcel) -> int | None:
        url = self.where()
        if not url:
            return None
        try:
            return http.post(url + parcel.path, content=parcel.content, headers=dict(parcel.headers)).status_code
        except httpx.TransportError:
            return None


def alerts(name: str, tokens: tuple[str, ...], *, status: str = "firing", severity: str = "critical") -> Parcel:
    """A notification of Alertmanager: for each token an alert of the group `name`. The token (its label `parcel`) of one that is over is `TOKEN.over`."""
    of = [
        {
            "status": status,
            "labels": {"alertname": name, "service": name, "env": "production", "severity": severity, "parcel": _said(each, status)},
            "annotations": {"summary": f"{name} answers nothing", "description": "No request succeeded for a minute."},
            "startsAt": to_rfc3339(T0),
            "endsAt": to_rfc3339(T0 + 60_000_000) if status == "resolved" else "0001-01-01T00:00:00Z",
            "generatorURL": f"https://prometheus.example.net/graph?g0.expr={name}",
            "fingerprint": uuid.uuid5(uuid.NAMESPACE_OID, each).hex[:16],
        }
        for each in tokens
    ]  # fmt: skip
    body = {"version": "4", "status": status, "receiver": "tocsin", "groupKey": name, "alerts": of}
    said = tuple(_said(each, status) for each in tokens)
    return Parcel("/in/alertmanager", json.dumps(body).encode(), {"content-type": "application/json"}, said)


def _said(token: str, status: str) -> str:
    return f"{token}.over" if status == "resolved" else token


def sentry_event(name: str, token: str) -> Parcel:
    """An envelope of an SDK with one exception of the problem `name`; the token is its event id."""
    frame = {"filename": "app.py", "function": name, "module": "app", "lineno": 7, "in_app": True}
    event: dict[str, Any] = {
        "event_id": token,
        "level": "error",
        "platform": "python",
        "environment": "production",
        "exception": {"values": [{"type": "KeyError", "value": repr(name), "stacktrace": {"frames": [frame]}}]},
    }
    lines = [{"event_id": token}, {"type": "event", "content_type": "application/json"}, event]
    content = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    auth = f"Sentry sentry_key={KEY}, sentry_version=7"
    return Parcel("/api/4/envelope/", content, {"x-sentry-auth": auth}, (token,))
