"""What is said late of a group's incident counts for that one, also when the group is in another incident by now.

A row `earlier/RULE/INCIDENT` is the row of a group as it was when its incident was over, kept for as long as any incident that is over.
"""

from rules.bounds import EARLIER
from rules.state import Row, State

_PASSING = ("sweep", "due", "pending")
"""What is about the row of the group, not about the incident."""


def set_aside(state: State, old: Row) -> None:
    """The group begins another incident: the one before it, which is over, is kept beside it."""
    if (identity := old.get("id")) is None:
        return
    over: int = old.get("resolved_at") or old["at"]
    until: int = old.get("sweep") or over + state.limits.keep_resolved
    rehearsal = "rehearsal:" if old["rehearsal"] else ""
    key = f"{EARLIER}/{rehearsal}{old['rule']}/{identity}"
    row = {name: value for name, value in old.items() if name not in _PASSING}
    state.put(key, row)
    state.incidents[identity] = key
    state.sweep(key, row, until)
