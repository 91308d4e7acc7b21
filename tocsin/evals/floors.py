"""Floors: what simple rules without tuning reach on the cases handed out for development, to be printed beside a result.

They are those of the page that comes with the cases; on other cases of the same kinds they are near, not equal.
"""

from collections.abc import Mapping

FLOORS: Mapping[str, Mapping[str, tuple[float, str]]] = {
    "incidents": {
        "root cause": (0.25, "blame the last deploy of the service in error lines"),
        "decoys blamed": (0.75, "blame the last deploy of the service in error lines"),
        "synthetic": (0.333, "grep error lines"),
        "category": (0.75, "grep error lines"),
        "recorded tools": (0.545, "grep error lines"),
        "decision": (0.903, "grep error lines"),
        "false alarms": (0.5, "grep error lines"),
        "missed": (0.037, "grep error lines"),
    },
    "petshop": {"AC@1": (0.312, "graph traversal"), "AC@3": (0.75, "graph traversal"), "AC@5": (0.75, "graph traversal")},
    "nezha-ob": {"AC@1": (0.464, "median shift"), "AC@3": (0.75, "median shift")},
    "nezha-tt": {"AC@1": (0.087, "traces and logs"), "AC@3": (0.391, "traces and logs")},
    "itbench-root": {"AC@1": (0.773, "source of the topology"), "AC@3": (0.909, "source of the topology"), "MRR": (0.852, "source of the topology")},
    "itbench-storm": {
        "pairwise F1": (0.491, "180 s gap"),
        "background rejected": (0.366, "topology and time"),
        "real alerts kept": (0.991, "topology and time"),
    },
    "ait": {
        "phase_recall": (0.467, "burst or new type"),
        "precision": (0.707, "burst or new type"),
        "F1": (0.553, "burst or new type"),
        "per_day": (4.9, "burst or new type"),
    },
}  # fmt: skip
"""Suite and measure to (value, what reaches it)."""
