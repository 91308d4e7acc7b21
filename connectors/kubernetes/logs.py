"""What containers printed, and what a workload ran before."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.kubernetes.cluster import Cluster, Thing
from connectors.kubernetes.objects import Container, containers_of, labels_of, named
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.asking import Window
from connectors.ports.inquiry import Parameters
from connectors.ports.loglines import Entry, LogFindings, findings, severity_in
from connectors.ports.reading import moment
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas import to_rfc3339

_PODS = 3


class PodLogsQuestion(Window):
    """Whose lines."""

    before_s: int = Field(default=3600, ge=0, le=7 * 86_400, description="Seconds before")
    after_s: int = Field(default=3600, ge=0, le=7 * 86_400, description="Seconds after; never past now")
    namespace: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the configured one"
    )
    pod: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the service's pods in trouble"
    )
    selector: str = Field(
        default="", max_length=500, description="Instead of a pod: pods with these labels, at most 3 of them"
    )
    container: str = Field(default="", max_length=253, description="Empty: every container of the pod")
    previous: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Lines of the container before its latest restart; auto: also those, when it restarted",
    )
    lines: int = Field(default=500, ge=1, le=2000, description="Lines read of each container, the latest")
    limit: int = Field(default=40, ge=0, le=200, description="Lines shown")


class KubernetesLogs(Tool):
    """Lines of containers."""

    name = "kubernetes.logs"
    description = "What the containers of a pod printed around the start of this incident, those before a restart included, and their patterns."
    arguments: type[BaseModel] = PodLogsQuestion
    result: type[BaseModel] = LogFindings
    deadline_s = 25.0
    max_bytes = 64_000

    def __init__(self, settings: KubernetesSettings) -> None:
        self._cluster = Cluster(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> LogFindings:
        assert isinstance(arguments, PodLogsQuestion)  # noqa: S101 - the caller validated against `arguments`
        namespace = self._cluster.namespace(arguments.namespace, context)
        since, until = arguments.span(context)
        pods = await self._pods(arguments, namespace, context)
        entries: list[Entry] = []
        failed: list[str] = []
        complete = True
        for pod in pods:
            service = (
                labels_of(pod).get("app") or labels_of(pod).get("app.kubernetes.io/name") or context.incident.service
            )
            for container, previous in _wanted(pod, arguments):
                parameters: Parameters = {
                    "container": container.name,
                    "timestamps": "true",
                    "tailLines": arguments.lines,
                    "limitBytes": 2_000_000,
                    "sinceTime": to_rfc3339(since)[:19] + "Z",
                    "previous": "true" if previous else "false",
                }
                try:
                    text = await self._cluster.log(namespace, named(pod), parameters)
                except ToolFailed as error:
                    failed.append(str(error))
                    continue
                found = list(_entries(text, since, service, f"{named(pod)}/{container.name}"))
                complete = complete and len(found) < arguments.lines
                entries += [each for each in found if each.at <= until]
        if failed and not entries:
            raise ToolFailed("; ".join(failed)[:1500])
        return findings(
            f"logs of {', '.join(named(each) for each in pods)} in {namespace!r}",
            entries,
            start=context.incident.first_seen,
            since=since,
            until=until,
            shown=arguments.limit,
            complete=complete,
            service=context.incident.service,
        )

    async def _pods(self, asked: PodLogsQuestion, namespace: str, context: ToolContext) -> list[Thing]:
        subject = self._cluster.subject(context)
        name = asked.pod or (subject[1] if subject is not None and subject[0] == "pod" and not asked.selector else "")
        if name:
            pod = await self._cluster.read("pod", namespace, name)
            if pod is None:
                raise ToolFailed(
                    f"there is no pod {name!r} in {namespace!r} (any more); ask by `selector`, or a log store"
                )
            return [pod]
        selector = asked.selector or self._cluster.selector(context)
        pods = await self._cluster.listed("pod", namespace, selector=selector)
        if not pods:
            raise ToolFailed(f"no pod in {namespace!r} has the labels {selector!r}")
        return sorted(pods, key=lambda pod: -sum(each.restarts for each in containers_of(pod)))[:_PODS]


def _wanted(pod: Thing, asked: PodLogsQuestion) -> Iterator[tuple[Container, bool]]:
    """(container, whether of its life before), the earlier life first."""
    known = containers_of(pod)
    chosen = [each for each in known if asked.container in ("", each.name)]
    if not chosen:
        raise ToolFailed(
            f"pod {named(pod)!r} has no container {asked.container!r}; it has {', '.join(each.name for each in known)}"
        )
    for each in chosen:
        if asked.previous == "yes" or (asked.previous == "auto" and each.restarts > 0):
            yield each, True
        if asked.previous != "yes":
            yield each, False


def _entries(text: str, since: int, service: str | None, name: str) -> Iterator[Entry]:
    """Lines begin with their time, as asked for; one that does not belongs to the time before it."""
    at = since
    for row in text.splitlines():
        stamp, _, said = row.partition(" ")
        found = moment(stamp) if stamp[:1].isdigit() and "T" in stamp else None
        at, said = (found, said) if found is not None else (at, row)
        if said.strip():
            yield Entry(at, said, severity_in(said, {}), service, name)
