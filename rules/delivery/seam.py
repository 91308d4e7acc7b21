"""Where the engine hands over to delivery: whether a signal is heard at all, what an occasion leads to, what time brings."""

from collections.abc import Sequence
from typing import assert_never

from rules.asking import choose
from rules.counts import Outcome
from rules.delivery.occasions import Occasion
from rules.delivery.tree import route
from rules.ruleset import RuleSet
from rules.signals import Fields
from rules.state import Row
from rules.turn import Turn


def hushed(turn: Turn, fields: Fields) -> tuple[Outcome, str] | None:
    """Why no rule is to see a signal, and what says so; None where they do. Asked before rules are, of signals that are not resolved."""
    for name in sorted(turn.state.silences):
        row = turn.state.silences[name]
        if row["starts_at"] <= turn.at < row["until"] and turn.matcher(row["matcher"])(fields):
            return "silence", name
    return None


def routed(ruleset: RuleSet, matching: Sequence[int]) -> Sequence[int]:
    """Of the rules that match a signal, by number and in order, those that act on it: in a routing tree not all do."""
    return route(ruleset, matching) if ruleset.has_trees else matching


def delivered(turn: Turn, key: str, row: Row, occasion: Occasion) -> None:
    """Deliver what has become of the group under `key` (`choose` asks for its playbook), hold it, or let it be."""
    del key
    match occasion.kind:
        case "opened" | "reopened":
            choose(turn, row, occasion.ids, _trace(occasion))
        case "worse":
            if row["severity"] == "critical":
                choose(turn, row, occasion.ids, _trace(occasion))
        case "grew" | "fewer" | "resolved":
            pass
        case _:
            assert_never(occasion.kind)


def due(turn: Turn, key: str, row: Row) -> None:
    """The moment has come for which a row `delivery/...` asked with `State.wake`; the row is due no more."""


def swept(turn: Turn, key: str, row: Row) -> None:
    """The moment has come from which nobody misses a row `delivery/...`, as it said with `State.sweep`."""
    del row
    turn.state.delete(key)


def forgotten(turn: Turn, key: str, row: Row) -> None:
    """The group under `key` is let go of, some days after its incident was resolved."""


def _trace(occasion: Occasion) -> str | None:
    return occasion.fields.get("trace") if occasion.fields is not None else None
