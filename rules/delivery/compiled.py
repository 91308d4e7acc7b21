"""What a rule says of delivery, checked and ready to act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from rules.cel import CelError, Condition, Expression
from rules.cel.syntax import path_of
from rules.compiling import Compiler
from rules.delivery.said import Dedup, Flapping, Storm, Throttle, TimeInterval
from rules.delivery.sameness import Sameness
from rules.model import Rule
from rules.times import Times, compile_interval, is_open
from schemas.document import Document, Fault, near
from schemas.document import Path as At
from schemas.spans import UNITS

GROUP_WAIT, GROUP_INTERVAL, REPEAT_INTERVAL = 30 * UNITS["s"], 5 * UNITS["m"], 4 * UNITS["h"]
"""What Alertmanager takes for the waits that are not said, once one of them is."""

INHERITED = (
    *("group_by", "playbook", "group_wait", "group_interval", "repeat_interval", "send_resolved", "held_ends"),
    *("priority", "owner", "shadow", "correlate"),
)
"""What a child of a routing tree takes from the rule above it unless it says so itself; labels are added to each other."""


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
    dedup: Sameness | None = None

    @property
    def times(self) -> str:
        """The content of the named times, which the rule's version covers."""
        return repr([*self.muted, *self.active]) if self.muted or self.active else ""

    def is_open(self, moment: int) -> bool:
        """Whether its own times let anybody be told."""
        return (not self.muted and not self.active) or is_open(self.muted, self.active, moment)


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


def compile_delivery(rule: Rule, compiler: Compiler, times: Mapping[str, Times]) -> Delivery | None:
    """What a rule says of delivery, None when nothing; the compiler is told each fault."""
    throttle, dedup = rule.throttle, rule.dedup
    throttled_by = None
    if throttle is not None and throttle.by is not None:
        throttled_by = compiler.values(throttle.by, "throttle", "by") or ()
    if rule.match is not None and compiler.at("rules") is not None:
        message = "a rule with children routes single signals; put the match into the children"
        compiler.wrong(("match",), ValueError(message))
    pace = _pace(rule)
    if pace is not None and throttle is not None and compiler.at("throttle") is not None:
        message = (
            "a rule that waits has no throttle: say group_interval instead of once_within, group_wait instead of once_after, "
            "match instead of accumulate_within; or leave out the waits"
        )
        compiler.wrong(("throttle",), ValueError(message))
    found = Delivery(
        pace=pace,
        muted=_named(rule, "muted", compiler, times),
        active=_named(rule, "active", compiler, times),
        inhibits=_inhibitions(rule, compiler),
        throttle=throttle,
        throttled_by=throttled_by,
        flapping=rule.flapping,
        storm=rule.storm,
        dedup=compile_dedup(dedup, compiler, "dedup") if dedup is not None else None,
    )
    return None if found == Delivery() else found


def compile_dedup(said: Dedup, compiler: Compiler, *at: str) -> Sameness:
    """The fields as expressions, and the paths that are no news."""
    fields = compiler.values(said.fields, *at, "fields") or ()
    ignore: list[tuple[str, ...]] = []
    listed = isinstance(compiler.at(*at, "ignore"), list)
    for number, text in enumerate(said.ignore):
        place: At = (*at, "ignore", number) if listed else (*at, "ignore")
        value = compiler.value(text, *place)
        path = path_of(value.ast) if value is not None else None
        if value is not None and path is None:
            compiler.wrong(place, ValueError(f"{text!r} is not a field, such as 'raw.lastReceived'"))
        ignore += [path] if path is not None else []
    return Sameness(fields, tuple(ignore))


def dedup_of_sources(files: Iterable[tuple[Document, str]], faults: list[Fault]) -> dict[str, Sameness]:
    """What says the same again, by source, of all files; faults are added."""
    found: dict[str, Sameness] = {}
    for document, _ in files:
        content = document.content
        said = content.get("dedup") if isinstance(content, dict) else None
        for source, item in said.items() if isinstance(said, dict) else ():

            def wrong(at: At, error: CelError | ValueError, document: Document = document) -> None:
                text = error.faults[0].message if isinstance(error, CelError) else str(error)
                faults.append(document.fault(at, f"dedup: {text}"))

            try:
                ready = compile_dedup(Dedup.model_validate(item), Compiler(content, wrong), "dedup", str(source))
            except ValidationError:
                continue  # The shape of the file has been found at fault already.
            if found.setdefault(str(source), ready) != ready:
                faults.append(
                    document.fault(("dedup", source), f"another file says otherwise what is the same of {source!r}")
                )
    return found


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


def _inhibitions(rule: Rule, compiler: Compiler) -> tuple[Inhibition, ...]:
    listed = isinstance(compiler.at("inhibit"), list)
    found = []
    for number, said in enumerate(rule.inhibit):
        at: At = ("inhibit", number) if listed else ("inhibit",)
        condition = compiler.condition(said.when, *at, "when")
        equal = compiler.values(said.equal, *at, "equal") or ()
        if condition is not None:
            found.append(Inhibition(condition, equal, said.sources == "last"))
    return tuple(found)


def _named(rule: Rule, which: str, compiler: Compiler, times: Mapping[str, Times]) -> tuple[Times, ...]:
    names: tuple[str, ...] = getattr(rule, which)
    for number, name in enumerate(names):
        if name not in times:
            at: At = (which, number) if isinstance(compiler.at(which), list) else (which,)
            message = f"there are no times {name!r}{near(name, times)}; name them under 'times' of a rule file"
            compiler.wrong(at, ValueError(message))
    return tuple(times[name] for name in names if name in times)
