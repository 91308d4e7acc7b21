"""Placing: each alert joins the open incident that most speaks for it, or begins one.

Left to right, nothing of the future."""

import math
from collections.abc import Mapping
from typing import Any

from rules.correlation.background import background
from rules.correlation.graph import Graph
from rules.correlation.names import plain
from rules.correlation.values import Alert, Change, Placed, Reason, Weights
from schemas.time import SECOND

_SEP = "\x1f"


class Correlator:
    """Open incidents, and what was heard of each. `row` is all of it as plain JSON; what is restored from it decides alike."""

    def __init__(
        self, graph: Graph, weights: Weights | None = None, row: Mapping[str, Any] | None = None, *, most: int = 1000
    ) -> None:
        self._graph, self._weights, self._most = graph, weights or Weights(), most
        self._open: dict[str, dict[str, Any]] = {name: dict(one) for name, one in (row or {}).get("open", {}).items()}
        self._changes: list[list[Any]] = [list(one) for one in (row or {}).get("changes", ())]

    def row(self) -> dict[str, Any]:
        return {"open": self._open, "changes": self._changes}

    def changed(self, change: Change) -> None:
        """Remember a change: alerts after it, of what was changed or what suffers from it, are joined by it."""
        oldest = change.at - self._weights.change_s * SECOND
        kept = [one for one in self._changes if one[1] >= oldest]
        self._changes = [*kept[-self._most :], [change.id, change.at, plain(change.service)]]

    def place(self, alert: Alert) -> Placed:
        """Where the alert belongs. A new incident has the id of its first alert."""
        if alert.leave_out and (why := background(alert.name)):
            return Placed(alert.id, None, False, (Reason(0.0, why),))
        self._forget(alert.at)
        service, changes = plain(alert.service), self._before(alert)
        best, most, reasons = None, self._weights.enough, list[Reason]()
        for name, incident in self._open.items():
            found = self._speaking(incident, alert, service, changes)
            total = sum(reason.weight for reason in found)
            if total > most:
                best, most, reasons = name, total, found
        if best is None:
            self._open[alert.id] = {
                "start": alert.at, "last": alert.at, "same": {}, "services": {}, "labels": {}, "changes": [],
            }  # fmt: skip
        self._hear(self._open[best or alert.id], alert, service, changes)
        return Placed(alert.id, best or alert.id, best is not None, tuple(reasons))

    def _hear(self, incident: dict[str, Any], alert: Alert, service: str, changes: set[str]) -> None:
        incident["last"] = alert.at
        incident["same"][f"{alert.name}{_SEP}{service}"] = alert.at
        if service:
            incident["services"][service] = alert.at
        for label, value in alert.labels.items():
            incident["labels"].setdefault(label, {})[value] = alert.at
        incident["changes"] = sorted({*incident["changes"], *changes})[: self._most]

    def _forget(self, now: int) -> None:
        idle = self._weights.idle_s * SECOND
        for name in [name for name, one in self._open.items() if now - one["last"] > idle]:
            del self._open[name]
        while len(self._open) >= self._most:
            del self._open[min(self._open, key=lambda name: (self._open[name]["last"], name))]

    def _before(self, alert: Alert) -> set[str]:
        """The changes before an alert, of its service or of one from which it suffers."""
        service, since = plain(alert.service), alert.at - self._weights.change_s * SECOND
        return {
            name for name, at, changed in self._changes
            if since <= at <= alert.at and (changed == service or self._graph.suffers(changed, service) == 1)
        }  # fmt: skip

    def _speaking(self, incident: Mapping[str, Any], alert: Alert, service: str, changes: set[str]) -> list[Reason]:
        weights, now = self._weights, alert.at
        idle = max(0, now - incident["last"]) / SECOND
        found = [Reason(weights.time * math.exp(-idle / weights.time_s), f"{idle:.0f} s after its last alert")]
        same = incident["same"].get(f"{alert.name}{_SEP}{service}")
        heard = incident["services"].get(service) if service else None
        if same is not None:
            found.append(Reason(weights.same * _fading(now, same, weights.same_s), f"{alert.name} of it again"))
        elif heard is not None:
            found.append(Reason(weights.service * _fading(now, heard, weights.same_s), f"{alert.service} is of it"))
        if (near := self._nearest(incident, service, now)) is not None:
            found.append(near)
        found += self._labelled(incident, alert)
        if shared := sorted(changes & set(incident["changes"])):
            found.append(Reason(weights.change, f"both came after the change {shared[0]}"))
        late = (now - incident["start"]) / SECOND - weights.young_s
        if late > 0:
            found.append(Reason(-weights.age * late / weights.age_s, f"it began {late + weights.young_s:.0f} s ago"))
        return found

    def _nearest(self, incident: Mapping[str, Any], service: str, now: int) -> Reason | None:
        """The service of the incident that is nearest by the graph and was heard of last."""
        if not service or not self._graph:
            return None
        weights = self._weights
        shares = {1: 1.0, 2: weights.farther}
        scored = [
            (shares[steps] * _fading(now, at, weights.near_s), other, steps)
            for other, at in incident["services"].items()
            if other != service and (steps := self._graph.apart(service, other)) in shares
        ]
        if not scored:
            return None
        share, other, steps = max(scored)
        way = "next to" if steps == 1 else "two steps from"
        return Reason(weights.near * share, f"{service} is {way} {other}")

    def _labelled(self, incident: Mapping[str, Any], alert: Alert) -> list[Reason]:
        found: list[Reason] = []
        for label, value in sorted(alert.labels.items()):
            heard = incident["labels"].get(label)
            if not heard:
                continue
            sign = 1 if value in heard else -1
            verb = "shares" if sign > 0 else "does not share"
            found.append(Reason(sign * self._weights.label, f"{verb} {label} {value}"))
        return found


def _fading(now: int, then: int, over_s: int) -> float:
    return math.exp(-max(0, now - then) / SECOND / over_s)
