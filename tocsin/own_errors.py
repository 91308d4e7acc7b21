"""Tocsin's own errors, sent to the user's Sentry, and never to itself."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn, Dsn

from connectors.ports.clock import Clock
from connectors.ports.source import SELF_TAG

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "0.0.0.0"})  # noqa: S104 - compared with, never bound
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound
PER_HOUR = 60
"""Events sent at most within an hour: a fault that repeats must not become a storm at somebody else's door."""


def feeds_back(dsn: str, host: str, port: int) -> bool:
    """Whether a DSN leads to our own door. Where the door listens on every address, any name of this machine does."""
    target = urlsplit(dsn)
    name = target.hostname or ""
    if (target.port or {"http": 80, "https": 443}.get(target.scheme)) != port:
        return False
    both_loopback = name in LOOPBACK and host in LOOPBACK
    return name == host or both_loopback or (host in WILDCARDS and _is_of_this_machine(name, port))


def _is_of_this_machine(name: str, port: int) -> bool:
    """By trying to listen on what the name stands for, which only an address of this machine allows."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    for family, kind, protocol, _, address in found:
        with suppress(OSError), socket.socket(family, kind, protocol) as probe:
            probe.bind((address[0], 0))
            return True
    return False


class Budget:
    """At most `limit` events within any hour of the clock's monotonic time."""

    def __init__(self, clock: Clock, limit: int = PER_HOUR) -> None:
        self._clock = clock
        self._limit = limit
        self._sent: list[float] = []

    def take(self) -> bool:
        """Whether one more may go."""
        now = self._clock.monotonic()
        self._sent = [moment for moment in self._sent if now - moment < 3600]
        if len(self._sent) >= self._limit:
            return False
        self._sent.append(now)
        return True


def start_own_errors(dsn: str | None, *, host: str, port: int, version: str, clock: Clock) -> str | None:
    """Begin to report; returns why not, as a sentence, when it does not.

    Sends exceptions of the supervisor and logged errors with stack traces, without local variables, request bodies or user names:
    those may hold what the payloads held.
    """
    if not dsn:
        return "no telemetry.sentry_dsn is configured"
    try:
        Dsn(dsn)
    except (BadDsn, ValueError) as error:
        return f"telemetry.sentry_dsn is no DSN ({error}); expected http(s)://KEY@HOST/PROJECT"
    if feeds_back(dsn, host, port):
        return f"telemetry.sentry_dsn leads to Tocsin's own door at {host}:{port}; name another Sentry project"
    budget = Budget(clock)

    def before_send(event: Event, _hint: Hint) -> Event | None:
        return event if budget.take() else None

    sentry_sdk.init(
        dsn=dsn,
        release=f"tocsin@{version}",
        before_send=before_send,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(event_level=None)],
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
    )
    sentry_sdk.set_tag(SELF_TAG, "true")
    return None


def report(part: str, error: Exception) -> None:
    """One failure of a part; does nothing when reporting is off."""
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("part", part)
        scope.capture_exception(error)
