"""Many groups at once: one incident that lists them, instead of telling of each.

A row `delivery/storm/RULE` holds `opened`, when each of the rule's groups last began, and `key` of the storm's incident while it lasts.
"""

from collections.abc import Mapping
from typing import Any

from rules.asking import choose
from rules.delivery.holds import Hold
from rules.delivery.occasions import Occasion
from rules.delivery.said import Storm
from rules.earlier import set_aside
from rules.incidents import new_incident
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from schemas.ids import digest
from schemas.severity import severity_rank
from schemas.spans import show_span

PREFIX = "delivery/storm/"
MOST_LISTED = 1000


def begun(turn: Turn, rule: CompiledRule | None, key: str, row: Row, occasion: Occasion) -> None:
    """If an incident has begun, maybe it is one too many, or one more of a storm: of its rule, or else of all of them. What joined another
    incident is told of by that one, and makes no storm."""
    if (
        occasion.kind not in ("opened", "reopened")
        or occasion.fields is None
        or ("parent" in row and "loud" not in row)
    ):
        return
    if rule is not None and rule.delivery is not None and rule.delivery.storm is not None:
        _note(turn, rule, rule.delivery.storm, key, row, occasion.fields)
        if hold(turn, rule, key, row) is not None:
            return
    every = turn.ruleset.storm
    if every is not None and every.delivery is not None and every.delivery.storm is not None:
        _note(turn, every, every.delivery.storm, key, row, occasion.fields)


def _note(turn: Turn, rule: CompiledRule, said: Storm, key: str, row: Row, fields: Fields) -> None:
    name = _name(rule, row)
    state = turn.state.rows.get(name) or {"opened": {}}
    late = {other: at for other, at in state["opened"].items() if at >= turn.at - said.within and other != key}
    state["opened"] = dict(list({**late, key: turn.at}.items())[-MOST_LISTED:])
    turn.state.put(name, state)
    turn.state.sweep(name, state, turn.at + said.within + 1)
    storm = turn.state.rows.get(state.get("key", ""))
    if storm is not None and storm["status"] != "resolved":
        _add(turn, state["key"], storm, row)
        turn.state.wake(name, state, turn.at + said.within)
    elif len(state["opened"]) >= said.groups:
        state["key"] = _begin(turn, rule, said, state["opened"], row, fields)
        turn.state.wake(name, state, turn.at + said.within)


def hold(turn: Turn, rule: CompiledRule, key: str, row: Row) -> Hold | None:
    """What is part of a storm is told of by it alone."""
    if rule.delivery is None or rule.delivery.storm is None:
        return None
    state = turn.state.rows.get(_name(rule, row), {})
    storm = turn.state.rows.get(state.get("key", ""))
    if storm is None or storm["status"] == "resolved" or state["key"] == key or row["id"] not in storm["members"]:
        return None
    return Hold(
        "storm", storm["id"], words=f"part of a storm of {len(storm['members'])} groups, told of by {storm['id']}"
    )


def due(turn: Turn, name: str, state: Row) -> None:
    """No group has begun for the whole span: the storm is over."""
    key = state.pop("key", "")
    turn.state.touch(name)
    storm = turn.state.rows.get(key)
    if storm is None or storm["status"] == "resolved":
        return
    storm.update(status="resolved", resolved_at=turn.at, resolved_by="system", unsaid=0)
    storm.pop("pending", None)
    because = f"no further group began; the storm had {len(storm['members'])}"
    turn.changed("incident.resolved", storm, because, cause=(), changes=("status", "resolved_at"), actor="system")
    turn.state.wake(key, storm, None)
    turn.state.sweep(key, storm, turn.at + turn.state.limits.keep_resolved)


def _begin(turn: Turn, rule: CompiledRule, said: Storm, opened: Mapping[str, int], row: Row, fields: Fields) -> str:
    key = f"group/{'rehearsal:' if row['rehearsal'] else ''}{rule.name}/storm"
    old = turn.state.rows.get(key)
    episode = old["episode"] + 1 if old is not None else 1
    if old is not None:
        set_aside(turn.state, old)
    of = "all rules" if rule is turn.ruleset.storm else f"rule {rule.name}"
    rows = [found for other in opened if "id" in (found := turn.state.rows.get(other, {}))]
    worst = max((found["severity"] for found in rows), key=severity_rank, default=row["severity"])
    title = f"Storm: {len(opened)} groups of {of} within {show_span(said.within)}"
    plain: dict[str, Any] = {**fields, "title": title, "labels": {}, "annotations": {}}
    storm = new_incident(
        rule, ("",) * len(rule.rule.group_by), plain, episode=episode, moment_of_signal=turn.at, at=turn.at
    )
    gid = digest("grp", rule.name, "storm", *(("rehearsal",) if row["rehearsal"] else ()))
    storm |= {
        "group": {"storm": rule.name},
        "gid": gid,
        "id": digest("inc", rule.name, gid, episode),
        "members": [found["id"] for found in rows],
    }
    storm |= {"severity": rule.rule.severity or worst, "n": 1, "head": [fields["id"]], "firing": {}}
    storm.pop("resolve_after", None)
    turn.state.put(key, storm)
    turn.state.incidents[storm["id"]] = key
    because = f"{len(opened)} groups of {of} began within {show_span(said.within)}: told of as one from here on"
    turn.changed("incident.opened", storm, because, cause=(fields["id"],), signal_id=fields["id"])
    choose(turn, storm, (fields["id"],), fields.get("trace"))
    return key


def _add(turn: Turn, key: str, storm: Row, row: Row) -> None:
    if row["id"] in storm["members"] or len(storm["members"]) >= MOST_LISTED:
        return
    storm["members"] = [*storm["members"], row["id"]]
    storm.update(unsaid=storm["unsaid"] + 1, at=turn.at, last=turn.at, n=storm["n"] + 1)
    storm["pending"] = sorted({*storm.get("pending", ()), "members"})
    turn.state.wake(key, storm, max(turn.at, storm["said"] + turn.state.limits.update_every))


def _name(rule: CompiledRule, row: Row) -> str:
    return f"{PREFIX}{'rehearsal:' if row['rehearsal'] else ''}{rule.name}"
