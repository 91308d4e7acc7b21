"""A request to an address that is allowed, to see whether and how it answers."""

import asyncio
import ssl
from typing import Literal

import httpx
from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.http_probe import certificate
from connectors.http_probe.certificate import Certificate
from connectors.http_probe.guard import Guard, Place, Unresolved
from connectors.http_probe.settings import HttpProbeSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.reading import line
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext, ToolFailed

MOST_REDIRECTS = 5
Failure = Literal["none", "name", "refused", "timeout", "certificate", "tls", "protocol", "redirect", "status"]
_SHOWN = (
    "server",
    "content-type",
    "content-length",
    "retry-after",
    "location",
    "date",
    "cache-control",
    "age",
    "via",
    "x-request-id",
)


class ProbeQuestion(Question):
    """What to ask for."""

    url: str = Field(
        default="", max_length=2000, description="http or https; empty: the one configured for this incident's service"
    )
    method: Literal["GET", "HEAD"] = "GET"
    contains: str = Field(default="", max_length=500, description="Text the body should hold")
    body: int = Field(default=600, ge=0, le=5000, description="Characters of the body that are shown")


class Hop(Answer):
    """A redirect that was followed."""

    url: str
    status: int
    location: str


class Probed(Answer):
    """How it answered; not to answer is an answer too. `ok`: a status below 400, and the text if one was asked for."""

    url: str
    method: str
    ok: bool
    failure: Failure = "none"
    error: str = ""
    status: int | None = None
    address: str | None = None
    addresses: tuple[str, ...] = ()
    elapsed_ms: float
    redirects: tuple[Hop, ...] = ()
    contains: bool | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""
    body_bytes: int = 0
    body_complete: bool = True
    certificate: Certificate | None = None


class HttpProbe(Tool):
    """Asks one address."""

    name = "http.probe"
    description = (
        "Asks an HTTP address that is allowed (by default the one configured for this incident's service) whether and how it answers "
        "now: status, time, redirects, certificate with the days it has left, beginning of the body."
    )
    arguments: type[BaseModel] = ProbeQuestion
    result: type[BaseModel] = Probed
    deadline_s = 65.0
    max_bytes = 32_000

    def __init__(self, settings: HttpProbeSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._guard = Guard(settings)
        self._clock = clock or SystemClock()

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Probed:
        assert isinstance(arguments, ProbeQuestion)  # noqa: S101 - the caller validated against `arguments`
        url = arguments.url or self._settings.targets.get(context.incident.service or "", "")
        if not url:
            known = ", ".join(sorted(self._settings.targets)) or "none"
            raise ToolFailed(
                f"no address is configured for service {context.incident.service!r} (there is {known}); give a `url`"
            )
        begun = self._clock.monotonic()
        hops: list[Hop] = []
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                found = await self._follow(url, arguments, hops)
        except TimeoutError:
            found = _failed(url, arguments, "timeout", f"no whole answer within {self._settings.deadline_s:g} s")
        elapsed = round((self._clock.monotonic() - begun) * 1000, 1)
        return found.model_copy(update={"elapsed_ms": elapsed, "redirects": tuple(hops)})

    async def _follow(self, url: str, asked: ProbeQuestion, hops: list[Hop]) -> Probed:
        """Each place on the way is looked at as the first one was. Raises ToolFailed for a first one that may not be asked."""
        while True:
            try:
                place = await self._guard.place(url)
            except Unresolved as error:
                return _failed(url, asked, "name", str(error))
            except ToolFailed as error:
                if not hops:
                    raise
                return _failed(url, asked, "redirect", f"it leads to where no probe may go: {error}")
            found, target = await self._ask(place, asked)
            if target is None:
                return found
            if len(hops) == MOST_REDIRECTS:
                return _failed(url, asked, "redirect", f"more than {MOST_REDIRECTS} redirects")
            hops.append(Hop(url=url[:500], status=found.status or 0, location=target[:500]))
            url = target

    async def _ask(self, place: Place, asked: ProbeQuestion) -> tuple[Probed, str | None]:
        """The answer of the first address that takes the connection, and where it redirects to."""
        failed = _failed(place.url, asked, "refused", "no address")
        for address in place.addresses[:4]:
            try:
                return await self._request(place, place.at(address), asked, str(address))
            except httpx.ConnectError as error:
                failed = _failed(place.url, asked, _kind(error), line(str(error) or type(error).__name__, 500))
                if failed.failure == "certificate":
                    encoded = await certificate.shown_at(address, place.port, place.host)
                    shown = encoded and certificate.read(
                        encoded, trusted=False, fault=failed.error, now=self._clock.now()
                    )
                    failed = failed.model_copy(update={"certificate": shown or None})
                failed = failed.model_copy(update={"address": str(address)})
            except httpx.TimeoutException as error:
                failed = _failed(place.url, asked, "timeout", f"{type(error).__name__} at {address}")
            except (httpx.HTTPError, UnicodeError, ValueError) as error:
                failed = _failed(place.url, asked, "protocol", f"{type(error).__name__}: {error}"[:500])
        return failed.model_copy(update={"addresses": tuple(map(str, place.addresses))}), None

    async def _request(self, place: Place, url: str, asked: ProbeQuestion, address: str) -> tuple[Probed, str | None]:
        headers = {"host": place.authority, "user-agent": "tocsin-probe", "accept": "*/*"}
        settings = self._settings
        async with (
            # No proxy out of the environment: it would resolve the name again.
            httpx.AsyncClient(
                verify=self._trust(), trust_env=False, timeout=settings.deadline_s, follow_redirects=False
            ) as http,
            http.stream(asked.method, url, headers=headers, extensions={"sni_hostname": place.host}) as response,
        ):
            shown = self._certificate(response)
            content, complete = await self._body(response)
        text = content.decode("utf-8", "replace")
        holds = asked.contains in text if asked.contains else None
        location = response.headers.get("location") if response.is_redirect else None
        ok = response.status_code < 400 and holds is not False
        found = Probed(
            url=place.url[:500],
            method=asked.method,
            ok=ok,
            failure="none" if ok else "status",
            status=response.status_code,
            address=address,
            addresses=tuple(map(str, place.addresses)),
            elapsed_ms=0,
            contains=holds,
            headers={name: line(response.headers[name], 200) for name in _SHOWN if name in response.headers},
            body=clipped(text, asked.body) if asked.body else "",
            body_bytes=len(content),
            body_complete=complete,
            certificate=shown,
        )
        return found, str(httpx.URL(place.url).join(location)) if location else None

    async def _body(self, response: httpx.Response) -> tuple[bytes, bool]:
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > self._settings.max_body:
                return bytes(read[: self._settings.max_body]), False
        return bytes(read), True

    def _certificate(self, response: httpx.Response) -> Certificate | None:
        stream = response.extensions.get("network_stream")
        secured = stream.get_extra_info("ssl_object") if stream is not None else None
        encoded = secured.getpeercert(binary_form=True) if secured is not None else None
        return certificate.read(encoded, trusted=True, fault="", now=self._clock.now()) if encoded else None

    def _trust(self) -> ssl.SSLContext:
        file = self._settings.ca
        return ssl.create_default_context(cafile=str(file)) if file is not None else httpx.create_ssl_context()


def _failed(url: str, asked: ProbeQuestion, failure: Failure, error: str) -> Probed:
    return Probed(url=url[:500], method=asked.method, ok=False, failure=failure, error=error[:600], elapsed_ms=0)


def _kind(error: httpx.ConnectError) -> Failure:
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said:
        return "certificate"
    return "tls" if "SSL" in said or "TLS" in said else "refused"
