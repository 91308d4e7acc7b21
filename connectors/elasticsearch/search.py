"""Log documents of Elasticsearch or OpenSearch by words, fields and time.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search (the part both share).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.elasticsearch.settings import ElasticsearchSettings
from connectors.ports.asking import Window
from connectors.ports.checkup import Doubtful
from connectors.ports.inquiry import Remote
from connectors.ports.loglines import Entry, LogFindings, findings, service_in, severity_in
from connectors.ports.reading import line, mapping, moment, number, sequence, text
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas import to_rfc3339
from schemas.severity import severity_of
from schemas.time import SECOND


class DocumentsQuestion(Window):
    """Which documents: all conditions must hold."""

    before_s: int = Field(default=900, ge=0, le=7 * 86_400, description="Seconds before")
    after_s: int = Field(default=900, ge=0, le=7 * 86_400, description="Seconds after; never past now")
    text: str = Field(
        default="",
        max_length=1000,
        description='Words that must be in the message; "..." for a phrase, - before what must not be',
    )
    service: str = Field(default="", max_length=200, description="Empty: the incident's own, if it has one; `*`: all")
    fields: dict[str, str] = Field(default_factory=dict, max_length=10, description="Fields with exactly these values")
    read: int = Field(default=500, ge=1, le=2000, description="Lines read and counted into patterns, the latest")
    limit: int = Field(default=30, ge=0, le=200, description="Lines shown")


async def answers(remote: Remote, index: str) -> str:
    """That the configured indices may be searched. Raises ToolFailed; Doubtful when there are none."""
    body = mapping(
        await remote.post(_path(index), {"size": 0, "terminate_after": 1, "query": {"match_all": {}}}, what=repr(index))
    )
    if not mapping(body.get("_shards")).get("total"):
        raise Doubtful(f"{remote.url} answers, and no index is called {index!r}", "correct elasticsearch.index")
    return f"{remote.url} answers for {index!r}"


class ElasticsearchSearch(Tool):
    """Lines by words and fields."""

    name = "elasticsearch.search"
    description = (
        "Log lines from Elasticsearch or OpenSearch around the start of this incident (by default of its service), by words and "
        "fields, and their patterns counted before and after the start."
    )
    arguments: type[BaseModel] = DocumentsQuestion
    result: type[BaseModel] = LogFindings
    deadline_s = 25.0
    max_bytes = 64_000

    def __init__(self, settings: ElasticsearchSettings) -> None:
        self._cluster = settings.cluster()
        self._settings = settings

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> LogFindings:
        assert isinstance(arguments, DocumentsQuestion)  # noqa: S101 - the caller validated against `arguments`
        since, until = arguments.span(context)
        service = arguments.service or context.incident.service or "*"
        fields = dict(arguments.fields) | ({} if service == "*" else {self._settings.service_field: service})
        asked = " ".join([*(f"{name}={value!r}" for name, value in fields.items()), repr(arguments.text)])
        body = mapping(
            await self._cluster.post(
                _path(self._settings.index),
                self._query(arguments, fields, since, until),
                what=f"{asked} in {self._settings.index!r}",
            )
        )
        failures = sequence(mapping(body.get("_shards")).get("failures"))
        hits = mapping(body.get("hits"))
        entries = list(self._entries(hits.get("hits")))
        if failures and not entries:
            reason = mapping(mapping(failures[0]).get("reason"))
            said = " ".join(line(reason.get(name), 400) for name in ("type", "reason"))
            raise ToolFailed(f"asked Elasticsearch for {asked}: no shard could answer: {said}")
        return findings(
            asked,
            entries,
            start=context.incident.first_seen,
            since=since,
            until=until,
            shown=arguments.limit,
            complete=len(entries) < arguments.read and not failures and not body.get("timed_out"),
            service=context.incident.service,
        )

    def _query(self, asked: DocumentsQuestion, fields: Mapping[str, str], since: int, until: int) -> dict[str, Any]:
        settings = self._settings
        window = {"gte": to_rfc3339(since), "lte": to_rfc3339(until), "format": "strict_date_optional_time"}
        conditions: list[dict[str, Any]] = [{"range": {settings.time_field: window}}]
        conditions += [{"term": {name: value}} for name, value in fields.items()]
        if asked.text:
            # Never a syntax error, no field names and no scripts: what cannot be understood is taken as words.
            words = {
                "query": asked.text,
                "fields": [settings.message_field, "body*"],
                "default_operator": "and",
                "lenient": True,
            }
            conditions.append({"simple_query_string": {**words, "flags": "PHRASE|NOT|AND|OR|WHITESPACE"}})
        return {
            "size": asked.read,
            "query": {"bool": {"filter": conditions}},
            "sort": [{settings.time_field: {"order": "desc", "unmapped_type": "date"}}],
            "timeout": f"{max(1, round(self._settings.deadline_s))}s",
        }

    def _entries(self, hits: object) -> Iterator[Entry]:
        settings = self._settings
        for hit in sequence(hits):
            source = mapping(mapping(hit).get("_source"))
            at = _at(_found(source, settings.time_field))
            said = (
                text(_found(source, settings.message_field))
                or text(_found(source, "body"))
                or text(_found(source, "body.text"))
            )
            if at is None:
                continue
            labels = {
                name: value
                for name in (settings.service_field, "service.name", "service", "kubernetes.container.name")
                if (value := text(_found(source, name), 200))
            }
            severity = severity_of(text(_found(source, settings.level_field), 40)) or severity_in(said, {})
            service = labels.get(settings.service_field) or service_in(labels)
            name = f"{line(mapping(hit).get('_index'), 120)}/{line(mapping(hit).get('_id'), 120)}"
            yield Entry(at, said or "(no message)", severity, service, name)


def _found(source: Mapping[str, Any], name: str) -> Any:
    """A field by its dotted name, flat or nested."""
    if name in source:
        return source[name]
    head, _, rest = name.partition(".")
    return _found(mapping(source.get(head)), rest) if rest else None


def _at(value: Any) -> int | None:
    """RFC 3339 text, or seconds or milliseconds since the epoch."""
    count = number(value)
    return round(count / 1000 * SECOND) if count is not None and count > 1e11 else moment(value)


def _path(index: str) -> str:
    return f"/{quote(index, safe='*,-_.:')}/_search?ignore_unavailable=true"
