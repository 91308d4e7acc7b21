"""What becomes of an incident: it opens, grows, is acknowledged, resolves, opens again, and somebody is asked to look."""

from collections.abc import Sequence

from rules import ended, heard, sentences
from rules.asking import choose
from rules.bounds import rule_of
from rules.delivery.occasions import Occasion, OccasionKind
from rules.delivery.seam import delivered, forgotten
from rules.earlier import set_aside
from rules.incidents import add, add_units, calm, due_of, fires, new_incident, quiet_after, tombstone, unit_of
from rules.ruleset import CompiledRule, RuleSet
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from rules.windows import Filled
from schemas.decision import DecisionKind

_NEVER = 1 << 63
_GONE = -1


def take_in(
    turn: Turn, rule: CompiledRule, key: str, values: Sequence[str], fields: Fields, moment: int, filled: Filled | None
) -> None:
    """A signal of a group that fires: it opens the incident, opens it again, or adds to it."""
    row = turn.state.rows.get(key)
    if filled is None and row is not None and "ended" in row and ended.is_late(turn, rule, row, fields, moment):
        turn.count("late", fields["id"], rule.name)
        return
    if row is None or row.get("status", "resolved") == "resolved":
        _begin(turn, rule, key, values, fields, moment, filled, row)
        return
    worst = row["severity"]
    changes = add(turn.state, key, row, rule.rule, fields, (fields["id"],), moment, turn.at)
    fired = filled is not None or rule.matching.is_plain
    if filled is not None:
        changes.append("fired")
    row["unsaid"] += 1
    _note(row, changes)
    worse = "severity" in changes
    if worse:
        _tell(turn, row, sentences.worse(fields, worst, row["severity"]), (fields["id"],), fields)
    elif turn.at - row["said"] >= turn.state.limits.update_every:
        _tell(turn, row, sentences.more(row), (fields["id"],), fields)
    delivered(turn, key, row, Occasion("worse" if worse else "grew", (fields["id"],), fields, changes, fired))
    _rest(turn, key, row, fields.get("expires_micros", 0))


def resolve(
    turn: Turn, key: str, row: Row, *, by: str, because: str, cause: Sequence[str] = (), signal_id: str | None = None
) -> None:
    """The incident is over, for `by` says so."""
    for unit in list(row["firing"]):
        calm(turn.state, key, row, unit)
    row.update(status="resolved", resolved_at=turn.at, resolved_by=by, unsaid=0)
    row.pop("pending", None)
    actor = by if by.startswith("human:") or by == "system" else None
    turn.changed(
        "incident.resolved",
        row,
        because,
        cause=cause,
        changes=("status", "resolved_at", "firing"),
        signal_id=signal_id,
        actor=actor,
    )
    turn.state.wake(key, row, None)
    delivered(turn, key, row, Occasion("resolved", tuple(cause)))
    rule = turn.rule(row["rule"])
    reopen = rule.reopen_within if rule is not None else 0
    turn.state.sweep(key, row, turn.at + max(reopen, turn.state.limits.keep_resolved))


def acknowledge(turn: Turn, key: str, row: Row, *, by: str, because: str, cause: Sequence[str]) -> None:
    """Somebody has seen it."""
    row.update(status="acknowledged", acknowledged_at=turn.at, acknowledged_by=by)
    actor = by if by.startswith("human:") else None
    changes = ("status", "acknowledged_at", "acknowledged_by")
    turn.changed("incident.acknowledged", row, because, cause=cause, changes=changes, actor=actor)
    turn.state.touch(key)


