"""Reading a cluster's interface: objects of a closed set of kinds, within the namespaces that are allowed."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.checkup import quick
from connectors.ports.inquiry import NotThere, Parameters, segment
from connectors.ports.placeholders import fill
from connectors.ports.reading import line, mapping, sequence
from connectors.ports.tool import ToolContext, ToolFailed

Kind = Literal[
    "pod", "deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob", "service", "node", "persistentvolumeclaim",
    "horizontalpodautoscaler", "ingress",
]  # fmt: skip
"""What can be looked at. Secrets and config maps are not among it."""

_PATHS: dict[Kind, str] = {
    "pod": "/api/v1/{}pods",
    "service": "/api/v1/{}services",
    "persistentvolumeclaim": "/api/v1/{}persistentvolumeclaims",
    "node": "/api/v1/nodes",
    "deployment": "/apis/apps/v1/{}deployments",
    "replicaset": "/apis/apps/v1/{}replicasets",
    "statefulset": "/apis/apps/v1/{}statefulsets",
    "daemonset": "/apis/apps/v1/{}daemonsets",
    "job": "/apis/batch/v1/{}jobs",
    "cronjob": "/apis/batch/v1/{}cronjobs",
    "horizontalpodautoscaler": "/apis/autoscaling/v2/{}horizontalpodautoscalers",
    "ingress": "/apis/networking.k8s.io/v1/{}ingresses",
}
_LABELLED: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("pod", ("pod", "pod_name", "kubernetes_pod_name")),
    ("deployment", ("deployment",)),
    ("statefulset", ("statefulset",)),
    ("daemonset", ("daemonset",)),
    ("job", ("job_name",)),
    ("cronjob", ("cronjob",)),
    ("horizontalpodautoscaler", ("horizontalpodautoscaler",)),
    ("persistentvolumeclaim", ("persistentvolumeclaim",)),
    ("node", ("node",)),
)
MOST = 200
Thing = Mapping[str, Any]


class Cluster:
    """Asks, within what the settings allow."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings = settings

    @property
    def everywhere(self) -> bool:
        """Whether all namespaces may be looked at."""
        return not self._settings.namespaces

    def namespace(self, asked: str, context: ToolContext) -> str:
        """The one asked for, else the incident's, else the configured one. Raises ToolFailed when it may not be looked at."""
        labels = _labels(context)
        name = asked or next((labels[key] for key in ("namespace", "kubernetes_namespace") if labels.get(key)), "")
        name = name or self._settings.namespace
        allowed = self._settings.namespaces
        if allowed and name not in allowed:
            raise ToolFailed(
                f"namespace {name!r} may not be looked at; kubernetes.namespaces allows {', '.join(allowed)}"
            )
        return name

    def subject(self, context: ToolContext) -> tuple[Kind, str] | None:
        """What the incident's labels name: the smallest thing first."""
        labels = _labels(context)
        for kind, names in _LABELLED:
            for name in names:
                if labels.get(name):
                    return kind, labels[name]
        return None

    def selector(self, context: ToolContext) -> str:
        """Label selector of the incident's service. Raises ToolFailed when it has none."""
        return fill(self._settings.selector, context.incident, how="plain")

    async def read(self, kind: Kind, namespace: str, name: str) -> Thing | None:
        """The object, or None when there is none of that name. Raises ToolFailed."""
        path = f"{self._path(kind, namespace)}/{segment(name)}"
        try:
            return mapping(await self._settings.api().get(path, what=f"{kind} {name!r} in {namespace!r}"))
        except NotThere:
            return None

    async def listed(
        self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "", limit: int = MOST
    ) -> Sequence[Thing]:
        """Objects of a kind, `namespace` empty for all namespaces. Raises ToolFailed."""
        if not namespace and self._settings.namespaces and kind != "node":
            raise ToolFailed(f"name one namespace of {', '.join(self._settings.namespaces)}")
        return await self._items(
            self._path(kind, namespace), selector, fields, limit, f"{kind}s {selector} in {namespace!r}"
        )

    async def events(self, namespace: str, fields: str = "", limit: int = 1000) -> Sequence[Thing]:
        """Events of a namespace, narrowed by fields of what they are about. Raises ToolFailed."""
        where = f"namespaces/{segment(namespace)}/" if namespace else ""
        return await self._items(f"/api/v1/{where}events", "", fields, limit, f"events {fields} in {namespace!r}")

    async def revisions(self, namespace: str, selector: str) -> Sequence[Thing]:
        """Controller revisions: how stateful sets and daemon sets remember. Raises ToolFailed."""
        path = f"/apis/apps/v1/namespaces/{segment(namespace)}/controllerrevisions"
        return await self._items(path, selector, "", MOST, f"controller revisions {selector} in {namespace!r}")

    async def log(self, namespace: str, pod: str, parameters: Parameters) -> str:
        """What a container of a pod printed. Raises ToolFailed."""
        path = f"/api/v1/namespaces/{segment(namespace)}/pods/{segment(pod)}/log"
        return await self._settings.api().text(
            path, parameters, what=f"logs of pod {pod!r} in {namespace!r}", accept="*/*"
        )

    async def _items(self, path: str, selector: str, fields: str, limit: int, what: str) -> Sequence[Thing]:
        parameters: Parameters = {"labelSelector": selector, "fieldSelector": fields, "limit": limit}
        body = mapping(await self._settings.api().get(path, parameters, what=what))
        return [each for each in sequence(body.get("items")) if isinstance(each, dict)]

    def _path(self, kind: Kind, namespace: str) -> str:
        return _PATHS[kind].format(f"namespaces/{segment(namespace)}/" if namespace else "")


async def answers(settings: KubernetesSettings) -> str:
    """Which version it is, and that pods may be read where it looks by default. Raises ToolFailed."""
    remote = quick(settings.api())
    version = line(mapping(await remote.get("/version", what="its version")).get("gitVersion"), 40)
    namespaces = settings.namespaces or (settings.namespace,)
    for namespace in namespaces[:5]:
        path = _PATHS["pod"].format(f"namespaces/{segment(namespace)}/")
        await remote.get(path, {"limit": 1}, what=f"pods in {namespace!r}")
    return f"{remote.url} answers, {version}; pods in {', '.join(namespaces[:5])} may be read"


def _labels(context: ToolContext) -> Mapping[str, str]:
    """Of the incident, and of its signals where it has none."""
    labels = dict(context.incident.labels)
    for signal in context.signals[:5]:
        for name, value in signal.labels.items():
            labels.setdefault(name, value)
    return labels
