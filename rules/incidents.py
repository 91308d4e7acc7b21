"""A group's row: the incident it holds, what fires in it, and when something is next to be decided about it.

Rows are plain values with moments in microseconds; `incident_of` is the record as the world sees it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rules.decided import moment
from rules.model import Rule
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row, State
from schemas.ids import digest
from schemas.severity import severity_rank

POINTS = frozenset({"error", "log", "issue", "change", "comment", "loss"})
"""Types whose signals happen at a moment, or tell of one thing again and again: what goes on is the problem (`group_key`), not
the occurrence."""

_OPTIONAL = (
    *("service", "environment", "owner", "playbook", "trace"),
    *("acknowledged_by", "resolved_by", "verdict", "parent", "root"),
)
FIRST_IDS, LATEST_IDS = 10, 40
LINKS = 20
UNIT = "_unit"
"""Where a signal that is being decided about has its unit: nothing that is said or stored of it."""
LONGEST_VALUE = 1_000


def unit_of(fields: Fields) -> str:
    """What fires while the signal's state lasts: its occurrence, or for what happens at a moment its problem. It is asked for by each part
    of the engine in turn, and noted at the signal as UNIT the first time."""
    unit: str | None = fields.get(UNIT)
    if unit is None:
        unit = fields[UNIT] = _unit(fields, "group_key" if fields["type"] in POINTS else "occurrence_id")
    return unit


def units_of(fields: Fields) -> tuple[str, str]:
    """All that a resolution may end."""
    return _unit(fields, "occurrence_id"), _unit(fields, "group_key")


def _unit(fields: Fields, name: str) -> str:
    return f"{'rehearsal ' if fields.get('rehearsal') else ''}{fields['source']} {name} {fields[name]}"


def group_key_of(rule: str, values: Sequence[str], *, rehearsal: bool) -> str:
    """The name of a group within the state, without its kind; rehearsals never share one with what is real."""
    return f"{'rehearsal:' if rehearsal else ''}{rule}{group_suffix(values)}"


def group_suffix(values: Sequence[str]) -> str:
    """What of a group's name its values make."""
    if len(values) == 1 and len(values[0]) <= 300:
        return f"/{len(values[0])}/{values[0]}"
    lengths = [len(value) for value in values]
    if sum(lengths) > 300:
        return f"/{digest('grp', *values)}"
    # Lengths first, so that no two lists of values share a name.
    return f"/{','.join(map(str, lengths))}/{'|'.join(values)}"


def new_incident(
    rule: CompiledRule, values: Sequence[str], fields: Fields, *, episode: int, moment_of_signal: int, at: int
) -> Row:
    """The row of a group whose incident opens with a signal that is yet to be added."""
    said = rule.rule
    group = {path: value[:LONGEST_VALUE] for path, value in zip(rule.group_names, values, strict=True)}
    rehearsal = bool(fields.get("rehearsal"))
    gid = digest("grp", rule.name, *(("rehearsal",) if rehearsal else ()), *values)
    row: Row = {
        "rule": rule.name,
        "group": group,
        "gid": gid,
        "episode": episode,
        "id": digest("inc", rule.name, gid, episode),
        "status": "open",
        "severity": said.severity or fields["severity"],
        "title": fields["title"],
        "source": fields["source"],
        "labels": {**fields["labels"], **said.labels},
        "annotations": {**fields.get("annotations", {}), **said.annotations},
        "first": moment_of_signal,
        "last": moment_of_signal,
        "opened": at,
        "at": at,
        "n": 0,
        "dup": 0,
        "firing": {},
        "head": [],
        "tail": [],
        "links": [],
        "external": [],
        "feedback": [],
        "rehearsal": rehearsal,
        "said": 0,
        "unsaid": 0,
        "running": 0,
        "rev": 0,
    }
    optional = (("service", fields.get("service")), ("environment", fields.get("environment")), ("owner", said.owner or fields.get("owner")),
                ("playbook", said.playbook), ("trace", fields.get("trace")), ("resolve_after", said.resolve_after))  # fmt: skip
    row.update({name: value for name, value in optional if value is not None})
    return row


