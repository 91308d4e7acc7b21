"""A case made ready: the alert as a signal and an incident, and the tools that answer with what the case holds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.source import Request
from connectors.ports.tool import Tool
from playbooks.load import read
from playbooks.model import Playbook
from schemas import Incident, Signal, digest

_VERDICTS = "{noise: [], duplicate: [], known: [], actionable: [], urgent: []}"


@dataclass(frozen=True)
class Prepared:
    """All that an investigation needs."""

    signals: tuple[Signal, ...]
    incident: Incident
    tools: Mapping[str, Tool]
    playbook: Playbook
    now: int


def prepared(alert: Mapping[str, Any], tools: list[Tool], *, at: int) -> Prepared:
    """The alert goes through the source for JSON of any shape, as it would at the door at moment `at`."""
    signal = signal_of(alert, at)
    return Prepared((signal,), incident_of(signal), {tool.name: tool for tool in tools}, playbook_of(tools), at)


def signal_of(alert: Mapping[str, Any], at: int) -> Signal:
    """What the generic source makes of the alert. Raises Refused."""
    body = json.dumps(alert).encode()
    source = GenericSource(GenericSettings(), "default")
    request = Request("POST", "/in/generic", "", {"content-type": "application/json"}, body, body, at, trusted=True)
    return source.receive(request).signals[0]


def incident_of(signal: Signal) -> Incident:
    """The incident that signal opens."""
    identity = digest("inc", "evaluated", signal.id)
    return Incident(
        id=identity,
        rule="evaluated",
        group={"group_key": signal.group_key},
        group_id=digest("grp", "evaluated", signal.group_key),
        severity=signal.severity,
        title=signal.title,
        service=signal.service,
        environment=signal.environment,
        source=signal.source,
        labels=dict(signal.labels),
        first_seen=signal.occurred_at,
        last_seen=signal.occurred_at,
        opened_at=signal.received_at,
        signals=1,
        firing=(signal.occurrence_id,) if signal.status == "firing" else (),
        signal_ids=(signal.id,),
        status="resolved" if signal.status == "resolved" else "open",
        resolved_at=signal.occurred_at if signal.status == "resolved" else None,
    )


def playbook_of(tools: list[Tool]) -> Playbook:
    """A playbook that gathers from every tool and lets a model ask each again."""
    names = sorted(tool.name for tool in tools)
    front = "\n".join(
        (
            "name: evaluated",
            "description: An alert whose evidence was recorded.",
            f"gather: [{', '.join(names)}]",
            f"tools: [{', '.join(json.dumps(name) for name in names)}]",
            "analyst: {model: default, max_turns: 12, max_cost_usd: 1.00, timeout: 10m}",
            f"verdicts: {_VERDICTS}",
        )
    )
    body = (
        "# {{ incident.title | quote }}\n\nFind out whether something is broken, what failed first and which change caused it, if any did.\n"
        "Changes that came after the beginning, or that do not touch what fails, are innocent; `none of the changes` is a real answer.\n"
    )
    text = f"---\n{front}\n---\n{body}"
    return read("evaluated.md", text, {}, tools=names)


def key_of(text: str) -> str:
    """A short name that says nothing of the text it is made of."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
