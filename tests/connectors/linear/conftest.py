"""A Linear on loopback and the incident the tests speak of."""

from collections.abc import Iterator

import pytest

from connectors.linear.settings import LinearSettings
from schemas import ExternalRef, Incident, Link
from tests.support.linear_server import LinearServer

NOW = 1_795_248_000_000_000


@pytest.fixture
def server() -> Iterator[LinearServer]:
    """A fresh workspace for each test."""
    with LinearServer() as server:
        yield server


@pytest.fixture
def settings(server: LinearServer) -> LinearSettings:
    """Configured to act in it."""
    return LinearSettings.model_validate(
        {"api_key": server.api_key, "url": server.url, "team": "OPS", "labels": ["incident"], "close_on_resolve": True}
    )


@pytest.fixture
def incident() -> Incident:
    """Open, with two links."""
    return Incident(
        id="inc_0123456789abcdef",
        rule="errors",
        group={"service": "checkout"},
        group_id="grp_1",
        severity="error",
        title="Checkout returns 504",
        service="checkout",
        environment="production",
        first_seen=NOW,
        last_seen=NOW,
        opened_at=NOW,
        links=(
            Link(rel="source", url="https://sentry.example/issues/1", title="Sentry issue"),
            Link(rel="dashboard", url="https://grafana.example/d/1"),
        ),
    )


@pytest.fixture
def with_issue(incident: Incident) -> Incident:
    """The incident once its issue is open as OPS-1."""
    return incident.model_copy(update={"external": (ExternalRef(system="linear", kind="issue", id="OPS-1"),)})
