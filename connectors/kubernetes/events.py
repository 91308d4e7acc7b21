"""Events of a namespace, and objects of a kind in one line each."""

from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.kubernetes.cluster import Cluster, Kind
from connectors.kubernetes.objects import EventSeen, event_seen, labels_of, named, pod_seen
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.asking import Answer, Question, Window
from connectors.ports.reading import line, mapping, sequence
from connectors.ports.tool import Tool, ToolContext


class EventsQuestion(Window):
    """Which events."""

    before_s: int = Field(default=3600, ge=0, le=7 * 86_400, description="Seconds before")
    after_s: int = Field(default=3600, ge=0, le=7 * 86_400, description="Seconds after; never past now")
    namespace: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the configured one"
    )
    object: str = Field(default="", max_length=253, description="Only about things whose name begins so")
    warnings: bool = Field(default=False, description="Only those of type Warning")
    limit: int = Field(default=40, ge=1, le=200)


class Events(Answer):
    """Events in order of time, warnings kept first when there are more; the cluster forgets them after an hour by default."""

    namespace: str
    total: int
    events: tuple[EventSeen, ...]


class KubernetesEvents(Tool):
    """Events around the start."""

    name = "kubernetes.events"
    description = (
        "Events of a namespace around the start of this incident: scheduling, image pulls, probes, evictions, scaling."
    )
    arguments: type[BaseModel] = EventsQuestion
    result: type[BaseModel] = Events
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: KubernetesSettings) -> None:
        self._cluster = Cluster(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Events:
        assert isinstance(arguments, EventsQuestion)  # noqa: S101 - the caller validated against `arguments`
        namespace = self._cluster.namespace(arguments.namespace, context)
        since, until = arguments.span(context)
        every = await self._cluster.events(namespace, "type=Warning" if arguments.warnings else "")
        found = [pair for each in every if (pair := event_seen(each, context.incident.first_seen)) is not None]
        wanted = [
            (at, event)
            for at, event in found
            if since <= at <= until and event.object.partition("/")[2].startswith(arguments.object)
        ]
        kept = sorted(wanted, key=lambda pair: (pair[1].type != "Warning", -pair[0]))[: arguments.limit]
        return Events(
            namespace=namespace,
            total=len(wanted),
            events=tuple(event for _, event in sorted(kept, key=lambda pair: pair[0])),
        )


class ListQuestion(Question):
    """Of which kind, where."""

    kind: Kind = "pod"
    namespace: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the configured one"
    )
    selector: str = Field(default="", max_length=500, description="Only those with these labels, such as app=cart")
    limit: int = Field(default=60, ge=1, le=200)


class Row(Answer):
    """An object in one line."""

    name: str
    status: str
    ready: str = ""
    restarts: int = 0
    node: str = ""
    created_at: str | None = None
    images: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)


class Listing(Answer):
    """Objects of a kind."""

    kind: str
    namespace: str
    objects: tuple[Row, ...]
    total: int


class KubernetesList(Tool):
    """Objects of a kind."""

    name = "kubernetes.list"
    description = "Lists pods, deployments, jobs, nodes or other objects of a namespace with their state."
    arguments: type[BaseModel] = ListQuestion
    result: type[BaseModel] = Listing
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: KubernetesSettings) -> None:
        self._cluster = Cluster(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Listing:
        assert isinstance(arguments, ListQuestion)  # noqa: S101 - the caller validated against `arguments`
        namespace = "" if arguments.kind == "node" else self._cluster.namespace(arguments.namespace, context)
        found = await self._cluster.listed(arguments.kind, namespace, selector=arguments.selector)
        rows = [_pod(each) if arguments.kind == "pod" else _row(each) for each in found]
        return Listing(
            kind=arguments.kind, namespace=namespace, objects=tuple(rows[: arguments.limit]), total=len(rows)
        )


def _pod(pod: Any) -> Row:
    seen = pod_seen(pod)
    return Row(
        name=seen.name,
        status=seen.status,
        ready=seen.ready,
        restarts=seen.restarts,
        node=seen.node,
        created_at=seen.created_at,
        images=seen.images,
    )


def _row(thing: Any) -> Row:
    spec, status = mapping(thing.get("spec")), mapping(thing.get("status"))
    conditions = sequence(status.get("conditions"))
    true = [line(mapping(each).get("type"), 40) for each in conditions if mapping(each).get("status") == "True"]
    desired = spec.get("replicas", status.get("desiredNumberScheduled"))
    ready = status.get("readyReplicas", status.get("numberReady"))
    return Row(
        name=named(thing),
        status=line(status.get("phase"), 40) or ", ".join(true[:4]),
        ready=f"{ready or 0}/{desired}" if isinstance(desired, int) else "",
        created_at=named(thing, "creationTimestamp") or None,
        labels=dict(list(labels_of(thing).items())[:6]),
    )
