"""Incidents that belong together: a new one joins one that is open, which from there on is told of for both.

Nothing is moved: each incident stays one of its rule, with its own signals and its own end. One that joined names its `parent`; the leader lists its
`members` and names the `root`, where all of it seems to have begun.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.correlation import sets
from rules.correlation.background import background
from rules.correlation.relating import Related, Relations, name_of
from rules.correlation.root import root_of
from rules.correlation.terms import Newcomer, Reason
from rules.correlation.values import Alert, Change
from rules.delivery.occasions import Occasion
from rules.ruleset import CompiledRule
from rules.sentences import belonging
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from schemas.severity import severity_rank
from schemas.spans import UNITS

MOST_LISTED = 1000
GRACE = 2 * UNITS["m"]
"""How long after the end of a leader its members are still left alone: what ends one mostly ends the others."""


def left_out(rule: CompiledRule, fields: Fields) -> str | None:
    """Why a signal opens no incident of the rule though it matches: it is background."""
    return None if all(way.said.background for way in rule.ways) else background(name_of(fields))


def changed(turn: Turn, fields: Fields) -> None:
    """A signal of type `change` came, whatever rules make of it."""
    relations = turn.ruleset.relations
    if relations is not None and relations.change and fields["status"] != "resolved":
        sets.changed(turn, fields, relations.change)


def note(turn: Turn, rule: CompiledRule | None, key: str, row: Row, occasion: Occasion) -> None:
    """What has become of an incident, before anybody is told."""
    match occasion.kind:
        case "opened" | "reopened":
            if rule is not None and rule.ways and occasion.fields is not None:
                _begun(turn, rule, key, row, occasion.fields)
        case "grew" | "worse":
            if occasion.fields is not None and (known := sets.set_of(turn, row.get("parent") or row["id"])) is not None:
                _goes_on(turn, known, row, occasion.fields)
        case "resolved":
            _over(turn, row)
        case "fewer":
            pass


def _begun(turn: Turn, rule: CompiledRule, key: str, row: Row, fields: Fields) -> None:
    relations = turn.ruleset.relations
    if relations is None or "apart" in row or _still_belongs(turn, row):
        return
    alone(row)
    side, service = sets.side_of(fields), row.get("service") or ""
    moment = min(fields["occurred_micros"], turn.at)
    if relations.learns:
        sets.learn(turn, side, moment, service)
    newcomer = relations.newcomer(row["id"], moment, fields, service, sets.changes(turn, side))
    found = _best(turn, relations, rule, side, newcomer)
    if any(way.said.weighed for way in rule.ways):
        sets.late(turn, side, newcomer, row["id"] if found is None else found[0]["lead"])
    if found is None:
        keep = relations.within + turn.lateness(fields["source"])
        sets.begin(turn, key, side, newcomer, keep)
        return
    known, related = found
    sets.take_in(turn, known, newcomer)
    lead = turn.state.rows[known["key"]]
    because = f"belongs to {lead['id']} {lead['title'][:80]!r}: {'; '.join(related.words)}"
    join(turn, row, lead, related.reasons, because, fields["id"], words=related.words)
    grown(turn, known, known["key"], lead, row)


def _best(
    turn: Turn, relations: Relations, rule: CompiledRule, side: str, newcomer: Newcomer
) -> tuple[Row, Related] | None:
    """The open incident to which it belongs most, by the first of the rule's ways by which there is one; of equals the one heard of last."""
    state, past = turn.state, sets.past(turn, side) if relations.learns else None

    def fits(known: Row) -> bool:
        return known["lead"] != newcomer.alert.id and is_open(turn, known["key"], known["lead"])

    for way in rule.ways:
        best = relations.best(way, state.sets, state.rows, side, newcomer, past, fits)
        if best is not None:
            return best
    return None


def join(
    turn: Turn,
    row: Row,
    lead: Row,
    reasons: Sequence[Reason],
    because: str,
    *causes: str,
    words: Sequence[str] = (),
) -> None:
    """Record that an incident is part of another."""
    row["parent"] = lead["id"]
    _weigh(lead, row)
    data: dict[str, Any] = {"into": lead["id"], "reason": reasons[0], "reasons": list(reasons), "words": list(words)}
    turn.changed("incident.merged", row, because, cause=(*causes, lead["id"]), changes=("parent",), more=data)


def alone(row: Row) -> None:
    """The incident belongs to no other any more."""
    for name in ("parent", "members", "root", "loud", "told_of", "leads", "holds"):
        row.pop(name, None)


