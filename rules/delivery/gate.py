"""Telling at once, unless something holds it: then when that ends, if there is still something to tell."""

from rules.asking import choose
from rules.delivery.occasions import Occasion
from rules.ruleset import CompiledRule
from rules.state import Row
from rules.turn import Turn


def delivered(turn: Turn, rule: CompiledRule | None, key: str, row: Row, occasion: Occasion) -> None:
    """What has become of an incident whose rule does not wait."""
    if occasion.kind in ("opened", "reopened") or (occasion.kind == "worse" and row["severity"] == "critical"):
        choose(turn, row, occasion.ids, occasion.fields.get("trace") if occasion.fields is not None else None)


def due(turn: Turn, key: str, row: Row) -> None:
    """Whether what was held is still held, and if not, telling it."""


def freed(turn: Turn, cause: str) -> None:
    """What held some things back holds them no more."""
