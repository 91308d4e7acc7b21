"""Silences over HTTP: `GET /api/v1/silences` and `POST /api/v1/silences/preview`; they are made and ended by commands."""

from collections.abc import Awaitable, Callable

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.ports.archive import Archive
from connectors.ports.journal import Journal
from rules.orders import Refused
from schemas.spans import parse_span
from tocsin import silences

Handler = Callable[[Request], Awaitable[Response]]


def routes(journal: Journal, archive: Archive, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
    """What to mount; `guarded` asks for the token."""

    async def listed(request: Request) -> Response:
        everything = request.query_params.get("all", "") not in ("", "0", "false")
        found = await silences.listed(journal, everything=everything)
        return _reply(200, [each.model_dump(mode="json", exclude_none=True) for each in found])

    async def preview(request: Request) -> Response:
        try:
            data = orjson.loads(await request.body())
            if not isinstance(data, dict):
                raise Refused(f"expected an object with 'matcher' or 'matchers', found {type(data).__name__}")
            given = data.pop("for", "24h")
            span = parse_span(given)
            found = await silences.previewed(archive, data, since=journal.now() - span, until=journal.now())
        except ValidationError as error:
            return _reply(400, {"error": f"times: {error.errors(include_url=False)[0]['msg']}"})
        except (Refused, ValueError) as error:
            return _reply(400, {"error": str(error)})
        return _reply(200, {"says": found.sentence(given), **silences.as_record(found).model_dump(mode="json")})

    return [
        Route("/api/v1/silences", guarded(listed)),
        Route("/api/v1/silences/preview", guarded(preview), methods=["POST"]),
    ]


def _reply(status: int, content: object) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
