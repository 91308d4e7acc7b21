"""The suite `incidents`: each file of a case is what one tool returned when it was recorded."""

import json
import re
from typing import Any

from connectors.ports.tool import Tool
from processors.evidence.moments import moment
from tocsin.evals.cases import Case, text_of
from tocsin.evals.prepared import Prepared, prepared
from tocsin.evals.recorded import RecordedTool

_MOMENT = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|\+00:00)?")
_WHAT = {
    "commits": ("git.recent", "Commits of the repository with their files and diffs, in time order."),
    "deploys": ("changes.deploys", "Deployments of all services."),
    "flags": ("changes.flags", "Feature flags that were switched."),
    "logs": ("logs.lines", "Log lines of all services, one JSON object a line."),
    "metrics": ("metrics.samples", "Samples of metrics by service, comma-separated."),
    "traces": ("traces.spans", "Spans of sampled traces."),
    "patterns": ("logs.signatures", "Log signatures with counts beside the usual ones."),
}
NOBODY = 1_700_000_000_000_000
"""When an alert came of whose time nothing is recorded."""


def prepare(case: Case) -> Prepared:
    """The alert, and a tool for each file."""
    alert = dict(case.input["alert"])
    tools: list[Tool] = []
    latest = 0
    for name in case.input["files"]:
        text = text_of(case.folder / case.input["dir"] / name)
        latest = max(latest, _latest(text))
        tools.append(_tool(name, text, {tool.name for tool in tools}))
    fired = [
        moment(alert[key])
        for key in ("fired_at", "starts_at", "startsAt", "updated_at", "creation_date")
        if key in alert
    ]
    at = max([each for each in fired if each is not None], default=latest or NOBODY)
    return prepared(alert, tools, at=max(at, latest))


def _latest(text: str) -> int:
    """The latest moment that stands in a record: the alert was heard no earlier than what its tools saw."""
    found = [moment(each) for each in _MOMENT.findall(text)[-400:]]
    ahead = 2_000_000_000 * 1_000_000
    return max((each for each in found if each is not None and each < ahead), default=0)


def _tool(name: str, text: str, taken: set[str]) -> Tool:
    asked, content = _content(text)
    stem = name.partition(".")[0].lower()
    known, description = _WHAT.get(stem, ("", ""))
    called = known or f"records.{re.sub(r'[^a-z0-9_.-]+', '_', str(asked.get('tool_name', stem)).lower())}"
    if not description:
        said = " ".join(f"{key}={value}" for key, value in asked.get("match_params", {}).items()) if asked else ""
        description = f"What {called.partition('.')[2]} returned" + (f" for {said}" if said else "") + "."
    number, unique = 1, called
    while unique in taken:
        number += 1
        unique = f"{called}.{number}"
    return RecordedTool(unique, description[:1000], content, asked)


def _content(text: str) -> tuple[dict[str, Any], Any]:
    """What was asked, where the record begins with it, and the answer: JSON as such, anything else as text."""
    asked: dict[str, Any] = {}
    head, _, rest = text.partition("\n")
    if head.startswith("{") and '"tool_name"' in head:
        asked = json.loads(head)
        text = rest
    try:
        return asked, json.loads(text)
    except ValueError:
        return asked, text
