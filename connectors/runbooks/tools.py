"""Runbooks searched for an incident, and one read whole."""

import asyncio
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.ports.asking import Answer, Question
from connectors.ports.texts import clipped
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from connectors.runbooks.sections import Section
from connectors.runbooks.settings import RunbooksSettings
from connectors.runbooks.shelf import Hit, Shelf, ranked
from schemas.document import near


class SearchQuestion(Question):
    """What for."""

    query: str = Field(
        default="", max_length=500, description="Words; empty: title, service, rule and alert name of this incident"
    )
    limit: int = Field(default=5, ge=1, le=20)
    characters: int = Field(default=1500, ge=100, le=8000, description="Shown of each section")


class SectionSeen(Answer):
    """A section that fits. `linked`: a link of the incident leads to its file."""

    file: str
    heading: str
    line: int
    score: float
    text: str
    complete: bool = Field(default=True, description="False: the text was cut; read the file with runbooks.read")
    linked: bool = False
    url: str | None = None


class Sections(Answer):
    """Sections, the best first, those the incident links to before the rest; `searched` there are."""

    query: str
    searched: int
    sections: tuple[SectionSeen, ...]


class RunbooksSearch(Tool):
    """Sections that fit."""

    name = "runbooks.search"
    description = "Sections of the team's runbooks that fit this incident, or some words: what to check and what to do, as people wrote it down."
    arguments: type[BaseModel] = SearchQuestion
    result: type[BaseModel] = Sections
    deadline_s = 10.0
    max_bytes = 64_000

    def __init__(self, settings: RunbooksSettings, shelf: Shelf) -> None:
        self._settings, self._shelf = settings, shelf

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Sections:
        assert isinstance(arguments, SearchQuestion)  # noqa: S101 - the caller validated against `arguments`
        query = arguments.query or _of(context)
        every = await asyncio.to_thread(self._shelf.sections)
        linked = frozenset() if arguments.query else _linked(context)
        hits = await asyncio.to_thread(ranked, every, query, len(every))
        first = [hit for hit in hits if PurePosixPath(hit.section.file).stem.casefold() in linked]
        if not first and linked:
            first = [Hit(each, 0.0) for each in every if PurePosixPath(each.file).stem.casefold() in linked]
        chosen = [*first, *(hit for hit in hits if hit not in first)][: arguments.limit]
        return Sections(
            query=query,
            searched=len(every),
            sections=tuple(
                SectionSeen(
                    file=hit.section.file,
                    heading=clipped(hit.section.heading, 200),
                    line=hit.section.line,
                    score=hit.score,
                    text=clipped(hit.section.text, arguments.characters),
                    complete=len(hit.section.text) <= arguments.characters,
                    linked=hit in first,
                    url=_url(self._settings, hit.section),
                )
                for hit in chosen
            ),
        )


class ReadQuestion(Question):
    """Which one."""

    file: str = Field(
        default="",
        max_length=500,
        description="As runbooks.search names it; empty: the one that fits this incident best",
    )
    heading: str = Field(default="", max_length=300, description="Only the sections whose heading holds this")


class Runbook(Answer):
    """A runbook, its headings and text."""

    file: str
    headings: tuple[str, ...]
    text: str
    url: str | None = None


class RunbooksRead(Tool):
    """One runbook."""

    name = "runbooks.read"
    description = "One of the team's runbooks in full, or the sections of it under one heading."
    arguments: type[BaseModel] = ReadQuestion
    result: type[BaseModel] = Runbook
    deadline_s = 10.0
    max_bytes = 64_000

    def __init__(self, settings: RunbooksSettings, shelf: Shelf) -> None:
        self._settings, self._shelf = settings, shelf

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Runbook:
        assert isinstance(arguments, ReadQuestion)  # noqa: S101 - the caller validated against `arguments`
        every = await asyncio.to_thread(self._shelf.sections)
        file = arguments.file
        if not file:
            best = await asyncio.to_thread(ranked, every, _of(context), 1)
            if not best:
                raise ToolFailed(f"no runbook fits {_of(context)!r}; name a `file`")
            file = best[0].section.file
        found = [each for each in every if each.file == file]
        if not found:
            raise ToolFailed(f"there is no runbook {file!r}{near(file, {each.file for each in every})}")
        headings = tuple(dict.fromkeys(clipped(each.heading, 200) for each in found))
        wanted = [each for each in found if arguments.heading.casefold() in each.heading.casefold()]
        if not wanted:
            raise ToolFailed(f"{file!r} has no heading with {arguments.heading!r}; it has {'; '.join(headings)[:1000]}")
        text = "\n\n".join(f"## {each.heading}\n\n{each.text}" for each in wanted)
        return Runbook(file=file, headings=headings[:100], text=text, url=_url(self._settings, found[0]))


def _of(context: ToolContext) -> str:
    """Words of an incident."""
    incident = context.incident
    labels = incident.labels
    named = [labels[name] for name in ("alertname", "monitor", "exception", "reason") if labels.get(name)]
    return clipped(" ".join([incident.title, incident.service or "", incident.rule, *named]).strip(), 500)


def _linked(context: ToolContext) -> frozenset[str]:
    """Last parts of the addresses of runbooks the incident links to, without their ending."""
    links = [*context.incident.links, *(link for signal in context.signals for link in signal.links)]
    parts = (PurePosixPath(urlsplit(link.url).path).stem.casefold() for link in links if link.rel == "runbook")
    return frozenset(part for part in parts if part)


def _url(settings: RunbooksSettings, section: Section) -> str | None:
    return f"{settings.url.rstrip('/')}/{quote(section.file)}" if settings.url else None
