"""One object of the cluster with what belongs to it: pods, containers, conditions, events."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.kubernetes.cluster import Cluster, Kind, Thing
from connectors.kubernetes.objects import (
    Condition,
    Container,
    EventSeen,
    PodSeen,
    conditions_of,
    containers_of,
    event_seen,
    labels_of,
    named,
    owner_of,
    pod_seen,
)
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.reading import line, mapping, sequence
from connectors.ports.tool import Tool, ToolContext, ToolFailed

_HAVE_PODS = ("deployment", "replicaset", "statefulset", "daemonset", "job", "service")
_PODS = 30
_SPEC = (
    "replicas", "schedule", "suspend", "backoffLimit", "completions", "parallelism", "minReplicas", "maxReplicas", "nodeName",
    "unschedulable", "type", "storageClassName", "volumeName", "serviceAccountName", "restartPolicy", "priorityClassName", "nodeSelector",
)  # fmt: skip
_STATUS = (
    "phase", "reason", "message", "replicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "updatedReplicas",
    "observedGeneration", "currentReplicas", "desiredReplicas", "numberReady", "desiredNumberScheduled", "active", "succeeded", "failed",
    "lastScheduleTime", "lastSuccessfulTime", "startTime", "completionTime", "allocatable", "qosClass",
)  # fmt: skip


class DescribeQuestion(Question):
    """Which object; without a name the one this incident's labels name, else the pods of its service."""

    kind: Kind | None = None
    name: str = Field(default="", max_length=253)
    namespace: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the configured one"
    )
    selector: str = Field(
        default="", max_length=500, description="Instead of a name: pods with these labels, such as app=cart"
    )


class Described(Answer):
    """The object. `found` False: the cluster has none of that name. Of many pods the ones in trouble come first."""

    kind: str
    namespace: str
    name: str
    found: bool
    created_at: str | None = None
    owner: str = ""
    status: dict[str, str] = Field(default_factory=dict)
    spec: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    containers: tuple[Container, ...] = Field(default=(), description="Of the pod, or of the first pod in trouble")
    pods: tuple[PodSeen, ...] = ()
    pods_total: int = 0
    events: tuple[EventSeen, ...] = ()