def calmed(turn: Turn, key: str, fields: Fields, units: Sequence[str]) -> None:
    """A resolved signal: what it speaks of fires no more; when nothing does, the incident is over."""
    row = turn.state.rows[key]
    if row.get("status", "resolved") == "resolved":
        return
    heard.catch_up(turn.state, row, units)
    gone = [unit for unit in units if calm(turn.state, key, row, unit)]
    for unit in gone:
        ended.note(turn, row, fields, unit)
    if not row["firing"]:
        because = sentences.resolved_by_signal(fields, row)
        resolve(turn, key, row, by=fields["source"], because=because, cause=(fields["id"],), signal_id=fields["id"])
    elif gone:
        row["unsaid"] += 1
        _note(row, ("firing",))
        if turn.at - row["said"] >= turn.state.limits.update_every:
            _tell(turn, row, sentences.fewer(row), (fields["id"],), fields)
        delivered(turn, key, row, Occasion("fewer", (fields["id"],), fields, ("firing",)))
        _rest(turn, key, row)


def investigated(turn: Turn, key: str, row: Row, *, as_of: int, urgent: bool) -> None:
    """An investigation that looked at the incident at `as_of` is done: what it was asked for since then, it has not seen."""
    row["running"], asked = 0, row.pop("asked", as_of)
    if asked > as_of and not urgent and row["status"] != "resolved":
        choose(turn, row, row["tail"][-1:] or row["head"][-1:], row.get("trace"))
    turn.state.touch(key)


def goes_on(turn: Turn, key: str, fields: Fields) -> None:
    """What fires already in the incident was heard of again, with nothing new to tell: it lasts."""
    row = turn.state.rows[key]
    expires = fields.get("expires_micros", 0)
    if not expires and row["firing"].get(unit_of(fields)) == 0 and quiet_after(row, turn.rule(row["rule"])) is None:
        return  # It lasts for ever anyway.
    fires(turn.state, key, row, fields, turn.at)
    row["at"] = turn.at
    _rest(turn, key, row, expires)


def reconsider(turn: Turn, before: RuleSet) -> None:
    """Other rules are in force than `before`: what they say of how long incidents last holds for those that are open, from now on where
    nothing was said of it."""
    said = {name: rule.rule.resolve_after for name, rule in before.by_name.items()}
    says = {name: rule.rule.resolve_after for name, rule in turn.ruleset.by_name.items()}

    def told_anew(key: str) -> bool:
        return key.startswith("group/") and said.get(rule_of(key), _GONE) != says.get(rule_of(key), _GONE)

    for key, seen in turn.state.rows.looked_through(told_anew):
        if seen.get("status", "resolved") != "resolved":
            old, rule = before.by_name.get(seen["rule"]), turn.rule(seen["rule"])
            anew = quiet_after(seen, old.rule if old is not None else None) is None
            row = {**seen, "at": turn.at} if anew and quiet_after(seen, rule) is not None else seen
            due = due_of(row, rule, turn.state.limits.update_every)
            if due is not None and due < row.get("due", due + 1):
                turn.state.rows[key]["at"] = row["at"]
                turn.state.wake(key, turn.state.rows[key], due)


def due(turn: Turn, key: str, row: Row) -> None:
    """The moment has come at which something was to be decided about the incident."""
    if row["status"] == "resolved":
        return
    rule = turn.rule(row["rule"])
    heard.catch_up(turn.state, row, row["firing"])
    expired = [unit for unit, expires in row["firing"].items() if expires and expires <= turn.at]
    for unit in expired:
        calm(turn.state, key, row, unit)
    after = quiet_after(row, rule)
    if expired and not row["firing"]:
        resolve(turn, key, row, by="system", because=sentences.expired(row, len(expired)))
        return
    if after is not None and row["at"] + after <= turn.at:
        resolve(turn, key, row, by="system", because=sentences.quiet(row, after))
        return
    if expired:
        row["unsaid"] += 1
        _note(row, ("firing",))
        delivered(turn, key, row, Occasion("fewer", tuple(row["tail"][-1:] or row["head"][-1:]), None, ("firing",)))
    if row["unsaid"] and row["said"] + turn.state.limits.update_every <= turn.at:
        _tell(turn, row, sentences.more(row), row["tail"][-1:] or row["head"][-1:], None)
    turn.state.wake(key, row, due_of(row, rule, turn.state.limits.update_every))


