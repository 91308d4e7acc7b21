"""What a way asks of a new incident and of what was gathered of an open one: each thing, whether it holds, and how it is, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rules.correlation.compiled import Way
from rules.correlation.gathered import Gathered
from rules.correlation.values import Alert
from schemas.spans import show_span

Reason = Literal["labels", "services", "learnt", "change", "weighed", "second_look", "handed_over"]
"""The closed set of what makes one incident part of another."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An incident that has just begun. `taken` are the values of each way taken together, `changes` what changed before it, with moments."""

    alert: Alert
    taken: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[str, str] | None = None
    """All its values, where `alert` has some of them alone."""

    def value(self, text: str) -> str:
        """One of its values."""
        return (self.alert.labels if self.said is None else self.said).get(text, "")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a way asks for: whether it holds, and how it is, in words."""

    kind: Reason | Literal["time"]
    holds: bool
    words: str
    weight: float = 0.0


def by_way(way: Way, newcomer: Newcomer) -> Newcomer:
    """The newcomer with those labels alone by which the way goes, where they are weighed; others are other rules'."""
    labels = newcomer.alert.labels
    if not way.said.weighed or labels.keys() <= way.texts:
        return newcomer
    kept = {text: value for text, value in labels.items() if text in way.texts}
    return replace(newcomer, alert=replace(newcomer.alert, labels=kept), said=labels)


def kept_apart(text: str, known: Gathered, newcomer: Newcomer) -> Term | None:
    """Why a value that both say keeps the two apart; None where it does not."""
    value, others = newcomer.value(text), known["labels"].get(text, {})
    if not value or not others or value in others:
        return None
    theirs = ", ".join(repr(other[:80]) for other in list(others)[:3])
    return Term("labels", False, f"{text} is {value[:80]!r} here and {theirs} there, which keeps them apart")


def shares(way: Way, known: Gathered, newcomer: Newcomer) -> bool:
    value = newcomer.taken.get(way.key)
    return value is not None and value in known["taken"].get(way.key, ())


def of_values(way: Way, known: Gathered, newcomer: Newcomer) -> Iterator[Term]:
    """One term for each value; they must be those of one incident, all together."""
    held = True
    for text, _ in way.values:
        value, others = newcomer.alert.labels.get(text, ""), known["labels"].get(text, {})
        if value and value in others:
            yield Term("labels", True, f"{text} is {value[:80]!r} in both")
            continue
        held = False
        theirs = ", ".join(repr(other[:80]) for other in list(others)[:3]) or "nothing"
        yield Term(
            "labels", False, f"{text} is {value[:80]!r} here and {theirs} there" if value else f"it has no {text}"
        )
    if held and not shares(way, known, newcomer):
        yield Term("labels", False, f"no incident there has all of {way.key} as it has")


def of_change(span: int, known: Gathered, newcomer: Newcomer) -> Term:
    mine = {name for name, at in newcomer.changes.items() if newcomer.alert.at - at <= span}
    if shared := sorted(mine & known["changes"].keys()):
        return Term("change", True, f"both came within {show_span(span)} after the change {shared[0]}")
    words = f"other changes came before the two within {show_span(span)}"
    return Term("change", False, words if mine else f"no change came before it within {show_span(span)}")
