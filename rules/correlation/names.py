"""Names of services and alerts, made comparable."""

import re
from functools import lru_cache

_TAIL = re.compile(r"[-_]?(service|svc|v\d+)$")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=65536)
def plain(service: str) -> str:
    """`cart-service`, `CartService` and `cart-v2` are one service."""
    name = service.strip().lower()
    return re.sub(r"[-_]", "", _TAIL.sub("", name) or name)


@lru_cache(maxsize=65536)
def words(name: str) -> tuple[str, ...]:
    """The words of an alert's name: `KubePodCrashLooping` is kube, pod, crash, looping."""
    return tuple(word.lower() for word in _WORD.findall(name))
