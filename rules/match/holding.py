"""`for`: a rule that has to stay true for a while before it fires.

A row `waiting/GROUP` is a group whose rule is true and has not fired: `since` when, `due` when it will fire, `units` what fires in it, and
of a window `lapse`, the moment at which it stops being true if nothing more comes.
"""

from rules import sentences, windows
from rules.firing import essence, fire
from rules.incidents import calm, unit_of
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from rules.windows import Filled, Window
from schemas.spans import show_span

IDS = 20


def holds(
    turn: Turn,
    rule: CompiledRule,
    name: str,
    values: tuple[str, ...],
    fields: Fields,
    moment: int,
    filled: Filled | None,
) -> bool:
    """Whether a rule that is true with this signal does not fire yet; it will at its moment. Not asked where its incident is open."""
    span = rule.matching.hold
    if span is None:
        return False
    state, key = turn.state, f"waiting/{name}"
    row = state.rows.get(key)
    if row is not None and (row["memory"] != rule.matching.memory or _lapsed(row, moment)):
        forget(turn, key, row)
        row = None
    if row is None:
        row = {"memory": rule.matching.memory, "rule": rule.name, "values": list(values), "since": turn.at, "fields": essence(fields),
               "moment": moment, "ids": [], "number": 0, "units": {}}  # fmt: skip
        state.put(key, row)
        state.wake(key, row, turn.at + span)
        state.sweep(key, row, turn.at + span)
    _count(turn, key, row, fields, filled)
    window = rule.matching.window
    if window is not None:
        row["lapse"] = windows.lapses(state.rows[f"window/{name}"], window, moment)
    turn.count("waiting", fields["id"], rule.name)
    return True


def untrue(turn: Turn, name: str, window: Window, moment: int) -> None:
    """The group's window was filled without the rule being true: what waits has waited in vain if it is not true now."""
    key = f"waiting/{name}"
    row = turn.state.rows.get(key)
    if row is not None and not windows.holds_at(turn.state.rows[f"window/{name}"], window, moment):
        forget(turn, key, row)


def calmed(turn: Turn, key: str, row: Row, units: tuple[str, ...]) -> None:
    """Something in a group that waits fires no more; when nothing does, it waits no longer."""
    for unit in units:
        if row["units"].pop(unit, None) is not None:
            turn.state.drop_firing(unit, key)
    if not row["units"]:
        forget(turn, key, row)
    else:
        turn.state.touch(key)


def due(turn: Turn, key: str, row: Row) -> None:
    """It has stayed true for as long as the rule asks, unless it stopped before."""
    fields, name = row["fields"], key.partition("/")[2]
    rule = turn.compiled(row["rule"])
    units = {unit: expires for unit, expires in row["units"].items() if not expires or expires > turn.at}
    forget(turn, key, row)
    if rule is None or rule.matching.memory != row["memory"] or rule.matching.hold is None:
        return
    if (row.get("lapse") or turn.at + 1) <= turn.at or (rule.matching.window is None and not units):
        return
    why = f"{sentences.what(rule, fields, row['number'])} for {show_span(rule.matching.hold)}"
    filled = Filled(row["number"], True, tuple(row["ids"]), number=row["number"], why=why,
                    units=units if rule.matching.window is None else {})  # fmt: skip
    fire(turn, rule, name, tuple(row["values"]), fields, row["moment"], filled)
    begun = turn.state.rows.get(f"group/{name}")
    if rule.matching.window is None and unit_of(fields) not in units and begun is not None and "firing" in begun:
        # It was heard of last, and is over: it told what the incident is about, and fires in it no more.
        calm(turn.state, f"group/{name}", begun, unit_of(fields))


def forget(turn: Turn, key: str, row: Row) -> None:
    """Nothing waits there any more."""
    for unit in row["units"]:
        turn.state.drop_firing(unit, key)
    turn.state.delete(key)


def _count(turn: Turn, key: str, row: Row, fields: Fields, filled: Filled | None) -> None:
    row["fields"] = essence(fields)
    row["number"] = filled.number if filled is not None else row["number"] + 1
    row["ids"] = [*(filled.ids if filled is not None else (*row["ids"], fields["id"]))][-IDS:]
    unit = unit_of(fields)
    row["units"][unit] = fields.get("expires_micros", 0)
    turn.state.firing.add(unit, key)
    turn.state.touch(key)


def _lapsed(row: Row, moment: int) -> bool:
    lapse: int | None = row.get("lapse")
    return lapse is not None and lapse <= moment
