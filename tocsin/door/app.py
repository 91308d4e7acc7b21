"""One application out of two: ingest paths to the ingest door, everything else to the rest."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.door.asgi import IngestDoor, not_found
from tocsin.door.routes import RouteTable


def door(ingest: IngestDoor, rest_app: ASGIApp) -> ASGIApp:
    """The whole door. Starlette is not entered for an ingest request: that halves its cost."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ingest.claims(scope["path"]):
            await ingest(scope, receive, send)
        else:
            await rest_app(scope, receive, send)

    return app


def rest(routes: Sequence[BaseRoute], table: RouteTable) -> Starlette:
    """A Starlette application of these routes whose 404 says, as JSON, what there is."""
    paths = tuple(sorted(path for route in routes if (path := getattr(route, "path", ""))))

    async def missing(request: Request, _error: Exception) -> Response:
        reply = not_found(request.url.path, table, paths)
        return Response(reply.body, reply.status, dict(reply.headers))

    async def refused(request: Request, error: Exception) -> Response:
        headers = error.headers if isinstance(error, HTTPException) else None
        return JSONResponse({"error": f"{request.method} is not for {request.url.path}"}, 405, headers)

    return Starlette(routes=list(routes), exception_handlers={404: missing, 405: refused})
