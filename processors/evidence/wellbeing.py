"""Wellbeing: what the latest states say of health, so that an alert can be contradicted by what is there now."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbooks.untrusted import quote
from processors.evidence.fields import Row, plain
from processors.evidence.values import Gathered

ENOUGH = 4
"""So many states must be seen, all of them good, before they contradict an alert."""
NAMED, NAME = 4, 60
"""So many things that are well are named, with so many characters each; of more it is said how many."""
OVER_S = 1200
"""The last failing event must be this long before the latest thing seen, for it to be over."""
_GOOD = {
    "ready": ("true", "yes"), "state": ("running", "healthy", "ok", "stable", "active", "succeeded", "normal"), "status": ("running", "healthy", "ok", "ready", "active", "true", "succeeded", "normal"),
    "phase": ("running", "succeeded", "active"), "overallstate": ("ok", "normal"), "health": ("healthy", "ok", "green"), "healthstatus": ("healthy", "ok"),
}  # fmt: skip
_BAD = {
    "ready": ("false", "no"), "state": ("alert", "alerting", "failed", "error", "crashloopbackoff", "degraded", "unhealthy", "pending", "waiting"),
    "status": ("alert", "failed", "error", "crashloopbackoff", "degraded", "unhealthy", "pending", "notready", "imagepullbackoff"),
    "phase": ("failed", "pending", "unknown"), "overallstate": ("alert", "warn", "no data", "alerting"), "health": ("degraded", "missing", "unhealthy", "red"), "healthstatus": ("unhealthy", "degraded"),
}  # fmt: skip
_TELLS = re.compile(r"event|alert|alarm|error|warn|fail|incident|issue", re.IGNORECASE)
_PRESSURE = re.compile(r"pressure$|unavailable$|networkunavailable$")
_RESTARTS = re.compile(r"(total|container)?restarts?(count)?")
_CALM = re.compile(
    r"no further|(?:has |have )?(?:since )?(?:been )?(?:recovered|running for)|single (?:transient|historical)|within normal|operating normally|passed\b|all (?:checks|signals|metrics) .{0,30}(?:normal|ok|healthy)|sustained normal|zero errors"
    r"|healthy\b(?<!unhealthy)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """`good` and `bad` states counted; `calm` (cites, quote) of words that say it is well; `over_s` since the last failing event
    or line at the end of what was seen, None when there was none."""

    good: int
    bad: int
    calm: tuple[tuple[str, str], ...]
    over_s: float | None
    seen: bool
    """Whether states were seen at all."""
    empty: tuple[str, ...] = ()
    """Names of lists that were asked for and hold nothing: events, alerts, failures."""
    kinds: tuple[str, ...] = ()
    """The good states by what they are of, the most common first, with the names of few: "pods `a` and `b`: phase Running (2)"."""

    @property
    def well(self) -> bool:
        """Everything seen is well now."""
        return self.bad == 0 and self.good >= ENOUGH and (self.over_s is None or self.over_s >= OVER_S)


def wellbeing_of(gathered: Gathered, answers: Sequence[tuple[str, Any]]) -> Wellbeing:
    """Over all answers."""
    good = bad = 0
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for _, answer in answers:
        for of, is_good, kind, name in _states(answer):
            good, bad = good + (is_good is True), bad + (is_good is False)
            if is_good is not False:
                kinds[of][kind] += 1
                names[of] |= {name: None} if name else {}
    said = [(each.cites, each.quote or each.text) for each in gathered.said if _CALM.search(each.text)]
    said += [(each.cites, each.text) for each in gathered.logs if _CALM.search(each.text)]
    failing = [each.at for each in gathered.said if each.level > 0 and each.at is not None]
    failing += [each.at for each in gathered.logs if each.rank >= 4 and each.at is not None]
    moments = [each.at for each in gathered.logs if each.at is not None] + [
        each.at for each in gathered.said if each.at is not None
    ]
    moments += [series.times[-1] for series in gathered.series if series.times]
    over = (max(moments) - max(failing)) / 1e6 if failing and moments else None
    return Wellbeing(good, bad, tuple(said[:5]), over, good + bad > 0, _empty(answers), tuple(_shown(kinds, names)))


def _shown(kinds: Mapping[str, Counter[str]], names: Mapping[str, Mapping[str, None]]) -> Iterator[str]:
    """What is well, by what it is of, the most common first."""
    for of, counted in sorted(kinds.items(), key=lambda each: -each[1].total())[:6]:
        says = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in counted.most_common(5))
        named = list(names.get(of, ()))
        called = f" {', '.join(quote(name, NAME) for name in named)}" if len(named) <= NAMED else ""
        yield f"{of}{called}: {says}" if of else says


def _empty(answers: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _, answer in answers:
        for place in (answer, *(answer.values() if isinstance(answer, Mapping) else ())):
            if isinstance(place, Mapping):
                found |= {str(key): None for key, value in place.items() if value == [] and _TELLS.search(str(key))}
    return tuple(found)


def _states(node: Any, of: str = "", depth: int = 0) -> Iterator[tuple[str, bool | None, str, str]]:
    """Every state: what it is of, whether it is good (None: it only goes with those that are), what it says, and the name of the thing."""
    if depth > 8:
        return
    if isinstance(node, list):
        for each in node:
            yield from _states(each, of, depth + 1)
    elif isinstance(node, Mapping) and not _is_line(node):
        name = Row(node).text("name", "title")
        yield from ((of, is_good, kind, name) for is_good, kind in _of_object(node))
        for key, value in node.items():
            many = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
            yield from _states(value, str(key).replace("_", " ") if many else of, depth + 1)


def _is_line(node: Mapping[str, Any]) -> bool:
    """Whether it is a line of a log: what it says of health, whoever writes into the log may have written."""
    row = Row(node)
    return row.at() is not None and bool(row.text("message", "msg", "log", "line", "body", "text"))


def _of_object(node: Mapping[str, Any]) -> Iterator[tuple[bool | None, str]]:
    row = Row(node)
    desired, ready = (
        row.number("desired", "desiredreplicas", "replicas"),
        row.number("ready", "readyreplicas", "available"),
    )
    if desired is not None and ready is not None:
        yield ready >= desired, f"{ready:g} of {desired:g} replicas ready"
    if row.has("type") and "status" in row.fields and "reason" in row.fields:
        return  # a condition: its meaning depends on its type
    for key, value in node.items():
        name, said = plain(str(key)), str(value).strip().lower()
        if isinstance(value, (dict, list)) or value is None:
            continue
        if _RESTARTS.fullmatch(name) and said in ("0", "0.0"):
            yield None, "no restarts"
        elif _PRESSURE.search(name) and said in ("true", "false"):
            yield said == "false", f"no {key}" if said == "false" else str(key)
        elif said in _GOOD.get(name, ()):
            yield True, f"{key} {value}"
        elif said in _BAD.get(name, ()):
            yield False, f"{key} {value}"
