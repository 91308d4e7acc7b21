"""Which signals, one for each step, make a combination within a span, whatever the order in which they arrived."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

MOST_ENDS = 50


class Entry(NamedTuple):
    """A signal at a step. Entries of one tag are one signal."""

    moment: int
    id: str
    tag: str
    join: tuple[str, ...] | None = None
    """What it is joined by to the others, where not all steps are; None for a step that is joined with nothing."""
    read: Mapping[str, Any] | None = None
    """Fields of it that a condition over the combination reads."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What makes a combination: the span, ends included; whether steps come in their order; whether a signal may stand for several
    steps; how many steps suffice; and, where steps are ordered, before which of them nothing of a negated one may come."""

    within: int
    ordered: bool = False
    overlap: bool = False
    least: int | None = None
    fits: Callable[[Sequence[Entry]], bool] | None = None
    """A condition over the combination."""
    holds: Callable[[Sequence[bool]], bool] | None = None
    """Whether it is enough that these steps have a signal in the span, whatever stands for what."""
    between: Mapping[int, Sequence[int]] | None = None
    """Moments of negated steps, by the number of the step before which they stand; the number of steps stands for the end."""


class Effort:
    """How many more entries may be looked at for one signal: where each may combine with each, there is no end of trying."""

    __slots__ = ("left",)

    def __init__(self, most: int) -> None:
        self.left = most


Found = tuple[Entry | None, ...]
"""One entry for each step; None for those that were not needed."""


def first(steps: Sequence[Sequence[Entry]], place: int, fresh: Entry, shape: Shape, effort: Effort) -> Found | None:
    """The combination that `fresh`, which is in `steps[place]`, completes: of all, the one of the latest signals before it."""
    if shape.fits is not None:
        back = [listed[::-1] for listed in steps]
        return next(_tried(back, place, fresh, shape, effort), None)
    if shape.ordered:
        return _ordered(steps, place, fresh, shape)
    for end in _ends(steps, fresh, shape.within):
        chosen = _assigned(steps, place, fresh, end - shape.within, end, shape)
        if chosen is not None:
            return chosen
    return None


def every(
    steps: Sequence[Sequence[Entry]], place: int, fresh: Entry, shape: Shape, effort: Effort, most: int
) -> list[Found]:
    """All combinations that `fresh` completes, earliest signals first, at most so many."""
    return list(islice(_tried(steps, place, fresh, shape, effort), most))


def joined(steps: Sequence[Sequence[Entry]], fresh: Entry) -> Iterator[list[list[Entry]]]:
    """The steps with those entries alone that `fresh` may come together with, once for each set of joining values, latest first."""
    joins = [fresh.join]
    if fresh.join is None:
        met = sorted((entry for listed in steps for entry in listed), key=_moment, reverse=True)
        joins = list(dict.fromkeys(entry.join for entry in met if entry.join is not None)) or [None]
    for join in joins:
        yield [[entry for entry in listed if entry.join is None or entry.join == join] for listed in steps]


def _tried(
    steps: Sequence[Sequence[Entry]],
    place: int,
    fresh: Entry,
    shape: Shape,
    effort: Effort,
    chosen: tuple[Entry, ...] = (),
) -> Iterator[Found]:
    number = len(chosen)
    if number == len(steps):
        if _undisturbed(chosen, shape) and (shape.fits is None or shape.fits(chosen)):
            yield chosen
        return
    tags = {fresh.tag, *(one.tag for one in chosen)}
    moments = [fresh.moment, *(one.moment for one in chosen)]
    begin, end = min(moments), max(moments)
    for entry in (fresh,) if number == place else steps[number]:
        effort.left -= 1
        if effort.left < 0:
            return
        if entry.moment < end - shape.within or entry.moment > begin + shape.within:
            continue
        if shape.ordered and chosen and entry.moment < chosen[-1].moment:
            continue
        if not shape.overlap and entry.tag in tags and number != place:
            continue
        yield from _tried(steps, place, fresh, shape, effort, (*chosen, entry))


def _ordered(steps: Sequence[Sequence[Entry]], place: int, fresh: Entry, shape: Shape) -> Found | None:
    """Before it the latest ones, after it the earliest: if those are too far apart, all are."""
    chosen = {place: fresh}
    taken = {fresh.tag}

    def take(number: int, candidates: Sequence[Entry]) -> bool:
        entry = next((one for one in candidates if shape.overlap or one.tag not in taken), None)
        if entry is None:
            return False
        chosen[number] = entry
        taken.add(entry.tag)
        return True

    for number in range(place - 1, -1, -1):
        listed = steps[number]
        upto = bisect_right(listed, chosen[number + 1].moment, key=_moment)
        if not take(number, listed[:upto][::-1]):
            return None
    for number in range(place + 1, len(steps)):
        listed = steps[number]
        since = bisect_left(listed, chosen[number - 1].moment, key=_moment)
        if not take(number, listed[since:]):
            return None
    found = tuple(chosen[number] for number in range(len(steps)))
    if found[-1].moment - found[0].moment > shape.within or not _undisturbed(found, shape):
        return None
    return found


def _undisturbed(chosen: Sequence[Entry], shape: Shape) -> bool:
    """Whether nothing of a negated step stands where it must not."""
    if not shape.between or not chosen:
        return True
    last = len(chosen)
    for number, moments in shape.between.items():
        since = chosen[0].moment - shape.within if number == 0 else chosen[number - 1].moment
        until = chosen[0].moment + shape.within if number == last else chosen[number].moment
        if bisect_left(moments, since) < bisect_right(moments, until):
            return False
    return True


def _ends(steps: Sequence[Sequence[Entry]], fresh: Entry, within: int) -> list[int]:
    """The moments at which a window that holds the entry may end."""
    found = {fresh.moment}
    for listed in steps:
        since = bisect_left(listed, fresh.moment, key=_moment)
        upto = bisect_right(listed, fresh.moment + within, key=_moment)
        found.update(entry.moment for entry in listed[since:upto])
    # A signal that comes late among very many others is looked at with those nearest to it.
    return sorted(found)[:MOST_ENDS]


def _assigned(
    steps: Sequence[Sequence[Entry]], place: int, fresh: Entry, begin: int, end: int, shape: Shape
) -> Found | None:
    """One signal for as many steps as there can be, each standing for one of them, within the window; None where too few have one."""
    rooms: list[Sequence[Entry]] = []
    for number, listed in enumerate(steps):
        since, upto = bisect_left(listed, begin, key=_moment), bisect_right(listed, end, key=_moment)
        rooms.append((fresh,) if number == place else listed[since:upto][::-1])
    chosen: dict[int, Entry] = {}
    if shape.overlap or shape.holds is not None:
        chosen = {number: room[0] for number, room in enumerate(rooms) if room}
    else:
        owner: dict[str, int] = {}
        # The signal that came keeps its step: its room holds nothing else, and it is seated last.
        for number in (*(n for n in range(len(rooms)) if n != place), place):
            _seat(number, rooms, owner, chosen, set())
    if shape.holds is not None:
        enough = shape.holds([number in chosen for number in range(len(steps))])
    else:
        enough = len(chosen) >= (shape.least or len(steps))
    if place not in chosen or not enough:
        return None
    return tuple(chosen.get(number) for number in range(len(steps)))


def _seat(
    number: int, rooms: Sequence[Sequence[Entry]], owner: dict[str, int], chosen: dict[int, Entry], asked: set[str]
) -> bool:
    """Find the step a signal, others moving to another one where they can (augmenting paths)."""
    for entry in rooms[number]:
        if entry.tag in asked:
            continue
        asked.add(entry.tag)
        if entry.tag not in owner or _seat(owner[entry.tag], rooms, owner, chosen, asked):
            owner[entry.tag] = number
            chosen[number] = entry
            return True
    return False


def _moment(entry: Entry) -> int:
    return entry.moment
