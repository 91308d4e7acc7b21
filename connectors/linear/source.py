"""Linear's webhooks at `/in/linear` (https://linear.app/developers/webhooks)."""

import math
from typing import Any

import orjson
from typing_extensions import override

from connectors.linear.payload import NotReadable, kind_of, signal_of
from connectors.linear.settings import LinearSettings
from connectors.ports.json_body import read_json
from connectors.ports.retry_after import whole_seconds
from connectors.ports.signature import verify_hex
from connectors.ports.source import STATUS, Poison, Received, Refused, Reply, Request, Route, Source
from schemas.time import SECOND


class LinearSource(Source):
    """One workspace. Linear takes 200 alone for success and repeats everything else after 1 minute, 1 hour and 6 hours."""

    name = "linear"
    routes: tuple[Route, ...] = ()

    def __init__(self, settings: LinearSettings, instance: str) -> None:
        self.instance = instance
        self.max_body = settings.max_body
        self.max_decompressed = settings.max_body
        self._secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        self._own_actor_ids = frozenset(settings.own_actor_ids)
        self._window_us = round(settings.replay_window_s * SECOND)

    @override
    def receive(self, request: Request) -> Received:
        if request.method != "POST":
            raise Refused("method", f"found {request.method}, expected POST")
        signed = self._verify(request)
        payload = read_json(request.body)
        if not isinstance(payload, dict):
            raise Refused("malformed", f"a Linear webhook is a JSON object, found {type(payload).__name__}")
        if signed:
            self._check_age(payload, request.received_at)
        try:
            kind = kind_of(payload)
            if kind is None:
                return Received(ignored={str(payload["type"])[:100]: 1}, reply=_ok())
            signal = signal_of(
                payload,
                kind,
                instance=self.instance,
                received_at=request.received_at,
                delivery_id=request.headers.get("linear-delivery"),
                own_actor_ids=self._own_actor_ids,
            )
        except NotReadable as error:
            return Received(poison=(Poison(str(error), request.body),), reply=_ok())
        return Received(signals=(signal,), reply=_ok())

    @override
    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        headers = {"content-type": "application/json"}
        if refused.reason == "method":
            headers["allow"] = "POST"
        return Reply(STATUS[refused.reason], orjson.dumps({"error": refused.reason, "message": str(refused)}), headers)

    @override
    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        headers = {"content-type": "application/json", "retry-after": whole_seconds(retry_after_s)}
        return Reply(503, b'{"error":"overloaded"}', headers)

    def _verify(self, request: Request) -> bool:
        """Whether the request is signed by an active secret; an unsigned one passes only from this machine, with no secret set."""
        if not self._secrets:
            if request.trusted:
                return False
            raise Refused(
                "unauthorised",
                f"linear/{self.instance} has no secret, so it accepts requests of this machine alone; "
                "set webhook_secrets to the signing secret Linear shows for the webhook",
            )
        given = request.headers.get("linear-signature")
        if not given:
            raise Refused("missing_signature", "the header linear-signature is missing; Linear always sends it")
        if not verify_hex(self._secrets, request.raw_body, given):
            raise Refused("bad_signature", "linear-signature matches no active secret over the raw body")
        return True

    def _check_age(self, payload: dict[str, Any], now: int) -> None:
        """Only the field inside the signed body counts; the header of the same meaning is not signed."""
        sent = payload.get("webhookTimestamp")
        if isinstance(sent, bool) or not isinstance(sent, int | float) or not math.isfinite(sent):
            raise Refused("malformed", f"webhookTimestamp is {sent!r}, expected milliseconds since the epoch")
        age_us = now - sent * 1000
        if abs(age_us) > self._window_us:
            raise Refused(
                "expired",
                f"webhookTimestamp lies {age_us / SECOND:.0f} s before now, at most {self._window_us / SECOND:.0f} s are "
                "accepted either way; set replay_window_s higher if these are Linear's own retries",
            )


def _ok() -> Reply:
    return Reply(200, b'{"ok":true}', {"content-type": "application/json"})
