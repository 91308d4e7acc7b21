"""Requests in the sender's own JSON, or as CloudEvents, as signals."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import orjson
from typing_extensions import override

from connectors.generic.proof import Proof
from connectors.generic.settings import GenericSettings
from connectors.ports.json_body import read_json
from connectors.ports.mapping import cloudevents
from connectors.ports.mapping.expressions import Fields, Unreadable
from connectors.ports.mapping.guess import Found
from connectors.ports.mapping.signals import Arrival, Drafter
from connectors.ports.retry_after import whole_seconds
from connectors.ports.source import STATUS, Poison, Received, Refused, Reply, Request, Route, Source
from schemas.draft import Draft, Drafts

_sha256 = hashlib.sha256
_LINES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"))

Part = tuple[Any, dict[str, Any] | None]
"""A content, and the CloudEvent it is when it is one."""


class GenericSource(Source):
    """One instance at `/in/generic[/INSTANCE]`."""

    name = "generic"
    routes: tuple[Route, ...] = ()

    def __init__(self, settings: GenericSettings, instance: str) -> None:
        self.instance = instance
        self.max_body = settings.max_body
        self.max_decompressed = settings.max_decompressed
        self._settings = settings
        self._proof = Proof(settings, f"/in/generic/{instance}")
        self._fields = Fields(settings.mapping)
        self._drafter = Drafter("generic", instance, settings)
        self._delivery_headers = (settings.delivery_header.lower(), "webhook-id", "svix-id")

    @override
    def receive(self, request: Request) -> Received:
        if request.method not in ("POST", "PUT"):
            raise Refused("method", f"found {request.method}, expected POST")
        self._proof.check(request)
        poison: list[Poison] = []
        parts = self._parts(request, poison)
        arrival = self._arrival(request)
        unknown: set[str] = set()
        drafts: list[Draft] = []
        find, draft = self._fields.find, self._drafter.draft
        for index, (content, event) in enumerate(parts):
            try:
                if event is None and type(content) is dict:
                    found = find(content, content)
                else:
                    found = self._found(content, event, index)
                drafts.append(draft(found, content, index, arrival, unknown))
            except Unreadable as error:
                poison.append(Poison(str(error), orjson.dumps(content)))
        if poison and not drafts:
            raise Refused("malformed", poison[0].reason)
        reply = _partly(len(drafts), poison) if poison else _accepted(len(drafts))
        signals = Drafts(drafts, self._drafter.opening, request.received_at)
        return Received(signals, poison=poison, unknown_severities=sorted(unknown) if unknown else (), reply=reply)

    @override
    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        status = STATUS[refused.reason]
        headers = {"content-type": "application/problem+json"}
        if status == 401:
            headers["www-authenticate"] = 'Bearer realm="tocsin"'
        elif status == 405:
            headers["allow"] = "POST, PUT"
        elif status == 415:
            headers["accept-encoding"] = "gzip, deflate, br, identity"
        problem = {"title": refused.reason, "status": status, "detail": str(refused)}
        return Reply(status, orjson.dumps(problem), headers)

    @override
    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        problem = {
            "title": "overloaded",
            "status": 503,
            "detail": "it is not certain to be kept; send the same request again",
        }
        headers = {"content-type": "application/problem+json", "retry-after": whole_seconds(retry_after_s)}
        return Reply(503, orjson.dumps(problem), headers)

    def _parts(self, request: Request, poison: list[Poison]) -> list[Part]:
        kind = _media_type(request.headers.get("content-type", ""))
        if kind == cloudevents.BATCH:
            batch = read_json(request.body)
            if not isinstance(batch, list):
                raise Refused("malformed", f"a CloudEvents batch is a JSON array, found {type(batch).__name__}")
            parts = list(_events(batch, poison))
        elif kind == cloudevents.STRUCTURED:
            parts = list(_events([read_json(request.body)], poison))
        elif "ce-specversion" in request.headers:
            try:
                event = cloudevents.from_binary(request.headers, request.body)
            except cloudevents.NotAnEvent as error:
                raise Refused("malformed", str(error)) from error
            parts = [(event, event)]
        elif kind in _LINES:
            parts = list(_lines(request.body, poison))
        else:
            try:
                parts = [(item, None) for item in self._fields.items(read_json(request.body))]
            except Unreadable as error:
                raise Refused("malformed", str(error)) from error
        if len(parts) > self._settings.max_items:
            raise Refused(
                "too_large",
                f"{len(parts)} signals in one request, at most {self._settings.max_items}; send fewer at once",
            )
        return parts

    def _arrival(self, request: Request) -> Arrival:
        headers, at = request.headers, request.received_at
        for name in self._delivery_headers:
            if given := headers.get(name):
                return Arrival(at, given[:200], named=True)
        content = _sha256(request.raw_body).hexdigest()[:32]
        return Arrival(at, content, named=False)

    def _found(self, content: Any, event: dict[str, Any] | None, index: int) -> Found:
        """Of a CloudEvent; or of content that is no object, which raises Unreadable."""
        if event is None:
            raise Unreadable(f"part {index} is {type(content).__name__}, expected a JSON object")
        return cloudevents.settle(self._fields.find(event, cloudevents.guessable(event)), event)


def _events(values: Iterable[Any], poison: list[Poison]) -> Iterator[Part]:
    for value in values:
        try:
            event = cloudevents.from_structured(value)
        except cloudevents.NotAnEvent as error:
            poison.append(Poison(str(error), orjson.dumps(value)))
        else:
            yield event, event


def _lines(body: bytes, poison: list[Poison]) -> Iterator[Part]:
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield read_json(line), None
        except Refused as error:
            poison.append(Poison(f"line {number}: {error}", line))


@lru_cache(maxsize=64)
def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=64)
def _accepted(number: int) -> Reply:
    return _json({"accepted": number})


def _partly(accepted: int, poison: Sequence[Poison]) -> Reply:
    errors = [item.reason for item in poison[:10]]
    return _json({"accepted": accepted, "rejected": len(poison), "errors": errors})


def _json(answer: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(answer), {"content-type": "application/json"})
