"""Kubernetes: objects, events, logs and rollouts read, nothing changed."""

from collections.abc import Sequence
from functools import partial

from connectors.kubernetes.cluster import answers
from connectors.kubernetes.describe import KubernetesDescribe
from connectors.kubernetes.events import KubernetesEvents, KubernetesList
from connectors.kubernetes.logs import KubernetesLogs
from connectors.kubernetes.rollouts import KubernetesRollouts
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.checkup import Checkup
from connectors.ports.connector import Connector
from connectors.ports.tool import Tool


def tools(settings: KubernetesSettings, _instance: str) -> Sequence[Tool]:
    """The tools, where there is a cluster to ask."""
    kinds = (KubernetesDescribe, KubernetesEvents, KubernetesLogs, KubernetesRollouts, KubernetesList)
    return tuple(kind(settings) for kind in kinds) if settings.configured else ()


def checkups(settings: KubernetesSettings, _instance: str) -> Sequence[Checkup]:
    """Whether it answers."""
    fix = "check where kubernetes points (url, kubeconfig, in_cluster), and that the account may get and list pods"
    return (Checkup("kubernetes", partial(answers, settings), fix),) if settings.configured else ()


connector = Connector(
    name="kubernetes",
    summary="Objects, events, logs and rollouts of a cluster, read only",
    settings=KubernetesSettings,
    tools=tools,
    checkups=checkups,
)
