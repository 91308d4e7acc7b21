"""What fires, by occurrence, whoever is told of it: since when, until when, and what it says of itself.

An occurrence that is told of again overlaps what is known of it or follows it; the merge is Alertmanager's
(https://github.com/prometheus/alertmanager, `types.Alert.Merge`): earliest start, and an end somebody said outlasts one that is
only a time-out.
"""

from typing import Any, NamedTuple

Kept = list[Any]


class Life(NamedTuple):
    """Moments between which an occurrence fires; `ends` is 0 while nobody said when. `timeout`: the end is only what holds if
    nobody speaks of it again."""

    starts: int
    ends: int
    timeout: bool = False

    def over(self, now: int) -> bool:
        return bool(self.ends) and self.ends <= now


def merged(old: Life | None, new: Life, now: int) -> Life:
    """What is known after `new` was heard at `now`."""
    if old is None or not _overlap(old, new):
        return new
    starts = min(old.starts, new.starts)
    if new.over(now):
        ends = max(old.ends, new.ends) if old.over(now) else new.ends
        return Life(starts, ends, new.timeout)
    if not new.ends or (not old.timeout and _later(old.ends, new.ends)):
        return Life(starts, old.ends if new.ends else 0, new.timeout)
    return Life(starts, new.ends, new.timeout)


def _overlap(old: Life, new: Life) -> bool:
    return (_later(new.ends, old.starts) and _later(old.ends, new.ends)) or (
        new.starts > old.starts and _later(old.ends, new.starts)
    )


def _later(end: int, moment: int) -> bool:
    """Whether an end is later than a moment; none is later than any, and no end comes after none."""
    return end == 0 != moment or (end > moment and moment != 0)
