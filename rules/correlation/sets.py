"""What is remembered of incidents that belong together, and of what may join them: rows of the state.

`correlation/set/LEADER` is what was gathered of an incident and those that joined it (`gathered`), with `lead`, `key` (the leader's group), `side`,
`alerts` (what they were, the first ones), `seen` and `keep`; `correlation/change/SIDE` the late changes; `correlation/episode/SIDE` and
`correlation/past/SIDE` what is learnt; `correlation/late/SIDE` those that are looked at again; `correlation/over/LEADER` whose leader is over and who is left.
"""

from collections.abc import Mapping
from typing import Any

from rules.correlation import learnt, open_sets
from rules.correlation.gathered import nothing_yet
from rules.correlation.names import plain
from rules.correlation.relating import taken_in
from rules.correlation.second_look import Hearing
from rules.correlation.terms import Newcomer
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn
from schemas.time import SECOND

SETS = open_sets.SETS
CHANGES = "correlation/change/"
EPISODE = "correlation/episode/"
PAST = "correlation/past/"
OVER = "correlation/over/"
LATE = "correlation/late/"
ALERTS = 50
"""So many incidents of a set say where it began: the first ones."""
HEARING = Hearing()
AROUND = HEARING.around_s * SECOND
"""How long after an incident is looked at again, and how far around it."""
_CHANGES, _LATE = 1_000, 200


def side_of(fields: Mapping[str, Any]) -> str:
    """Rehearsals and what is real share nothing."""
    return "rehearsal" if fields.get("rehearsal") else "real"


def set_of(turn: Turn, lead: str) -> Row | None:
    found: Row | None = turn.state.rows.get(SETS + lead)
    return found


def begin(turn: Turn, key: str, side: str, newcomer: Newcomer, keep: int) -> Row:
    """A set of one incident. Where there are too many, the one that was heard of longest ago goes."""
    state, name = turn.state, SETS + newcomer.alert.id
    if name not in state.sets:
        _make_room(turn)
    row: Row = {"lead": newcomer.alert.id, "key": key, "side": side, "alerts": [], "seen": turn.at, "keep": keep}
    row |= {**nothing_yet(newcomer.alert.at), "taken": {}}
    state.put(name, row)
    state.sets.add(name)
    take_in(turn, row, newcomer)
    state.sweep(name, row, turn.at + keep)
    return row


def _make_room(turn: Turn) -> None:
    """Let go of those heard of longest ago, until another one fits in."""
    state = turn.state
    while len(state.sets) >= state.limits.correlated and (found := state.pop_sweep("correlation")) is not None:
        moment, name, row = found
        if (later := row["seen"] + row["keep"]) > moment:
            state.sweep(name, row, later)
        else:
            drop(turn, name)
            state.evict("correlated", name)


def take_in(turn: Turn, row: Row, newcomer: Newcomer) -> None:
    """The incident is of the set from here on."""
    taken_in(row, newcomer)
    if len(row["alerts"]) < ALERTS:
        alert = newcomer.alert
        row["alerts"].append([alert.id, alert.at, alert.name, alert.service])
    turn.state.sets.joined(SETS + row["lead"], newcomer.alert, newcomer.changes, newcomer.taken)
    row["seen"] = turn.at
    turn.state.touch(SETS + row["lead"])


def goes_on(turn: Turn, row: Row, moment: int, service: str) -> None:
    """Something of the set was heard of again. Nothing is written for less than a second."""
    if moment - row["last"] < 1_000_000 and turn.at - row["seen"] < 1_000_000:
        return
    row["last"], row["seen"] = max(row["last"], moment), max(row["seen"], turn.at)
    turn.state.sets.heard(SETS + row["lead"], row["last"])
    if (name := plain(service)) in row["services"]:
        row["services"][name] = max(row["services"][name], moment)
    turn.state.touch(SETS + row["lead"])


def drop(turn: Turn, name: str) -> None:
    """Nothing joins it any more."""
    turn.state.sets.discard(name)
    turn.state.delete(name)


def late(turn: Turn, side: str, newcomer: Newcomer, lead: str) -> None:
    """Remember an incident of `lead` until those after it are known, too: then it is looked at again."""
    name, alert = LATE + side, newcomer.alert
    row = turn.state.rows.get(name) or {"alerts": []}
    if len(row["alerts"]) >= _LATE:
        turn.state.evict("correlated", name)
        del row["alerts"][0]
    row["alerts"].append([alert.id, alert.at, alert.name, alert.service, lead, turn.at + AROUND])
    turn.state.put(name, row)
    if row.get("due") is None:
        turn.state.wake(name, row, turn.at + AROUND)


def renamed(turn: Turn, before: str, lead: str) -> None:
    """Another incident leads what the one before led; that one itself goes elsewhere."""
    for side in ("real", "rehearsal"):
        row = turn.state.rows.get(LATE + side)
        for alert in row["alerts"] if row is not None else ():
            if alert[4] == before and alert[0] != before:
                alert[4] = lead
                turn.state.touch(LATE + side)


def swept(turn: Turn, name: str, row: Row) -> None:
    """The moment has come from which nothing joins it, unless it was heard of since."""
    if (later := row["seen"] + row["keep"]) > turn.at:
        turn.state.sweep(name, row, later)
    else:
        drop(turn, name)


def changed(turn: Turn, fields: Fields, span: int) -> None:
    """A deploy, a flag, a setting: what comes after it may come of it."""
    name = CHANGES + side_of(fields)
    row = turn.state.rows.get(name) or {"late": []}
    moment = min(fields["occurred_micros"], turn.at)
    late = [one for one in row["late"] if one[1] >= turn.at - 2 * span]
    if len(late) >= _CHANGES:
        turn.state.evict("correlated", name, len(late) + 1 - _CHANGES)
        late = late[1 - _CHANGES :]
    label = f"{fields['title'][:80]!r} ({fields['id']})"
    row["late"] = [*late, [label, moment, plain(fields.get("service") or "")]]
    turn.state.put(name, row)


def changes(turn: Turn, side: str) -> list[list[Any]]:
    """Label, moment and service of each change that is remembered."""
    found: list[list[Any]] = (turn.state.rows.get(CHANGES + side) or {"late": []})["late"]
    return found


def past(turn: Turn, side: str) -> learnt.Past | None:
    found: learnt.Past | None = turn.state.rows.get(PAST + side)
    return found


def learn(turn: Turn, side: str, moment: int, service: str) -> None:
    """An incident has begun: it is of the present episode of trouble, or the first of another, and then the one before is learnt from."""
    name = plain(service)
    row = turn.state.rows.get(EPISODE + side)
    if row is not None and moment - row["last"] > learnt.GAP:
        before = past(turn, side) or learnt.no_past()
        learnt.remember(before, row["services"])
        turn.state.sets.learnt(side)
        turn.state.put(PAST + side, before)
        row = None
    row = row or {"last": moment, "services": []}
    row["last"] = max(row["last"], moment)
    if name and name not in row["services"] and len(row["services"]) < learnt.SERVICES:
        row["services"].append(name)
    turn.state.put(EPISODE + side, row)
