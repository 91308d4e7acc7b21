"""A small API server: namespaces, label and field selectors, 404 and 403 as Kubernetes says them, logs with their options."""

from collections.abc import Mapping
from typing import Any

from schemas import to_rfc3339
from tests.support.api import Asked, Replied
from tests.support.checkout_story import START

TOKEN = "of-a-service-account"


def at(seconds: float) -> str:
    return to_rfc3339(START + round(seconds * 1_000_000))[:19] + "Z"


def meta(name: str, created: float = -9000, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", "creationTimestamp": at(created), **more}


def owned_by(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "controller": True}]


CRASHING = {
    "metadata": meta("cart-7f-x1", -540, labels={"app": "checkout"}, ownerReferences=owned_by("ReplicaSet", "cart-7f")),
    "spec": {
        "nodeName": "node-1",
        "containers": [
            {
                "name": "cart",
                "image": "shop/cart:2.4.1",
                "env": [{"name": "PASSWORD", "value": "hunter2"}],
                "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m"}},
                "livenessProbe": {"httpGet": {"path": "/ok", "port": 8080}, "timeoutSeconds": 1, "failureThreshold": 3},
            }
        ],
        "initContainers": [{"name": "migrate", "image": "shop/migrate:2"}],
    },
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "not ready: [cart]", "lastTransitionTime": at(0)}
        ],
        "initContainerStatuses": [
            {"name": "migrate", "ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
        ],
        "containerStatuses": [
            {
                "name": "cart",
                "ready": False,
                "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at(60)}},
            }
        ],
    },
}  # fmt: skip
HEALTHY = {
    "metadata": meta("cart-6c-y2", labels={"app": "checkout"}, ownerReferences=owned_by("ReplicaSet", "cart-6c")),
    "spec": {"nodeName": "node-2", "containers": [{"name": "cart", "image": "shop/cart:2.4.0"}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {"name": "cart", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": at(-8000)}}}
        ],
    },
}


def replica_set(name: str, revision: int, image: str, created: float, replicas: int, cause: str = "") -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": str(revision)} | (
        {"kubernetes.io/change-cause": cause} if cause else {}
    )
    template = {"spec": {"containers": [{"name": "cart", "image": image}]}}
    return {
        "metadata": meta(name, created, annotations=annotations, ownerReferences=owned_by("Deployment", "cart")),
        "spec": {"replicas": replicas, "template": template},
        "status": {"readyReplicas": 0},
    }


OBJECTS: dict[str, list[dict[str, Any]]] = {
    "pods": [HEALTHY, CRASHING],
    "deployments": [
        {
            "metadata": meta("cart", labels={"team": "shop"}),
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "checkout"}}},
            "status": {
                "replicas": 2,
                "readyReplicas": 1,
                "conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}],
            },
        }
    ],
    "replicasets": [
        replica_set("cart-6c", 9, "shop/cart:2.4.0", -86_400, 1),
        replica_set("cart-7f", 10, "shop/cart:2.4.1", -540, 1, "deploy 981"),
        replica_set("cart-5a", 11, "shop/cart:2.4.1", 300, 1),
    ],
    "controllerrevisions": [
        {
            "metadata": meta("db-1", -1000, ownerReferences=owned_by("StatefulSet", "db")),
            "revision": 1,
            "data": {"spec": {"template": {"spec": {"containers": [{"image": "postgres:15"}]}}}},
        }
    ],
    "nodes": [
        {"metadata": {"name": "node-1"}, "spec": {}, "status": {"allocatable": {"cpu": "2"}, "conditions": [{"type": "MemoryPressure", "status": "True"}]}}
    ],
}  # fmt: skip
EVENTS = [
    {"type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container", "count": 31,
     "involvedObject": {"kind": "Pod", "name": "cart-7f-x1"}, "firstTimestamp": at(-400), "lastTimestamp": at(30)},
    {"type": "Normal", "reason": "ScalingReplicaSet", "message": "Scaled up replica set cart-7f to 1",
     "involvedObject": {"kind": "Deployment", "name": "cart"}, "firstTimestamp": None, "eventTime": at(-541)},
    {"type": "Warning", "reason": "Evicted", "message": "long ago", "involvedObject": {"kind": "Pod", "name": "old"}, "lastTimestamp": at(-90_000)},
    {"type": "Normal", "reason": "Pulled", "message": "no time", "involvedObject": {"kind": "Pod", "name": "old"}},
]  # fmt: skip
PRINTED = {
    True: [(10, "fatal error: out of memory"), (11, "goroutine 1 [running]:")],
    False: [(70, "listening on :8080"), (80, "ERROR payment 3 failed")],
}


def answer(asked: Asked) -> Replied:
    """As the API server would."""
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return status(401, "Unauthorized", "Unauthorized")
    if asked.path == "/version":
        return Replied({"major": "1", "minor": "34", "gitVersion": "v1.34.2"})
    parts = asked.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces":
        if parts[1] != "shop":
            return status(
                403, "Forbidden", f'pods is forbidden: User "tocsin" cannot list in the namespace "{parts[1]}"'
            )
        parts = parts[2:]
    kind, rest = parts[0], parts[1:]
    if kind == "events":
        return listed(EVENTS, asked)
    things = OBJECTS.get(kind, [])
    if not rest:
        return listed(things, asked)
    found = next((each for each in things if each["metadata"]["name"] == rest[0]), None)
    if found is None:
        return status(404, "NotFound", f'{kind} "{rest[0]}" not found')
    return log(found, asked) if rest[1:] == ["log"] else Replied(found)


def listed(things: list[dict[str, Any]], asked: Asked) -> Replied:
    labels = dict(pair.split("=") for pair in asked.one("labelSelector").split(",") if pair)
    fields = dict(pair.split("=") for pair in asked.one("fieldSelector").split(",") if pair)
    return Replied(
        {
            "items": [
                each
                for each in things
                if labels.items() <= dict(each.get("metadata", {}).get("labels", {})).items()
                and all(_field(each, name) == value for name, value in fields.items())
            ]
        }
    )


def _field(thing: Mapping[str, Any], path: str) -> Any:
    for part in path.split("."):
        thing = thing.get(part, {})
    return thing


def log(pod: dict[str, Any], asked: Asked) -> Replied:
    assert asked.one("timestamps") == "true" and asked.one("container") in ("cart", "migrate")
    rows = PRINTED[asked.one("previous") == "true"] if asked.one("container") == "cart" else []
    text = "\n".join(f"{at(seconds)[:-1]}.123456789Z {line}" for seconds, line in rows[-int(asked.one("tailLines")) :])
    return Replied(text, headers={"content-type": "text/plain"})


def status(code: int, reason: str, message: str) -> Replied:
    return Replied({"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}, code)
