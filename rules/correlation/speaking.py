"""All that speaks for an alert to be of an incident, or against it, with how much."""

import math
from collections.abc import Callable, Mapping

from rules.correlation.gathered import Gathered, same
from rules.correlation.names import plain
from rules.correlation.values import Alert, Reason, Weights
from schemas.time import SECOND

Apart = Callable[[str, str], int]
"""Steps between two services."""


def speaking(
    gathered: Gathered, alert: Alert, changes: Mapping[str, int], apart: Apart, weights: Weights
) -> list[Reason]:
    """Each thing that counts; `changes` are those before the alert."""
    now, service = alert.at, plain(alert.service)
    idle = max(0, now - gathered["last"]) / SECOND
    found = [Reason(weights.time * math.exp(-idle / weights.time_s), f"{idle:.0f} s after its last alert")]
    told = gathered["same"].get(same(alert))
    heard = gathered["services"].get(service) if service else None
    if told is not None:
        found.append(Reason(weights.same * _fading(now, told, weights.same_s), f"{alert.name} of it again"))
    elif heard is not None:
        found.append(Reason(weights.service * _fading(now, heard, weights.same_s), f"{alert.service} is of it"))
    if service and (near := _nearest(gathered, service, now, apart, weights)) is not None:
        found.append(near)
    found += _labelled(gathered, alert, weights)
    if shared := sorted(changes.keys() & gathered["changes"].keys()):
        found.append(Reason(weights.change, f"both came after the change {shared[0]}"))
    late = (now - gathered["start"]) / SECOND - weights.young_s
    if late > 0:
        found.append(Reason(-weights.age * late / weights.age_s, f"it began {late + weights.young_s:.0f} s ago"))
    return found


def _nearest(gathered: Gathered, service: str, now: int, apart: Apart, weights: Weights) -> Reason | None:
    """The neighbour of the incident that was heard of last."""
    near = [(at, other) for other, at in gathered["services"].items() if apart(service, other) == 1]
    if not near:
        return None
    at, other = max(near)
    return Reason(weights.near * _fading(now, at, weights.near_s), f"{service} is next to {other}")


def _labelled(gathered: Gathered, alert: Alert, weights: Weights) -> list[Reason]:
    found: list[Reason] = []
    for label, value in sorted(alert.labels.items()):
        heard = gathered["labels"].get(label)
        if heard:
            sign = 1 if value in heard else -1
            verb = "shares" if sign > 0 else "does not share"
            found.append(Reason(sign * weights.label, f"{verb} {label} {value}"))
    return found


def _fading(now: int, then: int, over_s: int) -> float:
    return math.exp(-max(0, now - then) / SECOND / over_s)
