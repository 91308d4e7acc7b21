"""What a receiver is told: `{type, timestamp, data}`, the same bytes on every attempt."""

from typing import Any

import orjson

from schemas import Incident


def encode(kind: str, timestamp: str, data: dict[str, Any]) -> bytes:
    """The payload as JSON, keys in a fixed order."""
    return orjson.dumps({"type": kind, "timestamp": timestamp, "data": data})


def dedup_key(incident: Incident) -> str:
    """What names this episode of the problem at the receiver; at most 255 characters."""
    return f"tocsin:{incident.group_id}:{incident.episode}"[:255]
