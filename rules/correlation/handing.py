"""A leader is over and members of it are not: one of them leads the others from there on, and is told of."""

from rules.correlation import looking_again, sets
from rules.correlation.leading import hand_over, left_of
from rules.delivery import gate
from rules.state import Row
from rules.turn import Turn


def due(turn: Turn, name: str, row: Row) -> None:
    """The moment has come for which a row `correlation/...` asked."""
    if name.startswith(sets.OVER):
        _over(turn, name, row)
    else:
        looking_again.due(turn, name, row)


def _over(turn: Turn, name: str, waiting: Row) -> None:
    """So long after the end of the leader: who is still left goes on."""
    state, before = turn.state, waiting["lead"]
    state.delete(name)
    left = left_of(turn, before, waiting["left"])
    if not left:
        sets.drop(turn, sets.SETS + before)
        return
    because = f"{before}, of which it was a part, is over and this is not"
    key, told = hand_over(turn, before, left, because)
    row = state.rows[key]
    if not told:
        gate.offer(turn, turn.compiled(row["rule"]), key, row)
    state.touch(key)
