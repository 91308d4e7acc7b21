"""Log lines out of Loki, and the labels there are to ask by.

https://grafana.com/docs/loki/latest/reference/loki-http-api/
"""

from collections.abc import Iterator

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.loki.settings import LokiSettings
from connectors.ports.asking import Answer, Window
from connectors.ports.inquiry import Parameters, Remote, segment
from connectors.ports.loglines import Entry, LogFindings, findings, service_in, severity_in
from connectors.ports.placeholders import fill
from connectors.ports.reading import line, mapping, sequence, text
from connectors.ports.tool import Tool, ToolContext, ToolFailed

_NANO = 1_000


class LokiQuestion(Window):
    """Which lines."""

    before_s: int = Field(default=900, ge=0, le=7 * 86_400, description="Seconds before")
    after_s: int = Field(default=900, ge=0, le=7 * 86_400, description="Seconds after; never past now")
    query: str = Field(
        default="",
        max_length=4000,
        description='LogQL for lines such as {app="cart"} |= "timeout"; empty: the configured query for this incident\'s service',
    )
    contains: str = Field(default="", max_length=500, description="Only lines with this text; added to the query")
    read: int = Field(default=1000, ge=1, le=5000, description="Lines read and counted into patterns, the latest")
    limit: int = Field(default=30, ge=0, le=200, description="Lines shown")


class LokiQuery(Tool):
    """Lines by LogQL."""

    name = "loki.query"
    description = (
        "Log lines from Loki around the start of this incident, by LogQL (by default of its service), and their patterns counted "
        "before and after the start."
    )
    arguments: type[BaseModel] = LokiQuestion
    result: type[BaseModel] = LogFindings
    deadline_s = 25.0
    max_bytes = 64_000

    def __init__(self, settings: LokiSettings) -> None:
        self._remote = settings.remote("Loki")
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> LogFindings:
        assert isinstance(arguments, LokiQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        query = arguments.query or fill(self._settings.query, context.incident)
        if arguments.contains:
            query += f" |= {_quoted(arguments.contains)}"
        parameters: Parameters = {
            "query": query,
            "start": str(since * _NANO),
            "end": str(until * _NANO),
            "limit": arguments.read,
            "direction": "backward",
        }
        body = mapping(await self._remote.get("/loki/api/v1/query_range", parameters, what=f"{query!r}"))
        data = mapping(body.get("data"))
        if data.get("resultType") != "streams":
            raise ToolFailed(
                f"{query!r} gives {line(data.get('resultType'), 30)!r}, expected streams: ask for lines, without rate() or count_over_time()"
            )
        entries = list(_entries(data.get("result")))
        return findings(
            query,
            entries,
            start=context.incident.first_seen,
            since=since,
            until=until,
            shown=arguments.limit,
            complete=len(entries) < arguments.read,
            service=context.incident.service,
        )


def _entries(streams: object) -> Iterator[Entry]:
    for stream in sequence(streams):
        labels = {name: text(value, 200) for name, value in mapping(mapping(stream).get("stream")).items()}
        service = service_in(labels)
        for pair in sequence(mapping(stream).get("values")):
            if isinstance(pair, list) and len(pair) >= 2 and isinstance(pair[1], str) and str(pair[0]).isdecimal():
                own = {**labels, **(mapping(pair[2]) if len(pair) > 2 else {})}
                yield Entry(int(pair[0]) // _NANO, pair[1], severity_in(pair[1], own), service)


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


class LabelsQuestion(Window):
    """Of which label."""

    label: str = Field(
        default="", pattern=r"^[A-Za-z0-9_]{0,100}$", description="Values of this label; empty: names of labels"
    )
    contains: str = Field(default="", max_length=100, description="Only those that hold this text, in any case")


async def answers(remote: Remote) -> str:
    """That it may be asked for its labels. Raises ToolFailed."""
    body = mapping(await remote.get("/loki/api/v1/labels", what="labels"))
    return f"{remote.url} answers, {len(sequence(body.get('data')))} labels in the last hours"


class Labels(Answer):
    """Names, or values of one label; `total` before the limit of 200."""

    label: str
    values: tuple[str, ...]
    total: int


class LokiLabels(Tool):
    """Labels to ask by."""

    name = "loki.labels"
    description = (
        "Names of labels in Loki, or the values of one, around the start of this incident: what a query can select by."
    )
    arguments: type[BaseModel] = LabelsQuestion
    result: type[BaseModel] = Labels
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: LokiSettings) -> None:
        self._remote = settings.remote("Loki")

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Labels:
        assert isinstance(arguments, LabelsQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        path = f"/loki/api/v1/label/{segment(arguments.label)}/values" if arguments.label else "/loki/api/v1/labels"
        window = {"start": str(since * _NANO), "end": str(until * _NANO)}
        body = mapping(await self._remote.get(path, window, what=f"labels {arguments.label!r}"))
        wanted = [
            each[:200]
            for each in sequence(body.get("data"))
            if isinstance(each, str) and arguments.contains.casefold() in each.casefold()
        ]
        return Labels(label=arguments.label, values=tuple(wanted[:200]), total=len(wanted))