def forget(turn: Turn, key: str, row: Row) -> None:
    """Nobody asks for the incident any more; its number is kept for longer."""
    turn.state.incidents.pop(row.get("id", ""), None)
    turn.state.delete(key)
    forgotten(turn, key, row)
    if "id" in row:
        kept = dict(tombstone(row))
        turn.state.put(key, kept)
        turn.state.sweep(key, kept, turn.at + turn.state.limits.keep_episodes)


def _begin(
    turn: Turn,
    rule: CompiledRule,
    key: str,
    values: Sequence[str],
    fields: Fields,
    moment: int,
    filled: Filled | None,
    old: Row | None,
) -> None:
    ids = filled.ids if filled is not None else (fields["id"],)
    since = turn.at - old["resolved_at"] if old is not None and "resolved_at" in old else None
    reason = sentences.fired(rule, values, fields, filled)
    if old is not None and since is not None and since < rule.rule.reopen_within:
        row, reason = old, sentences.again(reason, since)
        kind: DecisionKind = "incident.reopened"
        turn.state.sweep(key, row, None)
        for name in ("resolved_at", "resolved_by", "acknowledged_at", "acknowledged_by"):
            row.pop(name, None)
        row["status"] = "open"
        row["reopened"] = row.get("reopened", 0) + 1
        add(turn.state, key, row, rule.rule, fields, (fields["id"],), moment, turn.at)
    else:
        episode = old["episode"] + 1 if old is not None else 1
        if old is not None:
            set_aside(turn.state, old)
            reason = sentences.anew(reason, episode, since)
        row = new_incident(rule, values, fields, episode=episode, moment_of_signal=moment, at=turn.at)
        kind = "incident.opened"
        turn.state.put(key, row)
        turn.state.incidents[row["id"]] = key
        number = filled.number if filled is not None else 1
        add(turn.state, key, row, rule.rule, fields, ids, moment, turn.at, number)
    if filled is not None:
        add_units(turn.state, key, row, filled.units)
    changes = ("status",) if kind == "incident.reopened" else ()
    turn.changed(
        kind, row, reason, cause=(fields["id"],), changes=changes, signal_id=fields["id"], trace=fields.get("trace"),
    )  # fmt: skip
    begun: OccasionKind = "reopened" if kind == "incident.reopened" else "opened"
    delivered(turn, key, row, Occasion(begun, tuple(ids), fields, changes, True))
    _rest(turn, key, row, min(filter(None, row["firing"].values()), default=0))


def _note(row: Row, changes: Sequence[str]) -> None:
    """What changed is told the next time something is."""
    pending = row.get("pending", ())
    for change in changes:
        if change not in pending:
            row["pending"] = sorted({*pending, *changes})
            return


def _tell(turn: Turn, row: Row, because: str, cause: Sequence[str], fields: Fields | None) -> None:
    """Record how the incident stands, and what changed since that was last recorded."""
    changes, row["unsaid"], row["said"] = row.pop("pending", ()), 0, turn.at
    signal_id = fields["id"] if fields is not None else None
    trace = fields.get("trace") if fields is not None else None
    turn.changed("incident.updated", row, because, cause=cause, changes=changes, signal_id=signal_id, trace=trace)


def _rest(turn: Turn, key: str, row: Row, expires: int = 0) -> None:
    """Until something is next to be decided about it, after a signal that `expires`. What was to come earlier stays: it will look again
    by itself."""
    due = max(expires, turn.at) if expires else _NEVER
    if (after := quiet_after(row, turn.rule(row["rule"]))) is not None:
        due = min(due, row["at"] + after)
    if row["unsaid"]:
        due = min(due, row["said"] + turn.state.limits.update_every)
    if due < row.get("due", _NEVER):
        turn.state.wake(key, row, due)
    turn.state.touch(key)
