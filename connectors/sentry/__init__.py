"""Sentry: its webhooks, what its SDKs send, and questions about one of its events."""

from collections.abc import Sequence

from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool
from connectors.sentry.asking.events import SentryEvent, SentryEvents, SentrySuspectCommits, SentryTags
from connectors.sentry.asking.issue import SentryIssue, SentrySearch
from connectors.sentry.asking.organization import Organization
from connectors.sentry.asking.releases import SentryReleases
from connectors.sentry.latest_event import LatestEventTool
from connectors.sentry.settings import SentrySettings
from connectors.sentry.source import SentrySource

_ASKING = (SentryIssue, SentrySearch, SentryEvents, SentryEvent, SentryTags, SentrySuspectCommits, SentryReleases)


def tools(settings: SentrySettings, _instance: str) -> Sequence[Tool]:
    """What the signals say, always; what Sentry says, where it may be asked."""
    return (LatestEventTool(), *(kind(settings) for kind in (_ASKING if _may_ask(settings) else ())))


def checkups(settings: SentrySettings, _instance: str) -> Sequence[Checkup]:
    """Whether Sentry answers, where it may be asked."""
    if not _may_ask(settings):
        return ()
    fix = "check sentry.organization, api_url and auth_token (it needs to read issues and events, projects, releases)"
    return (Checkup("sentry", Organization(settings).answers, fix),)


def _may_ask(settings: SentrySettings) -> bool:
    return settings.auth_token is not None and settings.organization is not None


connector = Connector(
    name="sentry",
    summary="Hears Sentry's webhooks, and stock Sentry SDKs whose DSN points here; asks Sentry about issues.",
    settings=SentrySettings,
    source=SentrySource,
    tools=tools,
    checkups=checkups,
    default=True,
)
