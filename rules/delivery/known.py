"""What is known of each occurrence that somebody is to be told of in time, or that holds others back: its life and what it says.

Rows are `delivery/alert/UNIT`: `s`, `e` and `t` its Life, `id` the signal that last spoke of it, `view` the fields that conditions read, as
JSON (until 2026-11 as they are), `in` the groups that have it, `src` the inhibitions it is a source of.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from rules.delivery.alerts import Life, merged
from rules.incidents import UNIT, unit_of, units_of
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from schemas.spans import UNITS

KEPT_AFTER = 30 * UNITS["m"]
"""How long an end is remembered: what begins again sooner and overlaps is merged with it."""
PREFIX = "delivery/alert/"
_UNSEEN = frozenset({"raw", "body", "links", "fact", "incident", "occurred_micros", "expires_micros", UNIT})
"""What is not kept of a signal: silences made after it came cannot read it."""


def heard(turn: Turn, fields: Fields) -> list[str]:
    """Bring what is known of the signal's occurrence up to date, and the signal's expiry with it; returns the inhibitions of which it
    was a source until now."""
    rows, status = turn.state.rows, fields["status"]
    freed: list[str] = []
    if status == "firing":
        unit = unit_of(fields)
        row = rows.get(PREFIX + unit)
        if row is not None:
            life = _update(turn, unit, row, fields)
            if life.ends:
                fields["expires_micros"] = life.ends
    elif status == "resolved":
        for unit in units_of(fields):
            row = rows.get(PREFIX + unit)
            if row is not None:
                _update(turn, unit, row, fields)
                freed += row["src"]
    return freed


def know(turn: Turn, fields: Fields, *, joins: bool = False) -> tuple[str, Row]:
    """The occurrence's row, made if there is none. `joins`: a group takes it next, and it is forgotten no sooner than the group does."""
    unit = unit_of(fields)
    key = PREFIX + unit
    row = turn.state.rows.get(key)
    if row is None:
        row = {"s": 0, "e": 0, "t": False, "id": "", "view": "{}", "in": [], "src": {}}
        _set(row, _life(turn, fields), fields)
        turn.state.put(key, row)
        if not joins:
            _rest(turn, key, row)
    return unit, row


def essence(fields: Fields) -> Fields:
    """What conditions may read of a signal later."""
    view = fields.copy()
    for name in _UNSEEN:
        view.pop(name, None)
    return view


def life_of(row: Row | None) -> Life | None:
    return None if row is None else Life(row["s"], row["e"], row["t"])


def said_of(row: Row) -> Fields:
    """What conditions may read of it at any time."""
    view = row["view"]
    said: Fields = orjson.loads(view) if type(view) is str else view
    return said


def view_of(turn: Turn, row: Row) -> Mapping[str, Any]:
    """What conditions may read of it now."""
    return {**said_of(row), "fact": turn.state.facts, "incident": {}}


def joined(turn: Turn, unit: str, group: str) -> None:
    row = turn.state.rows[PREFIX + unit]
    if group not in row["in"]:
        row["in"].append(group)
        turn.state.touch(PREFIX + unit)


def left(turn: Turn, unit: str, group: str) -> None:
    """The group has it no more; forgotten when none has and it is long over."""
    row = turn.state.rows.get(PREFIX + unit)
    if row is not None and group in row["in"]:
        row["in"].remove(group)
        _rest(turn, PREFIX + unit, row)


def swept(turn: Turn, key: str, row: Row) -> None:
    """The moment has come from which nobody misses it, unless a group still does."""
    if row["in"]:
        _rest(turn, key, row)
        return
    unit = key.removeprefix(PREFIX)
    for source in row["src"]:
        turn.state.drop_source(source, unit)
    turn.state.delete(key)


def _update(turn: Turn, unit: str, row: Row, fields: Fields) -> Life:
    life = _life(turn, fields)
    if not (isinstance(raw := fields.get("raw"), dict) and raw.get("merged") is True):
        life = merged(life_of(row), life, turn.at)
    _set(row, life, fields)
    _rest(turn, PREFIX + unit, row)
    return life


def _set(row: Row, life: Life, fields: Fields) -> None:
    row["s"], row["e"], row["t"], row["id"] = life.starts, life.ends, life.timeout, fields["id"]
    # As JSON, for conditions are seldom asked again, and rows are packed, written and read more often than that.
    row["view"] = orjson.dumps(essence(fields)).decode()


def _life(turn: Turn, fields: Fields) -> Life:
    ends: int = fields.get("expires_micros", 0)
    if fields["status"] == "resolved":
        ends = min(ends, turn.at) if ends else turn.at
    timeout = bool(ends) and isinstance(raw := fields.get("raw"), dict) and raw.get("timeout") is True
    return Life(fields["occurred_micros"], ends, timeout)


def _rest(turn: Turn, key: str, row: Row) -> None:
    """What ends is forgotten some time after its end; what has no end stays as long as a group or an incident has it."""
    ends = row["e"]
    if row["in"] or not ends:
        moment = turn.at + turn.state.limits.keep_resolved if not row["in"] and not ends else None
    else:
        moment = max(ends, turn.at) + KEPT_AFTER
    turn.state.sweep(key, row, moment)
