"""Metrics by name: what a series measures, which way is bad, and where its ceiling is."""

import re
from typing import Literal

Kind = Literal[
    "errors", "latency", "availability", "traffic", "saturation", "expiry", "headroom", "lag", "limit", "other"
]

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("expiry", re.compile(r"expir|not_?after|cert.*(?:days|seconds)|days_?left|ttl_remaining", re.I)),
    ("lag", re.compile(r"\blag\b|_lag|lag_|ReplicaLag|backlog|behind|queue_?(?:depth|length|size)|DiskQueueDepth|pending|unacked", re.I)),
    ("availability", re.compile(r"ready|available_?replicas|replicas_?available|\bup\b|success|healthy|uptime|availability|hit_?ratio", re.I)),
    ("errors", re.compile(r"err|fail|5xx|4xx|fault|panic|exception|restart|reject|drop|abort|timeout|oom|crash|denied|throttl|retransm|dead_?letter", re.I)),
    ("limit", re.compile(r"(?:^|_)(?:max|limit|quota|capacity|desired|total_space)(?:_|$)|max_?conn|_max$|limit$", re.I)),
    ("latency", re.compile(r"latenc|duration|response_?time|wait|p9\d|p50|elapsed|_ms$|seconds_p|time_?ms", re.I)),
    ("headroom", re.compile(r"free|idle|remaining|available(?:_bytes|_memory|_space)|headroom|credit|FreeStorage|Freeable", re.I)),
    ("traffic", re.compile(r"req(?:uest)?s?_?(?:per|count|rate|total)|rps|qps|throughput|iops|_rate$|calls|connections_?new|messages_?in|bytes|packets|syscall", re.I)),
    ("saturation", re.compile(r"cpu|mem|heap|disk|storage|pct|percent|usage|util|in_?use|pool|conn|thread|fd|descriptor|saturat|load|swap|gc", re.I)),
)  # fmt: skip
_PERCENT = re.compile(r"pct|percent|utili[sz]ation|\(%\)|usage_?rate", re.I)
FULL = 88.0
"""Per cent of a resource from which it is called used up."""


def kind_of(metric: str) -> Kind:
    """The first kind whose words stand in the name."""
    return next((kind for kind, pattern in _KINDS if pattern.search(metric)), "other")


def is_bad(metric: str, *, up: bool) -> bool:
    """Whether moving that way hurts."""
    match kind_of(metric):
        case "errors" | "latency" | "lag" | "saturation":
            return up
        case "availability" | "headroom":
            return not up
        case "traffic" | "limit" | "expiry" | "other":
            return False


def is_percent(metric: str, unit: str) -> bool:
    """Whether its values are per cent of a whole."""
    return unit.lower() in ("percent", "%") or _PERCENT.search(metric) is not None
