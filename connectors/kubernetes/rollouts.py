"""What a workload ran before: its revisions, with images and when each came."""

from typing import Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import override

from connectors.kubernetes.cluster import Cluster, Thing
from connectors.kubernetes.objects import named
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.asking import Answer, Question
from connectors.ports.reading import line, mapping, moment, sequence
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas.time import SECOND

_ANNOTATION = "deployment.kubernetes.io/revision"
_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
_CAUSE = "kubernetes.io/change-cause"


class RolloutsQuestion(Question):
    """Of which workload; without a name those of the namespace that changed last."""

    kind: Literal["deployment", "statefulset", "daemonset"] = "deployment"
    name: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else every one of the namespace"
    )
    namespace: str = Field(
        default="", max_length=253, description="Empty: the incident's label, else the configured one"
    )
    limit: int = Field(default=20, ge=1, le=100)


class Revision(Answer):
    """A revision; `before_start_s` is negative for one that came after the incident's start. `changed` says what differs in it from
    the revision before: images, or that something else did."""

    workload: str
    revision: int
    at: str
    before_start_s: float
    current: bool
    images: tuple[str, ...]
    changed: str = ""
    cause: str = Field(default="", description="The annotation kubernetes.io/change-cause")
    ready: str = ""


class Rollouts(Answer):
    """Revisions, the latest first."""

    namespace: str
    revisions: tuple[Revision, ...]
    total: int


class KubernetesRollouts(Tool):
    """History of rollouts."""

    name = "kubernetes.rollouts"
    description = (
        "Rollout history of a deployment, stateful set or daemon set (or of all deployments of a namespace): revisions with images, "
        "when each came relative to the start of this incident, and what differs."
    )
    arguments: type[BaseModel] = RolloutsQuestion
    result: type[BaseModel] = Rollouts
    deadline_s = 20.0
    max_bytes = 64_000

    def __init__(self, settings: KubernetesSettings) -> None:
        self._cluster = Cluster(settings)

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> Rollouts:
        assert isinstance(arguments, RolloutsQuestion)  # noqa: S101 - the caller validated against `arguments`
        namespace = self._cluster.namespace(arguments.namespace, context)
        subject = self._cluster.subject(context)
        name = arguments.name or (subject[1] if subject is not None and subject[0] == arguments.kind else "")
        if arguments.kind == "deployment":
            kept = await self._cluster.listed("replicaset", namespace)
        else:
            kept = await self._cluster.revisions(namespace, "")
        wanted = _KINDS[arguments.kind]
        histories: dict[str, list[Thing]] = {}
        for each in kept:
            for owner in map(mapping, sequence(mapping(each.get("metadata")).get("ownerReferences"))):
                if owner.get("kind") == wanted and name in ("", owner.get("name")):
                    histories.setdefault(line(owner.get("name"), 253), []).append(each)
        if name and not histories:
            raise ToolFailed(
                f"no {arguments.kind} {name!r} in {namespace!r} has revisions; list them with kubernetes.list"
            )
        found = [
            revision
            for workload, things in histories.items()
            for revision in _history(workload, things, context.incident.first_seen)
        ]
        found.sort(key=lambda each: (each.before_start_s, each.workload))
        return Rollouts(namespace=namespace, revisions=tuple(found[: arguments.limit]), total=len(found))


def _history(workload: str, things: list[Thing], start: int) -> list[Revision]:
    """Revisions of one workload in order."""
    numbered = sorted(((_number(each), each) for each in things), key=lambda pair: pair[0])
    found: list[Revision] = []
    before: tuple[str, ...] | None = None
    for number, each in numbered:
        at = moment(named(each, "creationTimestamp"))
        images = _images(each)
        if at is None:
            continue
        changed = "" if before is None else ", ".join(f"image {new}" for new in images if new not in before)
        found.append(
            Revision(
                workload=workload,
                revision=number,
                at=named(each, "creationTimestamp"),
                before_start_s=round((start - at) / SECOND, 1),
                current=number == numbered[-1][0],
                images=images,
                changed=changed or ("" if before is None else "the template, not its images"),
                cause=line(mapping(mapping(each.get("metadata")).get("annotations")).get(_CAUSE), 300),
                ready=_ready(each),
            )
        )
        before = images
    return found


def _number(thing: Thing) -> int:
    said: Any = mapping(mapping(thing.get("metadata")).get("annotations")).get(_ANNOTATION, thing.get("revision", 0))
    return int(said) if str(said).isdecimal() else 0


def _images(thing: Thing) -> tuple[str, ...]:
    """Of the template: in the spec of a replica set, in the data of a controller revision."""
    holder = mapping(thing.get("spec")) or mapping(mapping(thing.get("data")).get("spec"))
    spec = mapping(mapping(holder.get("template")).get("spec"))
    return tuple(line(mapping(each).get("image"), 300) for each in sequence(spec.get("containers")))


def _ready(thing: Thing) -> str:
    status, spec = mapping(thing.get("status")), mapping(thing.get("spec"))
    desired = spec.get("replicas")
    return f"{status.get('readyReplicas') or 0}/{desired}" if isinstance(desired, int) else ""
