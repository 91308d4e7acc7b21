"""Linear's GraphQL interface: one request at a time, every answer told apart by what the caller must do.

Documents are constants of ours and values travel as variables, never inside the document. Error types follow linear/linear
`packages/sdk/src/error.ts`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from connectors.linear import documents
from connectors.linear.settings import LinearSettings
from connectors.ports.action import OutcomeUnknown, Rejected, TryLater
from connectors.ports.checkup import LOOK_S
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.remote import post
from connectors.ports.retry_after import LONGEST_S, retry_after_s
from connectors.ports.tool import ToolFailed
from schemas.time import SECOND

_RATE_LIMITED = frozenset(("ratelimited", "rate limited"))
_LATER = frozenset(("lock timeout",))
_NOT_LET_IN = frozenset(("authentication error", "forbidden"))
"""What a person mends, with another key or more rights: the request is as good as before."""
_UNKNOWN = frozenset(("internal error", "network error", "unknown", "bootstrap error"))


class LinearClient:
    """Talks to one workspace. Safe to use from many tasks and event loops; holds nothing open between requests."""

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()

    async def read(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of a query. Raises TryLater, Rejected; a lost answer is no more than TryLater, as nothing has happened."""
        try:
            return await self.write(document, variables)
        except OutcomeUnknown as error:
            raise TryLater(str(error)) from error

    async def write(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of a mutation. Raises TryLater when it certainly did not happen, Rejected, OutcomeUnknown."""
        credential = self._settings.credential()
        if credential is None:
            raise Rejected("no credential: set api_key or oauth_token for linear")
        headers = {"authorization": credential, "content-type": "application/json", "accept": "application/json"}
        content = orjson.dumps({"query": document, "variables": dict(variables)})
        settings = self._settings
        response = await post(
            settings.url, content, headers, deadline_s=settings.deadline_s, check="url and api_key for linear"
        )
        return self._judge(response)

    async def viewer(self) -> dict[str, str]:
        """Whom the credential belongs to: `id` (what `own_actor_ids` wants), `name`, `email`. Raises TryLater, Rejected."""
        found = (await self.read(documents.VIEWER, {}))["viewer"]
        return {name: str(found[name]) for name in ("id", "name", "email")}

    async def answers(self) -> str:
        """Whom the credential belongs to. Raises ToolFailed."""
        try:
            async with asyncio.timeout(LOOK_S):
                viewer = await self.viewer()
        except (TryLater, Rejected, TimeoutError, KeyError, TypeError) as error:
            raise ToolFailed(f"asked {self._settings.url!r} who we are: {error or 'no answer in time'}") from error
        return f"{self._settings.url} answers; we are {viewer['name']!r} ({viewer['id']})"

    def _judge(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            answer = None
        errors = answer.get("errors") if isinstance(answer, dict) else None
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
        if first is not None:
            self._raise(first, response)
        data = answer.get("data") if isinstance(answer, dict) else None
        if response.status_code == 200 and isinstance(data, dict):
            return data
        said = f"HTTP {response.status_code}: {response.text[:200]!r}"
        match response.status_code:
            case 429:
                raise TryLater(f"Linear limits the rate, {said}", self._wait(response))
            case 503:
                raise TryLater(f"Linear is not available, {said}", self._wait(response))
            case 401 | 403:
                raise TryLater(f"Linear let nobody in, {said}; check api_key (or oauth_token) of linear")
            case status if status >= 500 or status == 200:
                raise OutcomeUnknown(f"Linear gave no usable answer, {said}")
            case _:
                raise Rejected(f"Linear refused, {said}")

    def _raise(self, error: Mapping[str, Any], response: httpx.Response) -> None:
        given = error.get("extensions")
        extensions: Mapping[str, Any] = given if isinstance(given, dict) else {}
        kind = str(extensions.get("type") or extensions.get("code") or "unknown").lower().replace("_", " ")
        code = str(extensions.get("code") or "").upper()
        message = extensions.get("userPresentableMessage") or error.get("message") or kind
        said = f"Linear answered {kind!r}: {str(message)[:500]}"
        if kind in _RATE_LIMITED or code == "RATELIMITED" or response.status_code == 429:
            raise TryLater(said, self._wait(response))
        if kind in _LATER:
            raise TryLater(said, retry_after_s(response.headers.get("retry-after"), self._clock.now()))
        if kind in _NOT_LET_IN or response.status_code in (401, 403):
            raise TryLater(f"{said}; check api_key (or oauth_token) of linear, and what it may do")
        if kind in _UNKNOWN and response.status_code != 400:
            raise OutcomeUnknown(said)
        raise Rejected(said)

    def _wait(self, response: httpx.Response) -> float | None:
        """What the headers ask for: `retry-after`, else the reset of whichever limit is used up (epoch, ms or s)."""
        now = self._clock.now()
        if (asked := retry_after_s(response.headers.get("retry-after"), now)) is not None:
            return asked
        waits: list[float] = []
        for name in ("requests", "complexity", "endpoint-requests"):
            if response.headers.get(f"x-ratelimit-{name}-remaining", "0").strip() not in ("0", ""):
                continue
            try:
                reset = float(response.headers[f"x-ratelimit-{name}-reset"])
            except (KeyError, ValueError):
                continue
            seconds = reset / 1000 if reset > 1e11 else reset
            waits.append(min(max(seconds - now / SECOND, 0.0), LONGEST_S))
        return max(waits, default=None)
