"""Named times, such as office hours: whether a moment lies in them, and when that changes next.

The fields and their meaning are Alertmanager's (https://prometheus.io/docs/alerting/latest/configuration/#time_interval): the clock on
the wall of the zone decides, so 02:30 does not occur on a day whose clocks skip it and lasts twice as long where they go back.
"""

import calendar
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from heapq import merge
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from rules.delivery.said import TimeInterval
from schemas.document import near
from schemas.spans import UNITS
from schemas.time import EPOCH

AHEAD_DAYS = 400
"""How far a change is looked for."""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_CLOCK = re.compile(r"((?:[01]\d)|(?:2[0-3])):([0-5]\d)|(24):(00)")
_MINUTE = UNITS["m"]
_WHOLE_DAY = ((0, 24 * 60),)

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """One entry of a named time. Ranges include both ends, but those of `minutes` end before theirs."""

    zone: tzinfo
    minutes: tuple[Range, ...] = _WHOLE_DAY
    weekdays: tuple[Range, ...] = ()
    days: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()

    def on(self, day: date) -> bool:
        """Whether it occurs on a day at all."""
        return (
            _within(day.weekday(), self.weekdays)
            and _within(day.month, self.months)
            and _within(day.year, self.years)
            and self._day_of_month(day)
        )

    def contains(self, moment: int) -> bool:
        local = _local(moment, self.zone)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.minutes) and self.on(local.date())

    def bounds(self, day: date) -> Iterator[int]:
        """Moments of a day at which it may begin or end: midnight, its own times, and where the clocks change."""
        start, end = _moment(day, 0, self.zone), _moment(day + timedelta(1), 0, self.zone)
        yield start
        if self.on(day):
            for minute in {minute for pair in self.minutes for minute in pair if 0 < minute < 24 * 60}:
                yield from {_moment(day, minute, self.zone, fold) for fold in (0, 1)}
        if end - start != UNITS["d"]:
            yield _change_of_clocks(start, end, self.zone)

    def _day_of_month(self, day: date) -> bool:
        if not self.days:
            return True
        length = calendar.monthrange(day.year, day.month)[1]
        for begin, end in self.days:
            first, last = (number if number > 0 else length + number + 1 for number in (begin, end))
            if first <= length and max(first, 1) <= day.day <= min(last, length):
                return True
        return False


