"""What Kubernetes objects say, reduced to what helps: states, reasons, restarts, limits; never a variable's value or a secret.

https://kubernetes.io/docs/reference/kubernetes-api/
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from connectors.ports.asking import Answer
from connectors.ports.reading import line, mapping, moment, sequence
from schemas.time import SECOND

LABELS = 30


class Condition(Answer):
    """One condition of an object; `since` is when it became so."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: str | None = None


class Container(Answer):
    """One container of a pod; `last_*` tells how it ended before its latest restart."""

    name: str
    image: str
    ready: bool = False
    restarts: int = 0
    state: str = Field(default="unknown", description="waiting, running, terminated or unknown")
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: str | None = None
    last_reason: str = ""
    last_message: str = ""
    last_exit_code: int | None = None
    last_finished_at: str | None = None
    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)
    liveness: str = ""
    init: bool = False


class PodSeen(Answer):
    """One pod. `status` is what `kubectl get` would show: the reason of what is wrong, else the phase."""

    name: str
    namespace: str
    status: str
    ready: str = Field(description="Such as 1/2")
    restarts: int
    node: str = ""
    created_at: str | None = None
    owner: str = ""
    images: tuple[str, ...] = ()


class EventSeen(Answer):
    """One event, counted; `at` is when it happened last."""

    at: str
    after_start_s: float
    type: str
    reason: str
    object: str
    message: str
    count: int = 1
    first: str | None = None
    source: str = ""


def named(thing: Mapping[str, Any], key: str = "name", limit: int = 253) -> str:
    """A field of an object's metadata."""
    return line(mapping(thing.get("metadata")).get(key), limit)


def labels_of(thing: Mapping[str, Any]) -> dict[str, str]:
    """Labels, at most 30."""
    found = mapping(mapping(thing.get("metadata")).get("labels"))
    return {line(key, 100): line(value, 100) for key, value in list(found.items())[:LABELS]}


def owner_of(thing: Mapping[str, Any]) -> str:
    """`Kind/name` of what made it."""
    owners = sequence(mapping(thing.get("metadata")).get("ownerReferences"))
    first = mapping(owners[0]) if owners else {}
    return f"{line(first.get('kind'), 60)}/{line(first.get('name'), 253)}" if first else ""


def conditions_of(thing: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Its conditions, as they stand in its status."""
    return tuple(
        Condition(
            type=line(each.get("type"), 60),
            status=line(each.get("status"), 20),
            reason=line(each.get("reason"), 100),
            message=line(each.get("message"), 400),
            since=line(each.get("lastTransitionTime"), 40) or None,
        )
        for each in map(mapping, sequence(mapping(thing.get("status")).get("conditions")))
    )[:20]


def containers_of(pod: Mapping[str, Any]) -> tuple[Container, ...]:
    """Containers of a pod, those that begin it first, each with what its status says."""
    spec, status = mapping(pod.get("spec")), mapping(pod.get("status"))
    found: list[Container] = []
    for listed, told, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        states = {line(each.get("name")): each for each in map(mapping, sequence(status.get(told)))}
        found += [
            _container(each, states.get(line(each.get("name")), {}), init=init)
            for each in map(mapping, sequence(spec.get(listed)))
        ]
    return tuple(found[:20])


def _container(spec: Mapping[str, Any], status: Mapping[str, Any], *, init: bool) -> Container:
    state, now = _state(status.get("state"))
    _, last = _state(status.get("lastState"))
    resources = mapping(spec.get("resources"))
    return Container(
        name=line(spec.get("name"), 100),
        image=line(spec.get("image"), 300),
        ready=status.get("ready") is True,
        restarts=_count(status.get("restartCount")) or 0,
        state=state,
        reason=line(now.get("reason"), 100),
        message=line(now.get("message"), 600),
        exit_code=_count(now.get("exitCode")),
        started_at=line(now.get("startedAt"), 40) or None,
        last_reason=line(last.get("reason"), 100),
        last_message=line(last.get("message"), 600),
        last_exit_code=_count(last.get("exitCode")),
        last_finished_at=line(last.get("finishedAt"), 40) or None,
        requests={line(k, 40): line(v, 40) for k, v in mapping(resources.get("requests")).items()},
        limits={line(k, 40): line(v, 40) for k, v in mapping(resources.get("limits")).items()},
        liveness=_probe(mapping(spec.get("livenessProbe"))),
        init=init,
    )


def _state(value: Any) -> tuple[str, Mapping[str, Any]]:
    for name in ("waiting", "running", "terminated"):
        if name in mapping(value):
            return name, mapping(mapping(value)[name])
    return "unknown", {}


def _probe(probe: Mapping[str, Any]) -> str:
    if not probe:
        return ""
    http = mapping(probe.get("httpGet"))
    what = (
        f"http {line(http.get('path'), 100)} on {line(http.get('port'), 20)}"
        if http
        else "tcp"
        if "tcpSocket" in probe
        else "exec"
    )
    times = {
        "delay": "initialDelaySeconds",
        "timeout": "timeoutSeconds",
        "period": "periodSeconds",
        "failures": "failureThreshold",
    }
    told = " ".join(f"{name}={probe[key]}" for name, key in times.items() if isinstance(probe.get(key), int))
    return f"{what} {told}".strip()


def pod_seen(pod: Mapping[str, Any]) -> PodSeen:
    """A pod in one line."""
    containers = containers_of(pod)
    own = [each for each in containers if not each.init]
    return PodSeen(
        name=named(pod),
        namespace=named(pod, "namespace"),
        status=pod_status(pod, containers),
        ready=f"{sum(each.ready for each in own)}/{len(own)}",
        restarts=sum(each.restarts for each in containers),
        node=line(mapping(pod.get("spec")).get("nodeName"), 253),
        created_at=named(pod, "creationTimestamp") or None,
        owner=owner_of(pod),
        images=tuple(dict.fromkeys(each.image for each in own))[:5],
    )


def pod_status(pod: Mapping[str, Any], containers: tuple[Container, ...]) -> str:
    """The reason of what is wrong, else the phase."""
    status = mapping(pod.get("status"))
    if named(pod, "deletionTimestamp"):
        return "Terminating"
    for each in containers:
        ended_well = each.state == "terminated" and each.exit_code == 0
        if (
            each.state in ("waiting", "terminated")
            and not ended_well
            and each.reason not in ("", "PodInitializing", "ContainerCreating")
        ):
            return f"Init:{each.reason}" if each.init else each.reason
    return line(status.get("reason"), 60) or line(status.get("phase"), 40) or "Unknown"


def event_seen(event: Mapping[str, Any], start: int) -> tuple[int, EventSeen] | None:
    """(when it happened last, the event); None for one without a time."""
    series = mapping(event.get("series"))
    stamps = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
    )
    written = next((each for each in stamps if each), None) or named(event, "creationTimestamp")
    at = moment(written)
    if at is None:
        return None
    about = mapping(event.get("involvedObject"))
    return at, EventSeen(
        at=line(written, 40),
        after_start_s=round((at - start) / SECOND, 1),
        type=line(event.get("type"), 20) or "Normal",
        reason=line(event.get("reason"), 100),
        object=f"{line(about.get('kind'), 60)}/{line(about.get('name'), 253)}",
        message=line(event.get("message"), 600),
        count=_count(event.get("count")) or _count(series.get("count")) or 1,
        first=line(event.get("firstTimestamp"), 40) or None,
        source=line(mapping(event.get("source")).get("component") or event.get("reportingComponent"), 60),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
