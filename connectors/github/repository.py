"""Reading one repository of GitHub's REST interface, and the shapes its tools share.

https://docs.github.com/en/rest (version 2022-11-28)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from connectors.github.settings import GithubSettings
from connectors.ports.asking import Answer
from connectors.ports.checkup import Doubtful, quick
from connectors.ports.inquiry import NotThere, Parameters
from connectors.ports.reading import line, mapping, moment, sequence, text, web_url
from connectors.ports.texts import clipped
from connectors.ports.tool import ToolContext, ToolFailed
from schemas.document import near
from schemas.time import SECOND, to_rfc3339

REVISION = r"^([0-9A-Za-z][\w./-]{0,199})?$"
REPOSITORY = "Service or OWNER/NAME of a configured repository; empty: the one of this incident's service"
FILES = 60
PATCHES = 24_000
"""Characters of patches that are shown, over all files."""


class CommitSeen(Answer):
    """One commit; `before_start_s` is negative for one after the start."""

    commit: str
    at: str
    before_start_s: float
    author: str
    title: str
    url: str | None = None


class FileChanged(Answer):
    """A changed file; `patch` is empty where it is not text or there was no room for it."""

    path: str
    status: str
    added: int
    removed: int
    moved_from: str | None = None
    patch: str = Field(default="", description="Unified diff")


class Repository:
    """One of the configured repositories, chosen for a question."""

    def __init__(self, settings: GithubSettings, asked: str, context: ToolContext) -> None:
        """Raises ToolFailed when there is none for it."""
        known = settings.repositories
        wanted = asked or context.incident.service or ""
        name = known.get(wanted) or (wanted if wanted in known.values() else None)
        if name is None and not asked and len(set(known.values())) == 1:
            name = next(iter(known.values()))
        if name is None:
            raise ToolFailed(
                f"no repository is configured for {wanted!r}{near(wanted, known)}; configured: {_listed(known)}"
            )
        self.name = name
        self._api = settings.api()
        self._start = context.incident.first_seen

    async def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """The JSON behind a path of the repository. Raises ToolFailed."""
        return await self._api.get(f"/repos/{self.name}{path}", parameters, what=f"{self.name}{path}")

    def before_start_s(self, written: Any) -> float | None:
        """Seconds from a moment to the incident's start; None for no moment."""
        at = moment(written)
        return None if at is None else round((self._start - at) / SECOND, 1)

    def window(self, days: float, after_h: float) -> tuple[str, str]:
        """(since, until) around the start, as GitHub takes them."""
        since = max(0, self._start - round(days * 86_400) * SECOND)
        return to_rfc3339(since)[:19] + "Z", to_rfc3339(self._start + round(after_h * 3600) * SECOND)[:19] + "Z"

    def commits(self, listed: Any) -> tuple[CommitSeen, ...]:
        """Commits as GitHub lists them; one without a moment is left out."""
        found: list[CommitSeen] = []
        for each in map(mapping, sequence(listed)):
            commit = mapping(each.get("commit"))
            at = mapping(commit.get("committer")).get("date")
            distance = self.before_start_s(at)
            if distance is not None:
                found.append(
                    CommitSeen(
                        commit=line(each.get("sha"), 64),
                        at=line(at, 40),
                        before_start_s=distance,
                        author=line(mapping(commit.get("author")).get("name"), 100),
                        title=line(text(commit.get("message")).split("\n", 1)[0], 200),
                        url=web_url(each.get("html_url")),
                    )
                )
        return tuple(found)


async def answers(settings: GithubSettings) -> str:
    """Which repositories may be read, and how much may be asked in an hour (which is not counted). Raises ToolFailed, Doubtful."""
    remote = quick(settings.api())
    names = sorted(set(settings.repositories.values()))
    for name in names[:5]:
        await remote.get(f"/repos/{name}", what=name)
    try:
        limits = mapping(await remote.get("/rate_limit", what="limits"))
    except NotThere:  # an enterprise server without limits
        return f"{remote.url} answers for {', '.join(names[:5])}"
    core = mapping(mapping(limits.get("resources")).get("core"))
    found = f"{remote.url} answers for {', '.join(names[:5])}; {core.get('remaining')} of {core.get('limit')} questions are left this hour"
    if settings.token is None:
        raise Doubtful(found, "set github.token: without it GitHub answers few questions")
    return found


def files_changed(listed: Any) -> tuple[FileChanged, ...]:
    """Files as GitHub lists them, patches as far as there is room."""
    room = PATCHES
    found: list[FileChanged] = []
    for each in [mapping(one) for one in sequence(listed)][:FILES]:
        patch = text(each.get("patch"), 200_000)
        shown = patch if len(patch) <= room else clipped(patch, max(1, room)) if room > 500 else ""
        room -= len(shown)
        found.append(
            FileChanged(
                path=line(each.get("filename"), 300),
                status=line(each.get("status"), 20),
                added=_count(each.get("additions")),
                removed=_count(each.get("deletions")),
                moved_from=line(each.get("previous_filename"), 300) or None,
                patch=shown,
            )
        )
    return tuple(found)


def login(user: Any) -> str:
    """Name of an account."""
    return line(mapping(user).get("login"), 100)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _listed(known: Mapping[str, str]) -> str:
    pairs: Sequence[str] = [f"{service} ({name})" for service, name in sorted(known.items())]
    return ", ".join(pairs) or "none"
