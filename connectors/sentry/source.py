"""Sentry as a source: webhooks at /in/sentry, SDKs at /api/PROJECT/envelope/ and /store/."""

from collections.abc import Mapping, Sequence

import orjson
from typing_extensions import override

from connectors.ports.retry_after import whole_seconds
from connectors.ports.signature import verify_hex
from connectors.ports.source import STATUS, Received, Refusal, Refused, Reply, Request, Route, Source
from connectors.sentry.envelope import looks_like_envelope
from connectors.sentry.hooks import read_hook
from connectors.sentry.ingestion import read_envelope, read_store
from connectors.sentry.origin import Origin, delivery_of
from connectors.sentry.sdk_access import PATH, admit
from connectors.sentry.settings import SentrySettings
from schemas.time import SECOND

_JSON = "application/json"
_STATUS: Mapping[Refusal, int] = {**STATUS, "unauthorised": 403, "unknown_project": 403}
_ALLOWED_HEADERS = (
    "X-Sentry-Auth, X-Requested-With, Origin, Accept, Content-Type, Content-Encoding, Authentication, Authorization"
)


class SentrySource(Source):
    """Webhooks are signed by the client secret over the raw body; an SDK shows the public key of its DSN.

    Sentry does not sign the time of a webhook, so a recorded one can be played again: it then has the same id and is a
    duplicate. `max_age_s` refuses old ones by that unsigned header all the same.
    """

    name = "sentry"
    routes: Sequence[Route] = (
        Route(("POST", "OPTIONS"), "/api/{project}/envelope/"),
        Route(("POST", "OPTIONS"), "/api/{project}/store/"),
    )

    def __init__(self, settings: SentrySettings, instance: str) -> None:
        self.instance = instance
        self.max_body = settings.max_body
        self.max_decompressed = settings.max_decompressed
        self._settings = settings
        self._secrets = [secret.get_secret_value() for secret in settings.client_secrets]

    @override
    def receive(self, request: Request) -> Received:
        sdk = PATH.search(request.path)
        if request.method == "OPTIONS" and sdk:
            return Received(reply=Reply(200, b"", self._preflight()))
        if request.method != "POST":
            raise Refused("method", f"{request.method} is not answered here, only POST")
        origin = Origin(self._settings, self.instance, request.received_at, delivery_of(request.body))
        if sdk is None:
            return self._hook(request, origin)
        project, endpoint = sdk["project"], sdk["endpoint"]
        admit(request, endpoint, project, self._settings)
        project = str(int(project))
        read = read_envelope if endpoint == "envelope" else read_store
        received = read(request.body, origin, project)
        return _with_headers(received, self._cross_origin())

    @override
    def refuse(self, refused: Refused, request: Request | None) -> Reply:
        body = orjson.dumps({"detail": _storable(str(refused)), "causes": [refused.reason]})
        headers = {"content-type": _JSON}
        if request is not None and PATH.search(request.path):
            headers |= self._cross_origin()
        if refused.reason == "method":
            headers["allow"] = "POST, OPTIONS"
        return Reply(_STATUS[refused.reason], body, headers)

    @override
    def overloaded(self, retry_after_s: float, request: Request | None) -> Reply:
        """An SDK pauses for the whole seconds named and drops what it has (nothing an SDK is told makes it send again). For a webhook
        503 is the one answer after which any Sentry comes again (published integrations, three times); internal ones never do,
        which is why the door should queue rather than get here."""
        seconds = whole_seconds(retry_after_s)
        body = orjson.dumps({"detail": "overloaded, come again later", "causes": ["overloaded"]})
        headers = {"content-type": _JSON, "retry-after": seconds}
        if request is None or not PATH.search(request.path):
            return Reply(503, body, headers)
        limits = {"x-sentry-rate-limits": f"{seconds}::organization:overloaded"}
        return Reply(429, body, headers | limits | self._cross_origin())

    def _hook(self, request: Request, origin: Origin) -> Received:
        self._verify(request)
        self._check_age(request)
        resource = request.headers.get("sentry-hook-resource")
        if resource is None and looks_like_envelope(request.body):
            return read_envelope(request.body, origin, "")
        received = read_hook(request.body, resource, origin)
        if resource is None and "unknown_resource" in received.ignored:
            return read_store(request.body, origin, "")
        return received

    def _verify(self, request: Request) -> None:
        given = request.headers.get("sentry-hook-signature") or request.headers.get("sentry-app-signature")
        if not self._secrets:
            if not request.trusted:
                raise Refused(
                    "missing_signature",
                    "no client secret is configured to verify webhooks by; set `client_secrets` of this Sentry connector",
                )
        elif given is None:
            raise Refused("missing_signature", "the header Sentry-Hook-Signature is missing")
        elif not verify_hex(self._secrets, request.raw_body, given):
            raise Refused(
                "bad_signature",
                f"Sentry-Hook-Signature fits none of the {len(self._secrets)} configured client secrets; compare them with the integration's",
            )

    def _check_age(self, request: Request) -> None:
        limit = self._settings.max_age_s
        if limit is None:
            return
        given = request.headers.get("sentry-hook-timestamp", "")
        if not (given.isascii() and given.isdigit() and len(given) <= 12):
            raise Refused("expired", f"Sentry-Hook-Timestamp is {given[:40]!r}, expected seconds since 1970")
        age = request.received_at / SECOND - int(given)
        if abs(age) > limit:
            raise Refused("expired", f"the webhook is {age:.0f} s old, at most {limit:.0f} s are accepted (max_age_s)")

    def _cross_origin(self) -> dict[str, str]:
        return {
            "access-control-allow-origin": self._settings.allowed_origin,
            "access-control-expose-headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
            "cross-origin-resource-policy": "cross-origin",
        }

    def _preflight(self) -> dict[str, str]:
        return self._cross_origin() | {
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": _ALLOWED_HEADERS,
            "access-control-max-age": "3600",
        }


def _with_headers(received: Received, headers: Mapping[str, str]) -> Received:
    reply = Reply(received.reply.status, received.reply.body, {**received.reply.headers, **headers})
    return Received(
        received.signals,
        received.batches,
        received.poison,
        received.ignored,
        received.unknown_severities,
        reply,
    )


def _storable(message: str) -> str:
    return message.encode("utf-8", "replace").decode()
