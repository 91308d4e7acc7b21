"""Decisions of a run as lines: when, what, by which rule, about which signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rules.trial.lines import Timed
from schemas.decision import Decision
from schemas.time import SECOND


def seconds(at: int, base: int) -> float:
    """The time of a line: seconds after the base."""
    return round((at - base) / SECOND, 6)


def lines(decisions: Iterable[Decision], inputs: Iterable[Timed], base: int) -> Iterator[dict[str, Any]]:
    """Each decision as `{"t", "kind", "rule", "because", "incident", "playbook", "group", "reason", "signals", "data"}`.

    `signals` are the numbers, from 0, of the lines by which the signals came that it rests on or names; what does not
    apply is left out.
    """
    known = {timed.item["id"]: timed.index for timed in inputs if "id" in timed.item}
    for decision in decisions:
        yield {key: value for key, value in _line(decision, known, base).items() if value is not None}


def _line(decision: Decision, known: Mapping[str, int], base: int) -> dict[str, Any]:
    data = decision.data
    incident = data.get("incident")
    incident = incident if isinstance(incident, Mapping) else {}
    return {
        "t": seconds(decision.at, base),
        "kind": decision.kind,
        "rule": rule_of(decision),
        "playbook": data.get("playbook"),
        "reason": data.get("reason"),
        "group": data.get("group") if isinstance(data.get("group"), Mapping) else incident.get("group"),
        "status": incident.get("status"),
        "severity": incident.get("severity"),
        "labels": incident.get("labels"),
        "signals": sorted({known[name] for name in _names(decision) if name in known}),
        "because": decision.because,
        "actor": decision.actor,
        "incident": decision.incident_id,
        "id": decision.id,
        "data": data,
    }


def rule_of(decision: Decision) -> str | None:
    """The rule that decided, or whose incident it is about."""
    if decision.actor.startswith("rule:"):
        return decision.actor.removeprefix("rule:")
    incident = decision.data.get("incident")
    if isinstance(incident, Mapping):
        return incident.get("rule")
    rule = decision.data.get("by", decision.data.get("rule"))
    return rule if isinstance(rule, str) and rule else None


def _names(decision: Decision) -> Iterator[str]:
    """Ids of signals that a decision names: those it tells of where it tells of any, otherwise those it rests on."""
    data = decision.data
    told = data.get("signals")
    if isinstance(told, list) and all(isinstance(one, Mapping) and "id" in one for one in told):
        yield from (str(one["id"]) for one in told)
    elif isinstance(data.get("signal_ids"), list):
        yield from map(str, data["signal_ids"])
    else:
        yield from decision.cause
        for key in ("first", "last", "signal_id"):
            if isinstance(data.get(key), str):
                yield data[key]
        if isinstance(data.get("exemplars"), list):
            yield from map(str, data["exemplars"])
