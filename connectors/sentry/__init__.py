"""Sentry: its webhooks, what its SDKs send, and questions about one of its events."""

from connectors.ports.connector import Connector
from connectors.sentry.latest_event import LatestEventTool
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource

connector = Connector(
    name="sentry",
    summary="Hears Sentry's webhooks, and stock Sentry SDKs whose DSN points here.",
    settings=SentrySettings,
    source=SentrySource,
    tools=lambda _settings, _instance: (LatestEventTool(),),
    default=True,
)
