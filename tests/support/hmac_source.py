"""A small source for tests of the door: one signal per item of a signed JSON body, refusals and overload in a form of its own."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from connectors.ports.source import Poison, Received, Refused, Reply, Request, Route
from schemas import LogBatch, LogLine, Signal, digest

STATUS = {"too_large": 413, "unsupported_encoding": 415, "method": 405, "unknown_project": 403, "malformed": 400}
REPLAY_S = 300


def signed(body: bytes, secret: bytes, at: int) -> dict[str, str]:
    """Headers under which `HmacSource` accepts the body; `at` in microseconds."""
    stamp = str(at // 1_000_000)
    mac = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-time": stamp, "x-signature": mac}


@dataclass
class HmacSource:
    """Signature: hex HMAC-SHA256 over `TIME.BODY`, not older than REPLAY_S. Body: {"items": [{id, title, ...}], "lines": [...]}.
    An item that is no object is poison; `{"explode": true}` raises."""

    secrets: Sequence[bytes] = ()
    name: str = "hmac"
    instance: str = "default"
    routes: Sequence[Route] = ()
    max_body: int = 100_000
    max_decompressed: int = 1_000_000
    projects: Sequence[str] = ()
    seen: list[Request] = field(default_factory=list)

    def receive(self, request: Request) -> Received:
        self.seen.append(request)
        if self.projects and request.params.get("project") not in self.projects:
            raise Refused("unknown_project", f"project {request.params.get('project')!r} is not known")
        self._verify(request)
        try:
            document = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise Refused("malformed", f"the body is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise Refused("malformed", f"the body is a {type(document).__name__}, expected an object")
        if document.get("explode"):
            raise ZeroDivisionError("as asked")
        signals, poison = [], []
        for item in document.get("items", ()):
            if isinstance(item, dict) and "id" in item:
                signals.append(self._signal(item, request))
            else:
                poison.append(Poison("an item without an id", json.dumps(item).encode()))
        lines = document.get("lines", ())
        batches = [self._batch(lines, request)] if lines else []
        return Received(signals, batches, poison, {"pings": 1} if document.get("ping") else {}, (), Reply(202, b"{}"))

    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        return Reply(STATUS.get(refused.reason, 401), f"{refused.reason}: {refused}".encode(), {"X-Form": "hmac"})

    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        return Reply(503, b"later", {"Retry-After": str(round(retry_after_s))})

    def _verify(self, request: Request) -> None:
        if not self.secrets:
            if request.trusted:
                return
            raise Refused("missing_signature", "no secret is configured and the request is not from this machine")
        stamp, mac = request.headers.get("x-time"), request.headers.get("x-signature", "")
        if stamp is None:
            raise Refused("missing_signature", "x-time is missing")
        for secret in self.secrets:
            made = hmac.new(secret, stamp.encode() + b"." + request.raw_body, hashlib.sha256).hexdigest()
            if hmac.compare_digest(made.encode(), mac.encode()):
                break
        else:
            raise Refused("bad_signature", "x-signature does not fit")
        if abs(request.received_at // 1_000_000 - int(stamp)) > REPLAY_S:
            raise Refused("expired", f"x-time {stamp} is too far away")

    def _signal(self, item: dict[str, object], request: Request) -> Signal:
        return Signal.observed(
            source=self.name,
            instance=self.instance,
            occurrence_id=str(item["id"]),
            revision=str(item.get("status", "")),
            type="alert",
            severity="error",
            title=str(item.get("title", "")),
            body=str(item.get("body", "")),
            labels=item.get("labels", {}),
            occurred_at=request.received_at,
            received_at=request.received_at,
            group_key=str(item.get("group", item["id"])),
            raw=item,
        )

    def _batch(self, lines: Sequence[str], request: Request) -> LogBatch:
        return LogBatch(
            id=digest("bat", request.body.decode("latin-1")),
            source=self.name,
            service="checkout",
            received_at=request.received_at,
            lines=tuple(LogLine(occurred_at=request.received_at, body=line) for line in lines),
        )
