"""Sentry: its webhooks, what its SDKs send, and questions about one of its events."""

from collections.abc import Sequence

from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.sentry.asking.events import SentryEvent, SentryEvents, SentrySuspectCommits, SentryTags
from connectors.sentry.asking.issue import SentryIssue, SentrySearch
from connectors.sentry.asking.releases import SentryReleases
from connectors.sentry.latest_event import LatestEventTool
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource

_ASKING = (SentryIssue, SentrySearch, SentryEvents, SentryEvent, SentryTags, SentrySuspectCommits, SentryReleases)


def tools(settings: SentrySettings, _instance: str) -> Sequence[Tool]:
    """What the signals say, always; what Sentry says, where it may be asked."""
    may_ask = settings.auth_token is not None and settings.organization is not None
    return (LatestEventTool(), *(kind(settings) for kind in (_ASKING if may_ask else ())))


connector = Connector(
    name="sentry",
    summary="Hears Sentry's webhooks, and stock Sentry SDKs whose DSN points here; asks Sentry about issues.",
    settings=SentrySettings,
    source=SentrySource,
    tools=tools,
    default=True,
)
