"""Who is on duty at a moment by a schedule: pure, and right across changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.oncall.settings import Rotation, Schedule
from connectors.ports.reading import moment
from schemas.time import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def on_duty(schedule: Schedule, at: int) -> list[tuple[int, str, int]]:
    """(level from 1, who, until when in microseconds) of each level at a moment."""
    found: list[tuple[int, str, int]] = []
    for level, rotation in enumerate(schedule.levels, 1):
        who, _, until = turn(rotation, schedule.zone, at)
        for override in schedule.overrides if level == 1 else ():
            first, last = moment(override.starts) or 0, moment(override.ends) or 0
            if first <= at < last:
                who, until = override.who, last
            elif at < first:
                until = min(until, first)
        found.append((level, who, until))
    return found


def turn(rotation: Rotation, zone: str, at: int) -> tuple[str, int, int]:
    """(who, since, until) of the turn a moment falls into. Turns change at one time of day on the wall."""
    begins = datetime.fromisoformat(rotation.starts)
    here = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))
    number = (here.replace(tzinfo=None) - begins) // timedelta(days=rotation.every_days)
    # Where the clock goes back, an hour of the wall comes twice: the edges in true time decide.
    while at < (since := _true(rotation, zone, number)):
        number -= 1
    while at >= (until := _true(rotation, zone, number + 1)):
        number += 1
        since = until
    return rotation.people[number % len(rotation.people)], since, until


def _true(rotation: Rotation, zone: str, number: int) -> int:
    """When turn `number` begins, in microseconds."""
    wall = datetime.fromisoformat(rotation.starts) + timedelta(days=rotation.every_days) * number
    return round((wall.replace(tzinfo=ZoneInfo(zone)) - _EPOCH).total_seconds()) * SECOND
