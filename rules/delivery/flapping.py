"""Groups that begin and end too often to be told of each time: rows `delivery/flap/GROUP` hold the moments of late beginnings and ends."""

from rules.delivery.compiled import Delivery
from rules.delivery.holds import Hold
from rules.delivery.occasions import Occasion
from rules.turn import Turn
from schemas.spans import show_span

PREFIX = "delivery/flap/"


def note(turn: Turn, delivery: Delivery, key: str, occasion: Occasion) -> None:
    """An incident has begun or ended."""
    said = delivery.flapping
    if said is None or occasion.kind not in ("opened", "reopened", "resolved"):
        return
    name = PREFIX + key.removeprefix("group/")
    row = turn.state.rows.get(name) or {"times": []}
    row["times"] = [*(moment for moment in row["times"] if moment > turn.at - said.within), turn.at][-said.changes :]
    turn.state.put(name, row)
    turn.state.sweep(name, row, turn.at + said.within)


def hold(turn: Turn, delivery: Delivery, key: str) -> Hold | None:
    """While the last so many changes lie within the span, and until it has been steady for as long."""
    said = delivery.flapping
    row = turn.state.rows.get(PREFIX + key.removeprefix("group/")) if said is not None else None
    if said is None or row is None or len(row["times"]) < said.changes:
        return None
    first, last = row["times"][0], row["times"][-1]
    if last - first >= said.within or last + said.within <= turn.at:
        return None
    words = f"flapping: {said.changes} beginnings and ends within {show_span(said.within)}"
    return Hold("flapping", "", last + said.within, words=words)
