"""One organisation of a Sentry, read over its interface; and which issue a question is about.

https://docs.sentry.io/api/
"""

from typing import Any

from connectors.ports.checkup import quick
from connectors.ports.inquiry import Parameters, Remote, bearer, segment
from connectors.ports.reading import line, mapping
from connectors.ports.tool import ToolContext, ToolFailed
from connectors.sentry.settings import SentrySettings

ISSUE = r"^[A-Za-z0-9_-]{0,120}$"
"""A number, or a short id such as SHOP-1A2."""


class Organization:
    """Asks as the configured integration."""

    def __init__(self, settings: SentrySettings) -> None:
        """The settings name an organisation and a token."""
        self._root = f"/api/0/organizations/{segment(settings.organization or '')}"
        self._slug = settings.organization or ""
        self._remote = Remote(
            "Sentry",
            settings.api_url,
            bearer(settings.auth_token),
            deadline_s=settings.deadline_s,
            max_bytes=16_000_000,
        )

    async def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """The JSON behind a path of the organisation. Raises ToolFailed."""
        return await self._remote.get(f"{self._root}{path}", parameters, what=path.strip("/"))

    async def of_project(self, project: str, path: str) -> Any:
        """The JSON behind a path of one of its projects. Raises ToolFailed."""
        where = f"/api/0/projects/{segment(self._slug)}/{segment(project)}{path}"
        return await self._remote.get(where, what=f"{project}{path}".strip("/"))

    async def answers(self) -> str:
        """That its issues may be read. Raises ToolFailed."""
        await quick(self._remote).get(f"{self._root}/issues/", {"query": "", "limit": 1}, what="its issues")
        return f"{self._remote.url} answers; issues of {self._slug!r} may be read"

    async def issue_number(self, asked: str, context: ToolContext) -> str:
        """The issue's number: of the one asked for (a short id is looked up), else of the one behind the incident. Raises ToolFailed."""
        if asked.isdecimal():
            return asked
        if asked:
            found = mapping(await self.get(f"/shortids/{segment(asked)}/"))
            return line(found.get("groupId"), 40) or line(mapping(found.get("group")).get("id"), 40)
        own = issue_of(context)
        if own is None:
            raise ToolFailed(f"no signal of incident {context.incident.id} belongs to a Sentry issue; name an `issue`")
        return own


def issue_of(context: ToolContext) -> str | None:
    """Number of the Sentry issue behind an incident."""
    keys = [signal.group_key for signal in reversed(context.signals)] + list(context.incident.group.values())
    labels = [signal.labels.get("issue_id", "") for signal in reversed(context.signals) if signal.source == "sentry"]
    found = [key.removeprefix("sentry:issue:") for key in keys if key.startswith("sentry:issue:")]
    return next((each for each in (*found, *labels) if each.isdecimal()), None)
