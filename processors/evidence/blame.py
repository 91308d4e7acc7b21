"""Blame: how well one change explains the scene, with what speaks for it and against it."""

from collections.abc import Sequence
from dataclasses import dataclass

from processors.evidence.diffs import Trait
from processors.evidence.mechanisms import affinity
from processors.evidence.metrics import kind_of
from processors.evidence.scene import Scene
from processors.evidence.values import ChangeRead, CommitRead
from processors.evidence.words import service_stem

LINKED = 0.45
"""Points of the strongest link between a change and the errors."""
FITS = 0.30
"""Points of a change that does what breaks in just this way."""
MATCHED = 0.45
"""Points when a number in the change went from and to what a metric went from and to."""
REARRANGED = -0.30
LITTLE, UNFIT = 0.15, -0.10
"""A change whose lines are known and earn less than the first has nothing to do with it as far as can be seen: it loses the second."""
MUTE = -0.10
"""Points of a change that nothing is known of but its title."""
EXPLAINED = 1.1
"""What a cause from outside takes, times its strength, where it is `CONVINCING`; half as much where it is not."""
CONVINCING = 0.7
TELLING = 0.5
"""A link from here on is a path into the fault."""

_DOES: dict[Trait, str] = {
    "removes_bound": "it takes away a bound",
    "removes_guard": "it takes away a check",
    "removes_release": "it no longer gives back what it takes",
    "work_in_loop": "it asks something outside once for each item of a loop",
    "lowers_limit": "it lowers a limit",
    "raises_load": "it asks more often or for more",
    "bumps_dependency": "it changes the version of a dependency",
    "touches_schema": "it relies on a change of the database schema",
    "reads_setting": "it reads a setting that must be there",
    "removes_cache": "it takes away a cache",
    "adds_lock": "it takes a lock",
    "changes_configuration": "it changes configuration",
    "touches_credentials": "it changes credentials, certificates or permissions",
    "changes_format": "it changes how data is written or read",
    "grows_state": "it keeps more in memory",
    "changes_concurrency": "it changes what runs at the same time",
    "changes_time": "it changes how times are handled",
    "removes_retry": "it takes away a second attempt",
}


@dataclass(frozen=True, slots=True)
class Clue:
    """What the scene says of one change: points for and against, reasons for it, and why it cannot be, if it cannot.
    `linked` when it has words in common with the fault that few other changes have."""

    points: float = 0.0
    for_it: tuple[str, ...] = ()
    impossible: str | None = None
    linked: bool = False
    exact: bool = False
    """A number of the change is the number of the metric."""
    read: bool = False
    """Its diff is known: that it does nothing that fits is then known too."""


def clue_of(scene: Scene, commit: CommitRead | None) -> Clue:
    """Of the commit a change carries; nothing is known of a change without one."""
    if commit is None:
        return Clue()
    effect = scene.effects.get(commit.sha)
    if effect is None:
        return Clue()
    if "inert" in effect.traits:
        return Clue(impossible="it changes only documentation, tests or what does not run in production")
    link = scene.vocabulary.link(commit.sha)
    points, reasons = LINKED * link.strength, []
    if link.strength >= 0.3 and link.words:
        reasons.append("it changes " + ", ".join(link.words[:3]) + ", which the errors name too")
    fit, _, trait = affinity(scene.mechanisms, effect.traits)
    related = 0.35 + 0.65 * link.strength
    points += FITS * fit * related
    if trait is not None and fit >= 0.4 and trait in _DOES:
        reasons.append(f"{_DOES[trait]}, and that is how it fails")
    exact = _matched(scene, effect.numbers)
    if exact is not None:
        points += MATCHED
        reasons.insert(0, exact)
    if "rearranged" in effect.traits:
        points += REARRANGED
    if not effect.known:
        points += MUTE
    elif points < LITTLE:
        points += UNFIT
    linked = link.strength >= TELLING or exact is not None
    return Clue(round(points, 3), tuple(reasons), None, linked, exact is not None, effect.known)


def explained_by_outside(scene: Scene) -> float:
    """Points every change loses to the strongest cause that no change brings."""
    strongest = scene.outside[0].strength if scene.outside else 0.0
    return -EXPLAINED * strongest if strongest >= CONVINCING else -0.5 * EXPLAINED * max(0.0, strongest - 0.4)


def _matched(scene: Scene, numbers: Sequence[tuple[str, float, float]]) -> str | None:
    for _, old, new in numbers:
        for shift in scene.shifts:
            if (
                kind_of(shift.series.metric) in ("limit", "other", "saturation")
                and _same(shift.before, old)
                and _same(shift.after, new)
            ):
                return f"it sets {old:g} to {new:g}, and {shift.series.metric} went from {shift.before:g} to {shift.after:g}"
    return None


def _same(seen: float, said: float) -> bool:
    return abs(seen - said) <= 0.02 * max(abs(seen), abs(said), 1e-9)


def owner_of(commit: CommitRead, names: Sequence[str]) -> str | None:
    """The service whose folder all its live files lie in, by the service's name without what every service's name has."""
    found: set[str] = set()
    for file in commit.files:
        segments = {service_stem(part) for part in file.lower().split("/")[:-1]}
        owners = [name for name in names if service_stem(name) in segments]
        if len(owners) != 1:
            return None
        found.add(owners[0])
    return found.pop() if len(found) == 1 else None


def rolled_out(commit: CommitRead, owner: str | None, deploys: Sequence[ChangeRead], began: int) -> ChangeRead | None:
    """The deploy that brought a commit: of that very commit, else the first after it of its service, before it began."""
    own = [
        each
        for each in deploys
        if each.commit and (commit.sha.startswith(each.commit) or each.commit.startswith(commit.sha))
    ]
    if own:
        return min(own, key=lambda each: each.at)
    if owner is None:
        return None
    later = [each for each in deploys if each.service == owner and commit.at <= each.at <= began]
    return min(later, key=lambda each: each.at, default=None)
