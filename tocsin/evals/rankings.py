"""The suites `petshop`, `nezha-ob` and `nezha-tt`: metrics beside healthy ones, the graph of calls, traces and logs of two windows."""

import csv
import io
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from connectors.ports.tool import Tool
from processors.evidence.fields import rank_of, unwrapped, workload
from processors.evidence.moments import moment
from processors.evidence.templates import templates
from processors.evidence.traces import compared
from processors.evidence.values import LogLine, Span
from schemas import to_rfc3339
from schemas.time import SECOND
from tocsin.evals.cases import Case, text_of
from tocsin.evals.prepared import Prepared, prepared
from tocsin.evals.recorded import RecordedTool

STEP_S = {"petshop": 300, "nezha-ob": 60, "nezha-tt": 60}
START = 1_700_000_000 * SECOND
"""When the time of trouble begins where a case does not say."""
_RANKS = {2: "info", 3: "warning", 4: "error", 5: "critical"}


def prepare(case: Case) -> Prepared:
    """An alert about what suffers, and tools for metrics, the graph, traces and logs."""
    start = moment(str(case.input.get("alert_time", ""))) or START
    target = case.input.get("target") or {}
    service, metric = target.get("service"), str(target.get("metric", "")).replace("|", " ")
    title = f"{metric} of {service} is not as usual" if service else "requests fail or are slow"
    alert: dict[str, Any] = {"title": title, "severity": "critical", "timestamp": to_rfc3339(start)}
    alert |= {"service": service, "metric": metric} if service else {}
    tools: list[Tool] = [
        RecordedTool(
            "metrics.compare", "Metrics of all services, now and as they were while healthy.", _metrics(case, start)
        ),
    ]
    if case.input.get("graph"):
        edges = [{"caller": caller, "callee": callee} for caller, callee in case.input["graph"]]
        tools.append(RecordedTool("topology.calls", "Which service calls which.", {"calls": edges}))
    files = case.input.get("files") or {}
    if any(files.get("trace", {}).values()):
        tools.append(
            RecordedTool("traces.compare", "Calls before the trouble and during it, with their times.", _traces(case))
        )
    if any(files.get("log", {}).values()):
        tools.append(RecordedTool("logs.compare", "Log patterns before the trouble and during it.", _logs(case)))
    return prepared(alert, tools, at=start + 600 * SECOND)


def _metrics(case: Case, start: int) -> dict[str, Any]:
    step = STEP_S[case.suite]
    usual = _normal(case.folder / case.input["normal_ref"]) if "normal_ref" in case.input else {}
    rows: list[dict[str, Any]] = []
    for name, values in case.input["series"].items():
        service, _, metric = name.partition("|")
        now = values.get("abnormal", [])
        rows.append(
            {
                "service": service,
                "metric": metric.replace("|", " "),
                "start": start // SECOND,
                "step": step,
                "values": now,
                "normal": [value for value in values.get("normal") or usual.get(name, []) if value is not None],
            }
        )
    return {"series": rows}


@lru_cache(maxsize=4)
def _normal(path: Path) -> dict[str, list[float | None]]:
    read: dict[str, list[float | None]] = json.loads(text_of(path))
    return read


def _traces(case: Case) -> dict[str, Any]:
    files = case.input["files"]["trace"]
    edges = compared(list(_spans(case, files["before"])), list(_spans(case, files["during"])), "")
    return {
        "calls": [
            {
                "caller": edge.caller,
                "callee": edge.callee,
                "operation": edge.operation,
                "before": _load(edge.before),
                "during": _load(edge.during),
            }
            for edge in edges
        ]
    }


def _load(load: Any) -> dict[str, Any] | None:
    if load is None:
        return None
    return {
        "count": load.count, "errors": load.errors, "p50_ms": load.p50, "p95_ms": load.p95, "own_p50_ms": load.own_p50, "way_p50_ms": load.way_p50,
    }  # fmt: skip


def _spans(case: Case, names: list[str]) -> Iterator[Span]:
    for name in names:
        for row in csv.DictReader(io.StringIO(text_of(case.folder / name))):
            begin, end = int(row["StartTimeUnixNano"]), int(row["EndTimeUnixNano"])
            parent = None if row["ParentID"] in ("root", "") else row["ParentID"]
            yield Span(
                row["TraceID"], row["SpanID"], parent, workload(row["PodName"]), row["OperationName"], begin // 1000, (end - begin) / 1e6, False, ""
            )  # fmt: skip


def _logs(case: Case) -> dict[str, Any]:
    files = case.input["files"]["log"]
    lines = [*_lines(case, files["before"], 0), *_lines(case, files["during"], 1)]
    return {
        "templates": [
            {
                "service": each.service,
                "pattern": each.pattern[:300],
                "severity": _RANKS.get(each.rank, "info"),
                "before": each.before,
                "after": each.after,
                "example": each.example.text[:500],
            }
            for each in templates(lines, 1)
            if each.rank >= 3 or each.before == 0
        ]
    }


def _lines(case: Case, names: list[str], window: int) -> Iterator[LogLine]:
    for name in names:
        for row in csv.DictReader(io.StringIO(text_of(case.folder / name))):
            text, rank = unwrapped(row["Log"])
            text = text.replace(row["TraceID"], "<id>").replace(row["SpanID"], "<id>")
            yield LogLine(window, workload(row["PodName"]), rank if rank is not None else rank_of(text), text, "")
