"""One question over HTTP to a remote that is only read: bounded in time and size, answered in JSON or text, or refused in words."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from connectors.ports.reading import Unreadable, lenient_json, line
from connectors.ports.tool import ToolFailed

Parameters = Mapping[str, str | int | float | Sequence[str]]
SAID = 500
"""Characters of a remote's complaint that are passed on."""


class NotThere(ToolFailed):
    """The remote answered that it has no such thing (404): that is an answer too, for a caller who can use it."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to ask, as whom. `headers` may hold secrets: they are sent and never shown. Redirects are not followed: a remote that
    sends elsewhere is answered with what it said, for whoever configured it to correct."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline_s: float = 15.0
    max_bytes: int = 8_000_000
    ca: Path | None = None
    certificate: tuple[str, str] | None = None
    """Files of a client certificate and its key."""
    verify: bool = True

    async def get(self, path: str, parameters: Parameters | None = None, *, what: str, accept: str = "") -> Any:
        """The JSON behind a path. `what` says for the error what was wanted. Raises ToolFailed."""
        return self._json(await self.send("GET", path, parameters, None, what, accept), what)

    async def post(self, path: str, body: Any, *, what: str) -> Any:
        """The JSON answer to a question too long for an address; nothing is changed by it. Raises ToolFailed."""
        return self._json(await self.send("POST", path, None, body, what, ""), what)

    async def ask_form(self, path: str, form: Parameters, *, what: str) -> Any:
        """As `post`, with a form as the body. Raises ToolFailed."""
        return self._json(await self.send("FORM", path, form, None, what, ""), what)

    async def text(self, path: str, parameters: Parameters | None = None, *, what: str, accept: str = "") -> str:
        """The text behind a path, undecodable bytes replaced. Raises ToolFailed."""
        found = await self.send("GET", path, parameters, None, what, accept)
        return found.decode("utf-8", "replace")

    async def send(
        self,
        method: Literal["GET", "POST", "FORM"],
        path: str,
        parameters: Parameters | None,
        body: Any,
        what: str,
        accept: str = "",
    ) -> bytes:
        """The bytes of a good answer: `parameters` go into the address of a GET and into the form of a FORM, `body` is the JSON of a
        POST. Raises ToolFailed."""
        address = self.url.rstrip("/") + path
        headers = {"accept": accept or "application/json", "user-agent": "tocsin", **self.headers}
        given = {name: value for name, value in (parameters or {}).items() if value not in ("", ())}
        asked = f"asked {self.name} for {what}: {'GET' if method == 'GET' else 'POST'} {address!r}"
        try:
            async with (
                asyncio.timeout(self.deadline_s),
                httpx.AsyncClient(verify=self._trust(), timeout=self.deadline_s, follow_redirects=False) as http,
                http.stream(
                    "GET" if method == "GET" else "POST",
                    address,
                    params=given if method == "GET" else None,
                    data=given if method == "FORM" else None,
                    json=body if method == "POST" else None,
                    headers=headers,
                ) as response,
            ):
                content = await self._content(response, asked)
        except TimeoutError as error:
            raise ToolFailed(f"{asked}: no answer within {self.deadline_s:g} s; narrow the question") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError, ssl.SSLError) as error:
            raise ToolFailed(f"{asked}: {type(error).__name__}: {error}"[:1500]) from error
        if response.is_success:
            return content
        kind = NotThere if response.status_code == 404 else ToolFailed
        raise kind(f"{asked}: {refusal(response, content)}")

    async def _content(self, response: httpx.Response, asked: str) -> bytes:
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > self.max_bytes:
                raise ToolFailed(f"{asked}: more than {self.max_bytes} bytes were answered; narrow the question")
        return bytes(read)

    def _json(self, content: bytes, what: str) -> Any:
        try:
            return lenient_json(content)
        except Unreadable as error:
            began = line(content[:120].decode("utf-8", "replace"))
            raise ToolFailed(
                f"asked {self.name} for {what}: {error}; expected JSON, found {began!r}: is {self.url!r} right?"
            ) from error

    def _trust(self) -> ssl.SSLContext:
        return _trust(self.verify, self.ca, self.certificate)


def refusal(response: httpx.Response, content: bytes) -> str:
    """What a remote said in refusing, with what to do about it where the status tells."""
    said = line(content.decode("utf-8", "replace"), SAID)
    advice = {
        301: "; redirects are not followed: configure the address it leads to",
        302: "; redirects are not followed: configure the address it leads to",
        307: "; redirects are not followed: configure the address it leads to",
        308: "; redirects are not followed: configure the address it leads to",
        401: "; check the configured credential",
        403: "; the configured credential may not read this",
        429: "; it limits the rate, ask less",
    }.get(response.status_code, "")
    if (wait := response.headers.get("retry-after")) is not None and response.status_code in (429, 503):
        advice += f" and not before {line(wait, 40)} s"
    if (target := response.headers.get("location")) is not None:
        advice += f" ({line(target, 200)!r})"
    return f"HTTP {response.status_code}: {said!r}{advice}"


def bearer(token: SecretStr | None) -> dict[str, str]:
    """The header of a bearer token, or none."""
    return {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}


def segment(value: str) -> str:
    """A value as one segment of a path, whatever stands in it: `/` and `..` lead nowhere else."""
    quoted = quote(value, safe="")
    return quoted.replace(".", "%2E") if not value.strip(".") else quoted


@cache
def _trust(verify: bool, ca: Path | None, certificate: tuple[str, str] | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca)) if ca is not None else httpx.create_ssl_context()
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
