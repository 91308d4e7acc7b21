"""Whether a new incident belongs to others that are open, by which way, and why or why not."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rules.correlation import learnt
from rules.correlation.compiled import Way
from rules.correlation.gathered import Gathered, hear, same
from rules.correlation.graph import FAR, Graph
from rules.correlation.names import plain
from rules.correlation.open_sets import SETS, Likely, Mark, OpenSets
from rules.correlation.speaking import speaking
from rules.correlation.terms import Newcomer, Reason, Term, by_way, kept_apart, of_change, of_values, shares
from rules.correlation.topology import Topology
from rules.correlation.values import Alert, Weights
from rules.correlation.values import Reason as Spoken
from rules.texts import as_text
from schemas.spans import about, show_span
from schemas.time import SECOND

WEIGHTS = Weights()
_ALONE = round(-math.log(WEIGHTS.enough / WEIGHTS.time) * WEIGHTS.time_s * SECOND)
"""After so long, having been heard of lately is not enough by itself."""


@dataclass(frozen=True, slots=True)
class Related:
    """A way that holds: by what, with all its reasons in words, and how much speaks for it."""

    reasons: tuple[Reason, ...]
    words: tuple[str, ...]
    weight: float


class Relations:
    """What the rules in force say of how incidents belong together."""

    def __init__(self, topology: Topology, ways: Sequence[Way]) -> None:
        self.graph: Graph = topology.graph()
        self.values = {text: value for way in ways for text, value in (*way.values, *way.apart)}
        """Every value by which any way goes."""
        self.together = {way.key: way for way in ways if way.values}
        self.within = max(way.said.within for way in ways)
        weighed = WEIGHTS.change_s * SECOND if any(way.said.weighed for way in ways) else 0
        self.change = max(weighed, *(way.said.change or 0 for way in ways))
        """How long a change is remembered."""
        self.learns = any(way.said.learnt for way in ways)

    def newcomer(
        self, identity: str, at: int, fields: Mapping[str, Any], service: str, changes: Sequence[Sequence[Any]]
    ) -> Newcomer:
        """An incident as it begins with a signal; `changes` are those known."""
        values = {text: as_text(value.get(fields)) for text, value in self.values.items()}
        alert = Alert(identity, at, name_of(fields), service, {text: value for text, value in values.items() if value})
        taken = {key: value for key, way in self.together.items() if (value := way.value(fields))}
        return Newcomer(alert, taken, dict(self._before(alert, changes)))

    def _before(self, alert: Alert, changes: Sequence[Sequence[Any]]) -> Iterator[tuple[str, int]]:
        """Of the changes those before it, of its service or of one that it needs."""
        service = plain(alert.service)
        needed = self.graph.needed(service)
        for name, at, changed, *_ in changes:
            if alert.at - self.change <= at <= alert.at and (changed == service or changed in needed):
                yield name, at

    def best(
        self,
        way: Way,
        open_: OpenSets,
        rows: Mapping[str, Gathered],
        side: str,
        newcomer: Newcomer,
        past: learnt.Past | None,
        fits: Callable[[Gathered], bool] = lambda _: True,
    ) -> tuple[Gathered, Related] | None:
        """The open set that fits to which the newcomer belongs most; of equals the one heard of last."""
        best: tuple[tuple[float, int, str], Gathered, Related] | None = None
        for likely in self._likely(way, open_, rows, side, newcomer, past):
            if best is not None and likely.rank < best[0]:
                break
            known = rows[SETS + likely.lead]
            related = self.related(way, known, newcomer, past)
            if related is None or not fits(known):
                continue
            rank = (related.weight, likely.last, likely.lead)
            if best is None or rank > best[0]:
                best = (rank, known, related)
        return best[1:] if best is not None else None

    def _likely(
        self,
        way: Way,
        open_: OpenSets,
        rows: Mapping[str, Gathered],
        side: str,
        newcomer: Newcomer,
        past: learnt.Past | None,
    ) -> list[Likely]:
        """Every open set to which the newcomer may belong, and few others, in the order in which they are preferred."""
        newcomer = by_way(way, newcomer)
        said, service = way.said, plain(newcomer.alert.service)
        near: set[str] = set()
        if service and (said.weighed or said.services):
            near |= self.graph.within(service, said.services or 1)
            if past is not None and (said.weighed or said.learnt):
                near |= open_.partners(side, lambda: learnt.partners(past)).get(service, frozenset())
        if said.weighed:
            return open_.speaking(rows, side, newcomer.alert, near, newcomer.changes, WEIGHTS)
        wanted: list[list[Mark]] = []
        if way.values:
            value = newcomer.taken.get(way.key)
            wanted.append([("taken", way.key, value)] if value is not None else [])
        if said.services is not None:
            wanted.append([("service", name) for name in (service, *near)] if service else [])
        if said.change is not None:
            wanted.append(
                [("change", name) for name, at in newcomer.changes.items() if newcomer.alert.at - at <= said.change]
            )
        return open_.sharing(rows, side, open_.fewest(rows, wanted))

    def related(self, way: Way, known: Gathered, newcomer: Newcomer, past: learnt.Past | None) -> Related | None:
        """How the newcomer belongs to what was gathered; None where it does not."""
        newcomer = by_way(way, newcomer)
        if _distance(known, newcomer.alert.at) > way.said.within:
            return None
        if not self._may(way, known, newcomer, past):
            return None
        terms = []
        for term in self.terms(way, known, newcomer, past):
            if not term.holds:
                return None
            terms.append(term)
        reasons = tuple(dict.fromkeys(term.kind for term in terms if term.kind != "time"))
        return Related(reasons, tuple(term.words for term in terms), sum(term.weight for term in terms))

    def _may(self, way: Way, known: Gathered, newcomer: Newcomer, past: learnt.Past | None) -> bool:
        """Whether it is worth finding the words: false only where `terms` would not all hold."""
        said, service = way.said, plain(newcomer.alert.service)
        if any(kept_apart(text, known, newcomer) is not None for text, _ in way.apart):
            return False
        if not said.weighed:
            if way.values and not shares(way, known, newcomer):
                return False
            return said.services is None or self._is_near(said.services, known, service, past if said.learnt else None)
        recent = newcomer.alert.at - known["last"] <= _ALONE
        return (
            recent
            or self._is_near(1, known, service, past)
            or not known["changes"].keys().isdisjoint(newcomer.changes)
            or any(value in known["labels"].get(label, ()) for label, value in newcomer.alert.labels.items())
            or same(newcomer.alert) in known["same"]
        )

    def _is_near(self, most: int, known: Gathered, service: str, past: learnt.Past | None) -> bool:
        others = known["services"]
        if not service or service in others:
            return bool(service)
        reached = self.graph.within(service, most)
        if not reached.isdisjoint(others):
            return True
        return bool(most) and past is not None and any(learnt.together(past, service, other) for other in others)

    def terms(self, way: Way, known: Gathered, newcomer: Newcomer, past: learnt.Past | None) -> Iterator[Term]:
        """All that the way asks for, each as it is."""
        newcomer = by_way(way, newcomer)
        said, alert = way.said, newcomer.alert
        gap = _distance(known, alert.at)
        late = gap > said.within
        yield Term(
            "time", not late, f"{about(gap)} apart, {'more than' if late else 'within'} {show_span(said.within)}"
        )
        for text, _ in way.apart:
            if (apart := kept_apart(text, known, newcomer)) is not None:
                yield apart
        if said.weighed:
            reasons = self._speaking(known, newcomer, past)
            total = sum(reason.weight for reason in reasons)
            told = ", ".join(f"{reason.text} {reason.weight:+.2f}" for reason in reasons)
            more = total > WEIGHTS.enough
            words = f"{told}: {total:.2f}, {'more' if more else 'not more'} than {WEIGHTS.enough}"
            yield Term("weighed", more, words, total)
        elif way.values:
            yield from of_values(way, known, newcomer)
        if said.services is not None:
            yield self._near(said.services, known, alert.service, past if said.learnt else None)
        if said.change is not None:
            yield of_change(said.change, known, newcomer)

    def _speaking(self, known: Gathered, newcomer: Newcomer, past: learnt.Past | None) -> list[Spoken]:
        def apart(one: str, other: str) -> int:
            return 1 if learnt.together(past, one, other) else self.graph.apart(one, other)

        return speaking(known, newcomer.alert, newcomer.changes, apart, WEIGHTS)

    def _near(self, most: int, known: Gathered, service: str, past: learnt.Past | None) -> Term:
        if not service:
            return Term("services", False, "it has no service")
        name, others = plain(service), sorted(known["services"])
        if name in known["services"]:
            return Term("services", True, f"both of {service}")
        steps, other = min(((self.graph.apart(name, other), other) for other in others), default=(FAR, ""))
        if steps <= most and steps < FAR:
            return Term("services", True, f"{service} is {_STEPS[steps]} {other}")
        for other in others if most else ():
            if (found := learnt.together(past, name, other)) is not None:
                words = f"{service} and {other} went down together {found[0]} of {found[1]} times"
                return Term("learnt", True, words)
        shown = ", ".join(others[:3]) or "what has no service"
        return Term("services", False, f"{service} is not {_STEPS_MOST[most]} {shown}")


_STEPS = {1: "next to", 2: "two steps from"}
_STEPS_MOST = {0: "the same as", 1: "next to", 2: "within two steps of"}


def name_of(fields: Mapping[str, Any]) -> str:
    """What a signal is called: its alert's name, or its title."""
    return str(fields["labels"].get("alertname") or fields["title"])


def taken_in(known: Gathered, newcomer: Newcomer) -> None:
    """What was gathered, with the newcomer from here on."""
    hear(known, newcomer.alert, newcomer.changes)
    for key, value in newcomer.taken.items():
        known["taken"].setdefault(key, {})[value] = newcomer.alert.at


def _distance(known: Gathered, at: int) -> int:
    """How far a moment is from the stretch that was heard of."""
    gap: int = max(at - known["last"], known["start"] - at, 0)
    return gap
