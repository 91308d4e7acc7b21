"""Reading: any tool's answer, whatever its shape, as series, spans, log lines, commits, changes and statements."""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.evidence.fields import Row, number, workload
from processors.evidence.rows import dimensions, is_name, metric_name, of_row, series_of
from processors.evidence.texts import Lines
from processors.evidence.values import (
    ChangeRead,
    CommitRead,
    Edge,
    Gathered,
    Load,
    LogLine,
    PatternRead,
    Said,
    Series,
    Span,
)

MOST_NODES = 200_000
"""Objects, lists and values of one answer that are looked at."""
MOST_SAID = 3_000
_SERVICE_LABELS = (
    "service",
    "service_name",
    "app",
    "job",
    "deployment",
    "pod",
    "DBInstanceIdentifier",
    "instance",
    "host",
)


def read(cites: str, result: Any, about: str = "") -> Gathered:
    """Everything recognised in one answer. `about` says what was asked: the texts of the question."""
    reader = _Reader(cites)
    reader.walk(result, about)
    return reader.gathered()


def merged(parts: Sequence[Gathered]) -> Gathered:
    """All of them as one, in their order."""
    return Gathered(
        series=tuple(each for part in parts for each in part.series),
        logs=tuple(each for part in parts for each in part.logs),
        spans=tuple(each for part in parts for each in part.spans),
        edges=tuple(each for part in parts for each in part.edges),
        commits=tuple(each for part in parts for each in part.commits),
        changes=tuple(each for part in parts for each in part.changes),
        said=tuple(each for part in parts for each in part.said),
        patterns=tuple(each for part in parts for each in part.patterns),
    )


class _Reader:
    def __init__(self, cites: str) -> None:
        self.cites = cites
        self.left = MOST_NODES
        self.well = False
        self.series: list[Series] = []
        self.samples: dict[tuple[str | None, str], list[tuple[int, float]]] = {}
        self.logs: list[LogLine] = []
        self.spans: list[Span] = []
        self.edges: list[Edge] = []
        self.commits: dict[str, CommitRead] = {}
        self.changes: list[ChangeRead] = []
        self.said: list[Said] = []
        self.patterns: list[PatternRead] = []

    def gathered(self) -> Gathered:
        for (service, metric), points in self.samples.items():
            points.sort()
            times, values = tuple(at for at, _ in points), tuple(value for _, value in points)
            self.series.append(Series(service, metric, times, values, self.cites))
        return Gathered(
            tuple(self.series), tuple(self.logs), tuple(self.spans), tuple(self.edges),
            tuple(self.commits.values()), tuple(self.changes), tuple(self.said[:MOST_SAID]), tuple(self.patterns),
        )  # fmt: skip

    def walk(self, node: Any, about: str, name: str = "") -> None:
        self.left -= 1
        if self.left < 0:
            return
        if isinstance(node, Mapping):
            self._object(node, about, name)
        elif isinstance(node, (list, tuple)):
            for each in node:
                self.walk(each, about, name)
        elif isinstance(node, str):
            self._text(node, about, name)
        elif isinstance(node, (int, float)) and name:
            self._scalar(name, node, about)

    def _object(self, node: Mapping[str, Any], about: str, name: str) -> None:
        if self._edge(node) or self._sample(node) or self._series(node, name):
            return
        made = of_row(node, self.cites, about)
        match made:
            case Span():
                self.spans.append(made)
            case CommitRead():
                known = self.commits.get(made.sha)
                if known is None or len(made.diff) > len(known.diff):
                    self.commits[made.sha] = made
            case ChangeRead():
                self.changes.append(made)
            case LogLine():
                self.logs.append(made)
            case Said():
                self.said.append(made)
            case PatternRead():
                self.patterns.append(made)
            case _:
                named = " ".join(str(node[key]) for key in node if is_name(str(key)) and isinstance(node[key], str))
                within = f"{about} {named}".strip()[-400:]
                well, self.well = self.well, self.well or _is_well(node)
                for key, value in node.items():
                    self.walk(value, within, str(key))
                self.well = well

    def _series(self, node: Mapping[str, Any], name: str) -> bool:
        if not any(isinstance(value, list) for value in node.values()):
            return False
        found = series_of(node)
        if found is None:
            return False
        times, values, normal = found
        labels = dimensions(node)
        service = Row(node).service() or next((workload(labels[key]) for key in _SERVICE_LABELS if key in labels), None)
        metric = metric_name(node) or name or "value"
        unit = Row(node).text("unit", "stat")
        self.series.append(
            Series(service, metric, tuple(times), tuple(values), self.cites, unit, tuple(normal), labels)
        )
        return True

    def _sample(self, node: Mapping[str, Any]) -> bool:
        row = Row(node)
        metric, value = row.text("metric", "metricname", "name"), number(row.fields.get("value"))
        at = row.at()
        if not metric or value is None or at is None:
            return False
        self.samples.setdefault((row.service(), metric), []).append((at, value))
        return True

    def _edge(self, node: Mapping[str, Any]) -> bool:
        row = Row(node)
        caller, callee = row.text("caller", "client", "from"), row.text("callee", "server", "to")
        if not caller and not callee:
            return False
        before, during = _load(row.fields.get("before")), _load(row.fields.get("during"))
        if "operation" not in row.fields and before is None and during is None and not (caller and callee):
            return False
        self.edges.append(Edge(caller, callee, row.text("operation", "name"), self.cites, before, during))
        return True

    def _text(self, text: str, about: str, name: str) -> None:
        if "\n" not in text and len(text) < 400:
            if text.strip():
                self._scalar(name, text, about)
            return
        lines = Lines(text, self.cites, about)
        for row in lines.rows:
            self.walk(row, about)
        self.logs += lines.logs
        self.said += lines.said

    def _scalar(self, name: str, value: str | int | float, about: str) -> None:
        if isinstance(value, bool) or len(self.said) > MOST_SAID:
            return
        shown = f"{name}: {value}" if name else str(value)
        self.said.append(Said(shown, self.cites, about=about, level=-1 if self.well else 0, quote=str(value)))


def _is_well(node: Mapping[str, Any]) -> bool:
    """Whether an object says of itself that it is well: its texts then say what would be wrong if it were not."""
    state = Row(node).text("overallstate", "state", "status", "health")
    return state.lower() in ("ok", "healthy", "inactive", "normal", "passing", "green")


def _load(value: Any) -> Load | None:
    if not isinstance(value, Mapping):
        return None
    row = Row(value)
    count = row.number("count", "calls", "requests")
    if count is None:
        return None
    return Load(
        count=int(count),
        errors=int(row.number("errors", "failed") or 0),
        p50=row.number("p50ms", "p50", "medianms") or 0.0,
        p95=row.number("p95ms", "p95") or 0.0,
        own_p50=row.number("ownp50ms", "ownp50") or 0.0,
        way_p50=row.number("wayp50ms", "wayp50") or 0.0,
    )
