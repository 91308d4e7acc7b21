"""How bad it is: how many, who else, still going on or over, and whether anything confirms the severity."""

import math
from dataclasses import dataclass

from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from schemas import severity_rank
from schemas.time import SECOND

QUIET = 20
"""Log lines that must have been looked at before their silence says anything."""

TELLING = 3.0
"""A line of another tool's answer about the thing in question confirms from this weight on."""

_USERS = ("users", "user_count", "userCount", "affected_users")


@dataclass(frozen=True, slots=True)
class Extent:
    """`lasted_s` to its end or to now; `others` are failing services beside its own, in order of their first failure after the
    start; `corroborated` None when nothing could have confirmed it."""

    signals: int
    lasted_s: float
    resolved: bool
    quiet_s: float | None
    """For events, which do not end: seconds since the latest one. None for what fires until it is resolved."""
    others: tuple[str, ...]
    users: int | None
    corroborated: bool | None
    by: tuple[str, str] | None
    """(id, text) of what confirms it."""


def extent_of(facts: Facts, findings: Findings | None = None) -> Extent:
    """Counted over what was gathered."""
    incident = facts.incident
    firing = {each.occurrence_id: each.status for each in facts.signals}
    over = incident.status == "resolved" or (bool(firing) and all(state == "resolved" for state in firing.values()))
    ended = incident.resolved_at if incident.resolved_at is not None else (incident.last_seen if over else facts.now)
    others: dict[str, None] = {}
    for each in sorted(facts.neighbours, key=lambda near: (near.after_start_s, near.id)):
        failing = each.status == "firing" and severity_rank(each.severity) >= 4 and not each.own
        if failing and each.service and each.service != incident.service and each.after_start_s >= -300:
            others.setdefault(each.service)
    if findings is not None:
        hurt = sorted(
            findings.scene.failing.values(), key=lambda each: (each.first is None, each.first or 0, each.service)
        )
        for each_failing in hurt:
            if each_failing.service != incident.service:
                others.setdefault(each_failing.service)
    said = [signal.measures[name] for signal in facts.signals for name in _USERS if name in signal.measures]
    users = [int(number) for number in said if math.isfinite(number)]
    confirmed, by = _confirmed(facts)
    if findings is not None and confirmed is not True:
        confirmed, by = _seen(findings, confirmed)
    return Extent(
        signals=max(incident.signals, len(facts.signals)),
        lasted_s=max(0, ended - incident.first_seen) / SECOND,
        resolved=over,
        quiet_s=_quiet(facts),
        others=tuple(others),
        users=max(users, default=None),
        corroborated=confirmed,
        by=by,
    )


def _quiet(facts: Facts) -> float | None:
    if any(signal.type in ("alert", "check_in") for signal in facts.signals):
        return None
    return max(0, facts.now - facts.incident.last_seen) / SECOND


def _confirmed(facts: Facts) -> tuple[bool | None, tuple[str, str] | None]:
    """An exception confirms itself; an alert is confirmed by failing neighbours or by error lines of its service. Where logs of
    the time were scanned and hold no error at all, that is a contradiction; where there are none, nothing is known."""
    if facts.chain and facts.chain_cites is not None:
        return True, (facts.chain_cites, facts.chain[0].value or facts.chain[0].type)
    service = facts.incident.service
    for pattern in facts.patterns:
        if pattern.service == service and severity_rank(pattern.severity) >= 4 and pattern.after > pattern.before:
            return True, (pattern.cites, pattern.example)
    for each in facts.neighbours:
        related = each.service == service if service is not None else True
        if (
            not each.own
            and related
            and each.status == "firing"
            and severity_rank(each.severity) >= 4
            and each.type != "change"
        ):
            return True, (each.cites, each.title)
    if any(signal.type in ("error", "log") for signal in facts.signals):
        return True, None
    return (False, None) if facts.logs_scanned >= QUIET else (None, None)


def _seen(findings: Findings, before: bool | None) -> tuple[bool | None, tuple[str, str] | None]:
    """What other tools saw: trouble in metrics, logs and states confirms; states that are all well contradict."""
    if findings.wellbeing.well:
        return False, findings.wellbeing.calm[0] if findings.wellbeing.calm else None
    for failing in findings.scene.failing.values():
        if failing.weight >= 1.0:
            cites, quote, _ = failing.signs[0]
            return True, (cites, quote)
    for full in findings.full:
        return True, (full.cites, full.quote)
    for alarm in findings.alarms:
        if alarm.weight >= TELLING:
            return True, (alarm.cites, alarm.quote)
    return before, None
