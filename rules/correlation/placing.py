"""Placing: each alert joins the open incident that most speaks for it, or begins one.

Left to right, nothing of the future."""

from collections.abc import Mapping
from typing import Any

from rules.correlation.background import background
from rules.correlation.gathered import Gathered, hear, nothing_yet
from rules.correlation.graph import Graph
from rules.correlation.names import plain
from rules.correlation.speaking import speaking
from rules.correlation.values import Alert, Change, Placed, Reason, Weights
from schemas.time import SECOND


class Correlator:
    """Open incidents, and what was heard of each. `row` is all of it as plain JSON; what is restored from it decides alike."""

    def __init__(
        self, graph: Graph, weights: Weights | None = None, row: Mapping[str, Any] | None = None, *, most: int = 1000
    ) -> None:
        self._graph, self._weights, self._most = graph, weights or Weights(), most
        self._open: dict[str, Gathered] = {name: dict(one) for name, one in (row or {}).get("open", {}).items()}
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
        changes = self._before(alert)
        best, most, reasons = None, self._weights.enough, list[Reason]()
        for name, incident in self._open.items():
            found = speaking(incident, alert, changes, self._graph.apart, self._weights)
            total = sum(reason.weight for reason in found)
            if total > most:
                best, most, reasons = name, total, found
        if best is None:
            self._open[alert.id] = nothing_yet(alert.at)
        hear(self._open[best or alert.id], alert, changes)
        return Placed(alert.id, best or alert.id, best is not None, tuple(reasons))

    def _forget(self, now: int) -> None:
        idle = self._weights.idle_s * SECOND
        for name in [name for name, one in self._open.items() if now - one["last"] > idle]:
            del self._open[name]
        while len(self._open) >= self._most:
            del self._open[min(self._open, key=lambda name: (self._open[name]["last"], name))]

    def _before(self, alert: Alert) -> dict[str, int]:
        """The changes before an alert, of its service or of one from which it suffers."""
        service, since = plain(alert.service), alert.at - self._weights.change_s * SECOND
        return {
            name: at for name, at, changed in self._changes
            if since <= at <= alert.at and (changed == service or self._graph.suffers(changed, service) == 1)
        }  # fmt: skip
