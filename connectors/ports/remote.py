"""One request to a remote, and whether it happened: what an action must know before it tries again."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache

import httpx

from connectors.ports.action import OutcomeUnknown, Rejected, TryLater


async def post(
    url: str, content: bytes, headers: Mapping[str, str], *, deadline_s: float, check: str, read: bool = True
) -> httpx.Response:
    """The answer, whatever its status; redirects are not followed. Its body is there only with `read`.

    Each request has a connection of its own: an old idle connection that the remote closes while we write would look like an unknown
    outcome. Raises TryLater (it was certainly not sent), OutcomeUnknown (it went out and no answer came) and Rejected (it cannot be
    sent as it is; `check` names what to look at).
    """
    sent = False

    async def notice(event: str, _info: object) -> None:
        nonlocal sent
        sent = sent or event.endswith("send_request_headers.started")

    try:
        async with (
            asyncio.timeout(deadline_s),
            httpx.AsyncClient(verify=_trust(), timeout=deadline_s, follow_redirects=False) as http,
            http.stream("POST", url, content=content, headers=dict(headers), extensions={"trace": notice}) as response,
        ):
            if read:
                await response.aread()
            return response
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
        raise Rejected(f"not a request that can be sent ({type(error).__name__}): check {check}") from error
    except (httpx.TransportError, TimeoutError) as error:
        what = f"{type(error).__name__} at {url!r}: {error}"
        if sent:
            raise OutcomeUnknown(f"the request went out and no answer came: {what}") from error
        raise TryLater(f"the request could not be sent: {what}") from error


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()
