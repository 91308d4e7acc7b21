"""What a rule says of delivery, checked and ready to act."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rules.cel import CelError, Condition, Expression, compile, compile_value  # noqa: A004 (the language's own word for it)
from rules.delivery.said import Dedup, Flapping, Storm, Throttle, TimeInterval
from rules.fields import SCHEMA
from rules.model import Rule
from rules.times import Times, compile_interval
from schemas.document import Document, Fault, near
from schemas.document import Path as At
from schemas.spans import UNITS

GROUP_WAIT, GROUP_INTERVAL, REPEAT_INTERVAL = 30 * UNITS["s"], 5 * UNITS["m"], 4 * UNITS["h"]
"""What Alertmanager takes for the waits that are not said, once one of them is."""

INHERITED = (
    *("group_by", "playbook", "group_wait", "group_interval", "repeat_interval", "send_resolved", "held_ends"),
    *("priority", "owner", "shadow"),
)
"""What a child of a routing tree takes from the rule above it unless it says so itself; labels are added to each other."""

Wrong = Callable[[At, CelError | ValueError], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits of a group, in microseconds, named as in Alertmanager."""

    wait: int
    interval: int
    repeat: int
    send_resolved: bool
    forgets_held_ends: bool = False


@dataclass(frozen=True, slots=True)
class Inhibition:
    """What a rule holds back while something of it fires. `equal` are the values that must be the same on both sides."""

    when: Condition
    equal: tuple[Expression, ...]
    last_alone: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that a rule says of delivery."""

    pace: Pace | None = None
    muted: tuple[Times, ...] = ()
    active: tuple[Times, ...] = ()
    inhibits: tuple[Inhibition, ...] = ()
    throttle: Throttle | None = None
    throttled_by: tuple[Expression, ...] | None = None
    flapping: Flapping | None = None
    storm: Storm | None = None
    dedup: Dedup | None = None
    same: tuple[Expression, ...] = ()
    """The values that make two signals one problem; nothing for the signal's own occurrence."""

    @property
    def times(self) -> str:
        """The content of the named times, which the rule's version covers."""
        return repr([*self.muted, *self.active]) if self.muted or self.active else ""

    @property
    def is_open_always(self) -> bool:
        return not self.muted and not self.active


def inherited(rule: Rule, above: Rule) -> Rule:
    """A rule of a routing tree with what it takes from the one above it."""
    taken = {name: getattr(above, name) for name in INHERITED if name not in rule.model_fields_set}
    said = {name for name in taken if name in above.model_fields_set}
    full = rule.model_copy(update={**taken, "labels": {**above.labels, **rule.labels}})
    full.model_fields_set.update(said)
    return full


def named_times(files: Iterable[tuple[Document, str]], faults: list[Fault]) -> dict[str, Times]:
    """The named times of all files; the faults of what is none are added."""
    found: dict[str, Times] = {}
    for document, _ in files:
        content = document.content
        said = content.get("times") if isinstance(content, dict) else None
        for name, listed in said.items() if isinstance(said, dict) else ():
            if name in found:
                faults.append(document.fault(("times", name), f"the times {name!r} are named twice"))
            intervals = []
            for number, item in enumerate(listed if isinstance(listed, list) else ()):
                try:
                    intervals.append(compile_interval(TimeInterval.model_validate(item)))
                except ValidationError:
                    continue  # The shape of the file has been found at fault already.
                except ValueError as error:
                    faults.append(document.fault(("times", name, number), f"times {name!r}: {error}"))
            found[str(name)] = Times(str(name), tuple(intervals))
    return found


def compile_delivery(rule: Rule, written: object, times: Mapping[str, Times], wrong: Wrong) -> Delivery | None:
    """What a rule says of delivery, None when nothing; `wrong` is told each fault with its path in the rule."""
    inhibits = _inhibitions(rule, written, wrong)
    throttle, dedup = rule.throttle, rule.dedup
    throttled_by = None
    if throttle is not None and throttle.by is not None:
        throttled_by = _values(throttle.by, ("throttle", "by"), written, wrong)
    same = _values(dedup.fields, ("dedup", "fields"), written, wrong) if dedup is not None else ()
    muted, active = (_named(rule, written, which, times, wrong) for which in ("muted", "active"))
    if rule.match is not None and isinstance(written, Mapping) and "rules" in written:
        wrong(("match",), ValueError("a rule with children routes single signals; put the match into the children"))
    found = Delivery(
        _pace(rule), muted, active, inhibits, throttle, throttled_by, rule.flapping, rule.storm, dedup, same
    )
    return None if found == Delivery() else found


def _pace(rule: Rule) -> Pace | None:
    waits = rule.group_wait, rule.group_interval, rule.repeat_interval
    if waits == (None, None, None):
        return None
    wait = GROUP_WAIT if rule.group_wait is None else rule.group_wait
    interval = rule.group_interval or GROUP_INTERVAL
    return Pace(
        wait,
        interval,
        rule.repeat_interval or REPEAT_INTERVAL,
        rule.send_resolved is not False,
        rule.held_ends == "forget",
    )


def _inhibitions(rule: Rule, written: object, wrong: Wrong) -> tuple[Inhibition, ...]:
    listed = isinstance(written, Mapping) and isinstance(written.get("inhibit"), list)
    found = []
    for number, said in enumerate(rule.inhibit):
        at: At = ("inhibit", number) if listed else ("inhibit",)
        try:
            condition = compile(said.when, schema=SCHEMA)
        except CelError as error:
            wrong((*at, "when"), error)
            continue
        found.append(Inhibition(condition, _values(said.equal, (*at, "equal"), written, wrong), said.sources == "last"))
    return tuple(found)


def _values(said: Sequence[str], at: At, written: object, wrong: Wrong) -> tuple[Expression, ...]:
    node: Any = written
    for part in at if said else ():
        node = node[part]
    found = []
    for number, text in enumerate(said):
        try:
            found.append(compile_value(text, SCHEMA))
        except CelError as error:
            wrong((*at, number) if isinstance(node, list) else at, error)
    return tuple(found)


def _named(rule: Rule, written: object, which: str, times: Mapping[str, Times], wrong: Wrong) -> tuple[Times, ...]:
    names: tuple[str, ...] = getattr(rule, which)
    node = written.get(which) if isinstance(written, Mapping) else None
    for number, name in enumerate(names):
        if name not in times:
            at: At = (which, number) if isinstance(node, list) else (which,)
            wrong(
                at,
                ValueError(f"there are no times {name!r}{near(name, times)}; name them under 'times' of a rule file"),
            )
    return tuple(times[name] for name in names if name in times)
