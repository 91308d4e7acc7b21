"""How much the engine remembers, and how often it speaks of what only adds up."""

from dataclasses import dataclass

from schemas.spans import UNITS


@dataclass(frozen=True, slots=True)
class Limits:
    """Spans in microseconds. What is put out of memory by a limit is counted in `State.evicted`."""

    lateness: int = 2 * UNITS["m"]
    """How far behind the latest signal of its group a signal may be, in event time, and still count into windows."""
    count_span: int = UNITS["m"]
    """Signals with one outcome are recorded together, once for such a span of journal time..."""
    count_most: int = 10_000
    """... or at so many of them."""
    update_every: int = 5 * UNITS["s"]
    """Updates of an incident that only add up are recorded at most so often, the first one at once; none is lost."""
    seen: int = 1_000_000
    """Ids remembered for each span for which connectors ask them to be; the oldest go first."""
    windows: int = 1_000_000
    """Keys kept of each kind (windows, steps, absences, groups that wait for `for`, a group's earlier incidents); those that would be
    forgotten first go first."""
    keys_of_rule: int = 200_000
    """The same for one rule, so that no rule puts the others' out of memory."""
    window_signals: int = 16
    """Signals a window keeps beyond twice the number it counts to; the oldest go first, which changes no verdict on time."""
    window_values: int = 10_000
    """Values a window keeps that measures them; the oldest go first."""
    step_signals: int = 100
    """Signals kept for one step and one key; the oldest go first."""
    combinations: int = 100
    """Firings that one signal may complete at once, where every combination is one."""
    combining: int = 5_000
    """Signals looked at to find what one signal completes."""
    facts: int = 100_000
    """Facts known at a time; the ones that expire first go first."""
    future: int = 5 * UNITS["m"]
    """How far ahead of acceptance an event time is believed to be a clock's error; beyond it the sender is said to be wrong. Either counts as now."""
    firing: int = 1_000
    """Occurrences of an incident kept by name."""
    fires_in_few: int = 8
    """In so many incidents an occurrence that is heard of again is written down in each; in more, once for all of them."""
    keep_resolved: int = 7 * UNITS["d"]
    """How long a resolved incident can still be given feedback and outcomes."""
    keep_episodes: int = 400 * UNITS["d"]
    """How long the number of a group's last episode is kept."""
    running_at_most: int = UNITS["h"]
    """An investigation that has said nothing for so long no longer keeps another one from starting."""
    silence_asks_after: int = UNITS["h"]
    """A silence that has hidden a critical incident for so long is asked about..."""
    silence_asks_every: int = 4 * UNITS["h"]
    """... and again after so long."""
    correlated: int = 500
    """Incidents that others may join, each with those that did; and late changes. The ones heard of longest ago go first."""
    group_members: int = 50_000
    """Occurrences of a group that waits; the ones longest in it go first, without their end being told."""