@dataclass(frozen=True)
class Times:
    """A named time: any of its intervals. Two with equal intervals are equal."""

    name: str
    intervals: tuple[Interval, ...]

    def contains(self, moment: int) -> bool:
        return _contains(self.intervals, moment // _MINUTE)


def next_change(named: Sequence[Times], after: int) -> Iterator[int]:
    """Moments later than `after`, in order, at which any of the times may begin or end; for AHEAD_DAYS."""
    last = after
    for moment in merge(*(_bounds(interval, after) for times in named for interval in times.intervals)):
        if moment > last:
            yield moment
            last = moment


def opening(muted: Sequence[Times], active: Sequence[Times], after: int) -> int | None:
    """The first moment later than `after` at which none of `muted` holds and one of `active` does, if there are any."""
    return next((moment for moment in next_change((*muted, *active), after) if is_open(muted, active, moment)), None)


def is_open(muted: Sequence[Times], active: Sequence[Times], moment: int) -> bool:
    """Whether a moment is in none of the muted times, and in one of the active ones where there are any."""
    if active and not any(times.contains(moment) for times in active):
        return False
    return not any(times.contains(moment) for times in muted)


def compile_times(name: str, said: Iterable[TimeInterval]) -> Times:
    """The times of a name. Raises ValueError that says which text is no time."""
    return Times(name, tuple(compile_interval(interval) for interval in said))


def compile_interval(said: TimeInterval) -> Interval:
    """Raises ValueError that says which text is no time."""
    return Interval(
        zone=zone_of(said.location),
        minutes=tuple(_clocks(each.start_time, each.end_time) for each in said.times) or _WHOLE_DAY,
        weekdays=tuple(found for text in said.weekdays for found in _weekdays(text)),
        days=tuple(_days_of_month(text) for text in said.days_of_month),
        months=tuple(_range(text, "month", _MONTHS, 1, 12) for text in said.months),
        years=tuple(_range(text, "year", (), 1, 9999) for text in said.years),
    )


def zone_of(name: str) -> tzinfo:
    """A time zone by its name. Raises ValueError with near names."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}{near(name, available_timezones())}") from error


def _bounds(interval: Interval, after: int) -> Iterator[int]:
    """Moments at which an interval may begin or end, in order, from the day before on."""
    first = _local(after, interval.zone).date()
    for ahead in range(-1, AHEAD_DAYS):
        yield from sorted(interval.bounds(first + timedelta(ahead)))


@lru_cache(maxsize=4096)
def _contains(intervals: tuple[Interval, ...], minute: int) -> bool:
    """No zone has had offsets finer than a minute since 1972."""
    return any(interval.contains(minute * _MINUTE) for interval in intervals)


def _local(moment: int, zone: tzinfo) -> datetime:
    return (EPOCH + timedelta(microseconds=moment)).astimezone(zone)


def _moment(day: date, minute: int, zone: tzinfo, fold: int = 0) -> int:
    extra, minute = divmod(minute, 24 * 60)
    day += timedelta(extra)
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone, fold=fold)
    return (local.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _change_of_clocks(start: int, end: int, zone: tzinfo) -> int:
    """The first minute between two moments at which the zone's offset is that of the later one."""
    offset = _local(end, zone).utcoffset()
    while end - start > _MINUTE:
        middle = start + (end - start) // (2 * _MINUTE) * _MINUTE
        start, end = (start, middle) if _local(middle, zone).utcoffset() == offset else (middle, end)
    return end


def _within(value: int, ranges: tuple[Range, ...]) -> bool:
    return not ranges or any(begin <= value <= end for begin, end in ranges)


def _clocks(start: str, end: str) -> Range:
    found = _clock(start), _clock(end)
    if found[0] >= found[1]:
        raise ValueError(
            f"{start!r} is not before {end!r}; for a span over midnight write two, up to '24:00' and from '00:00'"
        )
    return found


def _clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time of day; expected '00:00' to '24:00'")
    hours, minutes = (found[1] or found[3]), (found[2] or found[4])
    return int(hours) * 60 + int(minutes)


def _weekdays(text: str) -> list[Range]:
    """A range of weekdays may go over the end of the week, whichever day that is: Alertmanager's begins on Sunday."""
    begin, end = _ends(text, "weekday", _DAYS, 0, 6)
    return [(begin, end)] if begin <= end else [(begin, 6), (0, end)]


def _range(text: str, what: str, names: Sequence[str], least: int, most: int) -> Range:
    begin, end = _ends(text, what, names, least, most)
    if begin > end:
        raise ValueError(f"{text!r} is not a range of {what}s, the earlier one first; for one over the end write two")
    return begin, end


def _ends(text: str, what: str, names: Sequence[str], least: int, most: int) -> Range:
    numbers = [_number(part.strip(), what, names, least, most) for part in text.strip().lower().split(":")]
    if len(numbers) > 2:
        raise ValueError(f"{text!r} is not a range of {what}s; expected one of them, or two with ':' between")
    return numbers[0], numbers[-1]


def _number(text: str, what: str, names: Sequence[str], least: int, most: int) -> int:
    if text in names:
        return names.index(text) + least
    # Weekdays have names alone; months have both.
    if least and text.isdecimal() and least <= int(text) <= most:
        return int(text)
    hint = near(text, names) if names else f"; expected a number from {least} to {most}"
    raise ValueError(f"{text!r} is not a {what}{hint}")


def _days_of_month(text: str) -> Range:
    parts = text.replace(" ", "").split(":")
    if len(parts) > 2 or not all(re.fullmatch(r"-?\d{1,2}", part) and 1 <= abs(int(part)) <= 31 for part in parts):
        raise ValueError(
            f"{text!r} is not a day of the month; expected 1 to 31, or -1 to -31 from the end, or a range of them"
        )
    begin, end = int(parts[0]), int(parts[-1])
    if begin < 0 < end or ((begin > 0) == (end > 0) and begin > end):
        raise ValueError(f"{text!r} goes backwards; a range begins with its earlier day")
    return begin, end
