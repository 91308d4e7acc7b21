"""Who may send as an SDK: the project in the path, and the public key in up to three places that must agree.

Follows https://develop.sentry.dev/sdk/data-model/envelopes/#authentication: the header `X-Sentry-Auth` (python, go, raven), the query string
(node, browsers) and the `dsn` of the envelope's header (go). A public key is no secret, yet it is all that an SDK has.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.ports.reading import Unreadable
from connectors.ports.signature import equal_secrets
from connectors.ports.source import Refused, Request
from connectors.sentry.envelope import envelope_header
from connectors.sentry.settings import SentrySettings

PATH = re.compile(r"/api/(?P<project>[^/]+)/(?P<endpoint>envelope|store)/?$")
_KEY_IN_HEADER = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
_MAX_DIGITS = 18


def admit(request: Request, endpoint: str, project: str, settings: SentrySettings) -> None:
    """Return when the request may send to the project. Raises Refused: `unknown_project` or `unauthorised`."""
    if not (project.isascii() and project.isdigit() and len(project) <= _MAX_DIGITS):
        raise Refused(
            "unknown_project",
            f"the project {project[:40]!r} is not an integer; a DSN ends in one, such as http://KEY@HOST/42",
        )
    keys = _keys(request, endpoint, project)
    if len(set(keys.values())) > 1:
        raise Refused(
            "unauthorised", f"the keys in {' and '.join(keys)} differ; they must be the one public key of the DSN"
        )
    given = next(iter(keys.values()), None)
    configured = settings.projects.get(int(project))
    if configured is None or not configured.keys:
        _admit_unlisted(request, project, settings)
    elif given is None:
        raise Refused("unauthorised", f"no sentry_key in X-Sentry-Auth, query or envelope for project {project}")
    elif not equal_secrets(configured.keys, given):
        raise Refused("unauthorised", f"the key given is none of the {len(configured.keys)} of project {project}")


def _admit_unlisted(request: Request, project: str, settings: SentrySettings) -> None:
    if settings.accept_unknown_projects and request.trusted:
        return
    raise Refused(
        "unknown_project",
        f"project {project} has no keys configured; list it under `projects` of this Sentry connector",
    )


def _keys(request: Request, endpoint: str, project: str) -> Mapping[str, str]:
    """The key by where it stands, for the places that name one."""
    keys: dict[str, str] = {}
    header = request.headers.get("x-sentry-auth") or _legacy_header(request)
    in_header = _KEY_IN_HEADER.search(header)
    if in_header:
        keys["X-Sentry-Auth"] = in_header.group(1)
    in_query = _query(request).get("sentry_key")
    if in_query:
        keys["the query"] = in_query
    dsn = _dsn(request.body) if endpoint == "envelope" else None
    if dsn is not None:
        key, its_project = _read_dsn(dsn)
        if its_project != project:
            raise Refused(
                "unauthorised", f"the envelope's dsn is of project {its_project[:40]!r}, the path says {project!r}"
            )
        keys["the envelope's dsn"] = key
    return keys


def _legacy_header(request: Request) -> str:
    header = request.headers.get("authorization", "")
    return header if header.lower().startswith("sentry ") else ""


def _query(request: Request) -> Mapping[str, str]:
    try:
        parsed = parse_qs(request.query, max_num_fields=50)
    except ValueError as error:
        raise Refused("malformed", f"the query string cannot be read: {error}") from error
    if len(set(parsed.get("sentry_key", ()))) > 1:
        raise Refused("unauthorised", "the query names several keys; it must name the one public key of the DSN")
    return {name: values[0] for name, values in parsed.items()}


def _dsn(body: bytes) -> Any:
    try:
        header, _ = envelope_header(body)
    except Unreadable:
        return None
    return header.get("dsn")


def _read_dsn(dsn: object) -> tuple[str, str]:
    """Public key and project. Raises Refused when it is no DSN."""
    try:
        parts = urlsplit(dsn) if isinstance(dsn, str) else None
    except ValueError:
        parts = None
    if parts is None or not parts.username:
        raise Refused("unauthorised", "the envelope's dsn is not a DSN; expected http(s)://KEY@HOST/PROJECT")
    return parts.username, parts.path.rstrip("/").rpartition("/")[2]