class KubernetesDescribe(Tool):
    """One object and its surroundings."""

    name = "kubernetes.describe"
    description = (
        "Describes a pod, deployment, job, node or other object: status, conditions, containers with restarts, exit codes and limits, "
        "its pods and events. By default what this incident's labels name, else its service's pods."
    )
    arguments: type[BaseModel] = DescribeQuestion
    result: type[BaseModel] = Described
    deadline_s = 25.0
    max_bytes = 100_000

    def __init__(self, settings: KubernetesSettings) -> None:
        self._cluster = Cluster(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Described:
        assert isinstance(arguments, DescribeQuestion)  # noqa: S101 - the caller validated against `arguments`
        namespace = self._cluster.namespace(arguments.namespace, context)
        kind, name = arguments.kind or "pod", arguments.name
        if not name and not arguments.selector and (subject := self._cluster.subject(context)) is not None:
            kind, name = (arguments.kind or subject[0]), subject[1]
        if not name:
            selector = arguments.selector or self._cluster.selector(context)
            return await self._pods_alone(namespace, selector, context)
        thing = await self._cluster.read(kind, namespace, name)
        if thing is None:
            events = await self._events(namespace, kind, name, (), context)
            return Described(kind=kind, namespace=namespace, name=name, found=False, events=events)
        pods = [thing] if kind == "pod" else await self._pods_of(kind, namespace, thing)
        worst = _worst_first(pods)
        events = await self._events(
            namespace, kind, name, [named(each) for each in worst[:3] if kind != "pod"], context
        )
        spec, status = mapping(thing.get("spec")), mapping(thing.get("status"))
        return Described(
            kind=kind,
            namespace=named(thing, "namespace"),
            name=name,
            found=True,
            created_at=named(thing, "creationTimestamp") or None,
            owner=owner_of(thing),
            status=_told(status, _STATUS),
            spec=_told(spec, _SPEC),
            labels=labels_of(thing),
            conditions=conditions_of(thing),
            containers=containers_of(worst[0]) if worst else _planned(thing),
            pods=tuple(pod_seen(each) for each in worst[:_PODS]) if kind != "pod" else (),
            pods_total=len(pods) if kind != "pod" else 0,
            events=events,
        )

    async def _pods_alone(self, namespace: str, selector: str, context: ToolContext) -> Described:
        pods = await self._cluster.listed("pod", namespace, selector=selector)
        if not pods:
            raise ToolFailed(
                f"no pod in {namespace!r} has the labels {selector!r}; name a `kind` and `name`, or a `selector`"
            )
        worst = _worst_first(pods)
        return Described(
            kind="pod",
            namespace=namespace,
            name=selector,
            found=True,
            conditions=conditions_of(worst[0]),
            containers=containers_of(worst[0]),
            pods=tuple(pod_seen(each) for each in worst[:_PODS]),
            pods_total=len(pods),
            events=await self._events(namespace, "pod", "", [named(each) for each in worst[:3]], context),
        )

    async def _pods_of(self, kind: str, namespace: str, thing: Thing) -> Sequence[Thing]:
        if kind == "node":
            return (
                await self._cluster.listed("pod", "", fields=f"spec.nodeName={named(thing)}")
                if self._cluster.everywhere
                else ()
            )
        selected = mapping(thing.get("spec")).get("selector")
        labels = mapping(mapping(selected).get("matchLabels")) or (mapping(selected) if kind == "service" else {})
        if kind not in _HAVE_PODS or not labels:
            return ()
        selector = ",".join(f"{line(key, 100)}={line(value, 100)}" for key, value in labels.items())
        return await self._cluster.listed("pod", namespace, selector=selector)

    async def _events(
        self, namespace: str, kind: str, name: str, also: Sequence[str], context: ToolContext
    ) -> tuple[EventSeen, ...]:
        """The latest 30 of the object and the pods named. Nothing when the account may not read events."""
        fields = [f"involvedObject.name={each}" for each in (name, *also) if each]
        told = await asyncio.gather(
            *(self._cluster.events("" if kind == "node" else namespace, each) for each in fields),
            return_exceptions=True,
        )
        found = [pair for each in told if isinstance(each, list) for pair in _seen(each, context.incident.first_seen)]
        found.sort(key=lambda pair: pair[0])
        return tuple(event for _, event in found[-30:])


def _seen(events: Sequence[Mapping[str, Any]], start: int) -> list[tuple[int, EventSeen]]:
    return [found for each in events if (found := event_seen(each, start)) is not None]


def _worst_first(pods: Sequence[Thing]) -> list[Thing]:
    """Pods in trouble first, then by restarts."""

    def trouble(pod: Thing) -> tuple[bool, int, str]:
        seen = pod_seen(pod)
        ready, of = seen.ready.split("/")
        well = seen.status in ("Running", "Succeeded", "Completed") and (ready == of or seen.status != "Running")
        return well, -seen.restarts, seen.name

    return sorted(pods, key=trouble)


def _planned(thing: Thing) -> tuple[Container, ...]:
    """Containers of a template, when no pod was made of it."""
    template = mapping(mapping(thing.get("spec")).get("template")) or mapping(
        mapping(mapping(mapping(thing.get("spec")).get("jobTemplate")).get("spec")).get("template")
    )
    return containers_of(template) if template else ()


def _told(holder: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Those of the fields that are there, as text."""
    told: dict[str, str] = {}
    for name in names:
        value = holder.get(name)
        if isinstance(value, Mapping):
            told[name] = ", ".join(f"{line(key, 60)}={line(each, 60)}" for key, each in list(value.items())[:12])
        elif value is not None and not sequence(value):
            told[name] = line(value, 300)
    return told
