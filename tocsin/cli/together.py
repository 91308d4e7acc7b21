"""Why two incidents belong together by the rules as they are, or why not."""

from collections.abc import Sequence

import orjson

from connectors.ports.archive import Archive
from rules.correlation.explained import Beginning, WayVerdict, between
from rules.correlation.names import plain
from rules.ruleset import RuleSet
from rules.signals import signal_of
from schemas import Incident
from schemas.time import to_rfc3339


async def together(archive: Archive, ruleset: RuleSet, one: Incident, other: Incident) -> list[WayVerdict]:
    """What each way of the rule of the one that began later makes of the two; empty where that rule does not correlate."""
    earlier, later = sorted((one, other), key=lambda incident: (incident.first_seen, incident.id))
    span = ruleset.relations.change if ruleset.relations is not None else 0
    found = await archive.signals(since=earlier.first_seen - span, until=later.first_seen, types=("change",))
    changes = [(f"{each.title[:80]!r} ({each.id})", each.occurred_at, plain(each.service or "")) for each in found]
    return between(ruleset, await _beginning(archive, earlier), await _beginning(archive, later), changes)


def rendered(one: Incident, other: Incident, verdicts: Sequence[WayVerdict]) -> str:
    """The answer for a person: what was decided, then what the rules as they are make of it."""
    earlier, later = sorted((one, other), key=lambda incident: (incident.first_seen, incident.id))
    if later.parent == earlier.id or earlier.parent == later.id:
        decided = "one was joined to the other"
    elif later.parent is not None and later.parent == earlier.parent:
        decided = f"both were joined to {later.parent}"
    else:
        decided = "they were not joined"
    lines = [f"{later.id} {later.title!r} (rule {later.rule}) and {earlier.id} {earlier.title!r}: {decided}"]
    if not verdicts:
        lines.append(f"the rule {later.rule} does not say 'correlate', so its incidents join no other")
    if verdicts and earlier.resolved_at is not None and earlier.resolved_at < later.opened_at:
        lines.append(f"{earlier.id} was resolved at {to_rfc3339(earlier.resolved_at)}, before the other opened")
    return "\n".join([*lines, *(verdict.render() for verdict in verdicts)])


async def _beginning(archive: Archive, incident: Incident) -> Beginning:
    """As its first signal says; as the incident itself does where that is gone."""
    signal = await archive.signal(incident.signal_ids[0]) if incident.signal_ids else None
    fields = signal_of(orjson.loads(signal.to_json())) if signal is not None else _as_signal(incident)
    return Beginning(
        incident.id, incident.rule, incident.first_seen, incident.last_seen, fields, incident.service or ""
    )


def _as_signal(incident: Incident) -> dict[str, object]:
    said = incident.model_dump(mode="json")
    return {name: said[name] for name in ("source", "title", "severity", "service", "environment", "labels")}