def add(
    state: State,
    key: str,
    row: Row,
    rule: Rule,
    fields: Fields,
    ids: Sequence[str],
    moment: int,
    at: int,
    number: int = 1,
) -> list[str]:
    """Count a signal, or the `number` of its window, into the incident; returns the names of the fields that changed."""
    changes = ["signals"]
    row["n"] += number
    row["at"] = at
    _keep_ids(row, ids)
    if moment > row["last"]:
        row["last"] = moment
        changes.append("last_seen")
    elif moment < row["first"]:
        row["first"] = moment
        changes.append("first_seen")
    severity = rule.severity or fields["severity"]
    if severity != row["severity"] and severity_rank(severity) > severity_rank(row["severity"]):
        row["severity"] = severity
        changes.append("severity")
    if fields["links"] and len(row["links"]) < LINKS:
        fresh = [link for link in fields["links"] if link not in row["links"]]
        row["links"] = [*row["links"], *fresh][:LINKS]
        changes += ["links"] if fresh else []
    if fires(state, key, row, fields, at):
        changes.append("firing")
    return changes


def fires(state: State, key: str, row: Row, fields: Fields, at: int) -> bool:
    """Take the signal's occurrence among those that fire; whether it was not among them."""
    unit, firing = unit_of(fields), row["firing"]
    fresh = unit not in firing
    expires: int = fields.get("expires_micros", 0)
    firing[unit] = max(expires, at) if expires else 0
    if not fresh:
        return False
    state.firing.add(unit, key)
    if len(firing) > state.limits.firing:
        calm(state, key, row, next(iter(firing)))
        state.evict("firing", key)
    return True


def calm(state: State, key: str, row: Row, unit: str) -> bool:
    """The occurrence fires no more; whether it did."""
    if row["firing"].pop(unit, None) is None:
        return False
    state.drop_firing(unit, key)
    return True


def add_units(state: State, key: str, row: Row, units: Mapping[str, int]) -> None:
    """Occurrences that fire with the one that opened the incident."""
    for unit, expires in units.items():
        if len(row["firing"]) < state.limits.firing:
            row["firing"].setdefault(unit, expires)
            state.firing.add(unit, key)
    state.touch(key)


def due_of(row: Row, rule: Rule | None, update_every: int) -> int | None:
    """When something is next to be decided about an incident if no signal comes."""
    if row["status"] == "resolved":
        return None
    dues = [expires for expires in row["firing"].values() if expires]
    if (after := quiet_after(row, rule)) is not None:
        dues.append(row["at"] + after)
    if row["unsaid"]:
        dues.append(row["said"] + update_every)
    return min(dues, default=None)


def quiet_after(row: Row, rule: Rule | None) -> int | None:
    """After how long without a signal the incident is over: what its rule says, or said when it opened if that rule is gone."""
    after: int | None = rule.resolve_after if rule is not None else row.get("resolve_after")
    return after


def incident_of(row: Row) -> dict[str, Any]:
    """The JSON form of the schemas.Incident that a row holds."""
    incident: dict[str, Any] = {
        "schema_version": 1,
        "id": row["id"],
        "rule": row["rule"],
        "group": row["group"],
        "group_id": row["gid"],
        "episode": row["episode"],
        "reopened": row.get("reopened", 0),
        "status": row["status"],
        "severity": row["severity"],
        "title": row["title"],
        "source": row["source"],
        "labels": row["labels"],
        "annotations": row.get("annotations", {}),
        "first_seen": moment(row["first"]),
        "last_seen": moment(row["last"]),
        "opened_at": moment(row["opened"]),
        "signals": row["n"],
        "duplicates": row["dup"],
        "firing": _shown(row),
        "signal_ids": [*row["head"], *row["tail"]],
        "links": row["links"],
        "members": row.get("members", []),
        "external": row["external"],
        "feedback": row["feedback"],
        "rehearsal": row["rehearsal"],
    }
    for name in _OPTIONAL:
        if (value := row.get(name)) is not None:
            incident[name] = value
    for name in ("acknowledged_at", "resolved_at"):
        if (value := row.get(name)) is not None:
            incident[name] = moment(value)
    return incident


def tombstone(row: Row) -> Mapping[str, Any]:
    """What is kept of a group whose last incident nobody asks for any more: its number, so that no id comes twice."""
    return {"episode": row["episode"]}


def _keep_ids(row: Row, ids: Sequence[str]) -> None:
    head, tail = row["head"], row["tail"]
    room = FIRST_IDS - len(head)
    if room > 0:
        head += ids[:room]
        ids = ids[room:]
    tail += ids
    if len(tail) > LATEST_IDS:
        del tail[:-LATEST_IDS]


def _shown(row: Row) -> list[str]:
    """The occurrences or problems that fire, each alone."""
    words = 3 if row["rehearsal"] else 2
    return [unit.split(" ", words)[words] for unit in row["firing"]]