def _still_belongs(turn: Turn, row: Row) -> bool:
    """Whether an incident that began again is still part of what it was part of, or still leads."""
    over = sets.OVER + row["id"]
    if over in turn.state.rows:
        turn.state.delete(over)
        return True
    parent = row.get("parent")
    lead = turn.state.rows.get(turn.state.incidents.get(parent, ""), {}) if parent is not None else {}
    return lead.get("status", "resolved") != "resolved" and row["id"] in lead.get("members", ())


def _goes_on(turn: Turn, known: Row, row: Row, fields: Fields) -> None:
    sets.goes_on(turn, known, min(fields["occurred_micros"], turn.at), row.get("service") or "")
    lead = turn.state.rows.get(known["key"])
    if lead is None or row.get("parent") != lead.get("id"):
        return
    lead["at"] = turn.at  # As long as members are heard of, the whole does not run out.
    turn.state.touch(known["key"])
    if row["severity"] == "critical":
        _weigh(lead, row)


def _weigh(lead: Row, row: Row) -> None:
    """What is worse than all that was told of is told of by itself, once."""
    told = max(severity_rank(lead["severity"]), severity_rank(lead.get("told_of", "debug")))
    if severity_rank(row["severity"]) > told:
        lead["told_of"], row["loud"] = row["severity"], True


def grown(turn: Turn, known: Row | None, key: str, lead: Row, row: Row) -> None:
    """The leader of the group under `key` lists another member; where it began may be seen otherwise by what is `known` of all."""
    members = lead.get("members", [])
    lead["leads"] = True
    if row["id"] not in members and len(members) < MOST_LISTED:
        lead["members"] = [*members, row["id"]]
    fresh = {"members"}
    relations = turn.ruleset.relations
    if relations is not None and known is not None and row["id"] in [alert[0] for alert in known["alerts"][-1:]]:
        root = root_in(relations, known, sets.changes(turn, known["side"]))
        if root is not None and root != lead.get("root"):
            lead["root"] = root
            fresh.add("root")
    lead["at"] = turn.at
    _say(turn, key, lead, fresh, row["id"])


def left(turn: Turn, row: Row) -> None:
    """The leader of an incident that goes elsewhere lists it no more."""
    key = turn.state.incidents.get(row.get("parent", ""), "")
    lead = turn.state.rows.get(key)
    if lead is None or row["id"] not in lead.get("members", ()):
        return
    lead["members"] = [name for name in lead["members"] if name != row["id"]]
    if (lead.get("root") or {}).get("incident_id") == row["id"]:
        del lead["root"]
    if (known := sets.set_of(turn, lead["id"])) is not None:
        known["alerts"] = [alert for alert in known["alerts"] if alert[0] != row["id"]]
        turn.state.touch(sets.SETS + lead["id"])
    if lead["status"] != "resolved":
        _say(turn, key, lead, {"members"}, row["id"])


def _say(turn: Turn, key: str, lead: Row, changes: set[str], cause: str) -> None:
    """Record who belongs to an incident; at most so often, as with all that adds up."""
    lead["unsaid"] += 1
    lead["pending"] = sorted({*lead.get("pending", ()), *changes})
    if turn.at < (due := lead["said"] + turn.state.limits.update_every):
        turn.state.wake(key, lead, min(due, lead.get("due", due)))
    else:
        said, lead["unsaid"], lead["said"] = lead.pop("pending"), 0, turn.at
        turn.changed("incident.updated", lead, belonging(lead), cause=(cause,), changes=said)
    turn.state.touch(key)


def root_in(relations: Relations, known: Row, changes: Sequence[Sequence[Any]]) -> Mapping[str, Any] | None:
    """The incident of a set in which the rest seems to have begun, its service, and what speaks for that."""
    alerts = [Alert(name, at, title, service) for name, at, title, service in known["alerts"]]
    found = root_of(alerts, relations.graph, [Change(name, at, service) for name, at, service in changes])
    if not found:
        return None
    first = min((alert for alert in alerts if alert.service == found[0].service), key=lambda alert: alert.at)
    return {"service": found[0].service, "incident_id": first.id, "because": list(found[0].because)}


def _over(turn: Turn, row: Row) -> None:
    row.pop("loud", None)
    row.pop("holds", None)
    if "leads" not in row:
        if sets.set_of(turn, row["id"]) is not None:
            sets.drop(turn, sets.SETS + row["id"])
        return
    left = [name for name in row["members"] if is_open(turn, turn.state.incidents.get(name, ""), name)]
    if left:
        name = sets.OVER + row["id"]
        waiting = {"lead": row["id"], "left": left}
        turn.state.put(name, waiting)
        turn.state.wake(name, waiting, turn.at + GRACE)
    else:
        sets.drop(turn, sets.SETS + row["id"])


def is_open(turn: Turn, key: str, identity: str) -> bool:
    row = turn.state.rows.get(key)
    return row is not None and row.get("id") == identity and row["status"] != "resolved"
