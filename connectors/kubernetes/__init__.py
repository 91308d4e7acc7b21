"""Kubernetes: objects, events, logs and rollouts read, nothing changed."""

from collections.abc import Sequence

from connectors.kubernetes.describe import KubernetesDescribe
from connectors.kubernetes.events import KubernetesEvents, KubernetesList
from connectors.kubernetes.logs import KubernetesLogs
from connectors.kubernetes.rollouts import KubernetesRollouts
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: KubernetesSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a cluster to ask."""
    kinds = (KubernetesDescribe, KubernetesEvents, KubernetesLogs, KubernetesRollouts, KubernetesList)
    return tuple(kind(settings) for kind in kinds) if settings.configured else ()


connector = Connector(
    name="kubernetes",
    summary="Objects, events, logs and rollouts of a cluster, read only",
    settings=KubernetesSettings,
    tools=tools,
)
