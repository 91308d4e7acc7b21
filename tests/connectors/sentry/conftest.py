"""A configured Sentry source, and requests to it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.ports.source import Request
from connectors.sentry.settings import Project, SentrySettings
from connectors.sentry.source import SentrySource
from tests.support.requests import RECEIVED_AT

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def payloads() -> Path:
    return Path(__file__).parent / "payloads"


@pytest.fixture
def sentry() -> SentrySource:
    """Project 42 with a key, and no client secret."""
    return SentrySource(SentrySettings(projects={42: Project(keys=(KEY,))}), "default")


@pytest.fixture
def envelope() -> Callable[..., Request]:
    """A request to project 42 with its key: an envelope of (item header, payload) pairs, or ready bytes."""

    def build(
        *items: tuple[dict[str, object], bytes],
        body: bytes | None = None,
        header: object = None,
        path: str = "/api/42/envelope/",
    ) -> Request:
        if body is None:
            lines = [json.dumps(header or {"event_id": "a" * 32}).encode()]
            for item, payload in items:
                lines += [json.dumps(item).encode(), payload]
            body = b"\n".join(lines) + b"\n"
        headers = {"x-sentry-auth": f"Sentry sentry_key={KEY}, sentry_version=7"}
        return Request("POST", path, "", headers, body, body, RECEIVED_AT)

    return build
