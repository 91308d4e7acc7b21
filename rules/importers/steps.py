"""The other systems' own inputs as ours: alerts and silences of Alertmanager, events and facts of ansible-rulebook, events of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from rules.delivery.alerts import Life, merged
from rules.importers import alertmanager, keep, matchers
from rules.importers.sheet import NotImportable, Sheet
from rules.importers.systems import System
from rules.trial.lines import BadLine, Timed, command, moment, read, signal
from schemas.ids import digest
from schemas.severity import severity_of
from schemas.spans import parse_span
from schemas.time import from_rfc3339, to_rfc3339

_FACT_S = 400 * 86_400
"""A fact of ansible-rulebook holds until it is retracted; here nothing is known for longer than this."""

Said = dict[str, Any]


def inputs(system: System, text: str, base: int, content: object) -> list[Timed]:
    """The inputs that a file of steps holds for one of the systems; `content` is the file they are to be run on. Raises BadLine."""
    make = {"alertmanager": _alertmanager, "ansible-rulebook": _rulebook, "sigma": _events, "keep": _keep}[system](
        base, content
    )
    found: list[Timed] = []
    clock = _cut_moment if system == "alertmanager" else moment
    for index, at, said in read(text, base, clock):
        try:
            found += make(index, at, said) if said else [Timed(at, "tick", {}, index)]
        except (NotImportable, ValueError) as error:
            raise BadLine(f"line {index + 1}: {error}") from error
    return found


def silences(sheet: Sheet, base: int) -> list[Timed]:
    """The silences that come with the rules, as if made at the beginning; those that are over by then are none."""
    return [
        _command("silence", base, base, -1 - number, {**silence, "silence_id": f"imported-{number}"})
        for number, silence in enumerate(sheet.silences)
        if from_rfc3339(silence["until"]) > base
    ]


def _alertmanager(base: int, content: object) -> Callable[[int, int, Said], list[Timed]]:
    timeout = parse_span(alertmanager.resolve_timeout(content))
    lives: dict[str, Life] = {}

    def make(index: int, at: int, said: Said) -> list[Timed]:
        alerts = [
            _alert(alert, at, base, timeout, index, number) for number, alert in enumerate(said.get("push") or ())
        ]
        # There alerts are merged with what is known of them before they are dispatched.
        for alert in alerts:
            _merge(alert, lives, at)
        found = [Timed(at, "signal", alert, index) for alert in _dispatched(alerts)]
        if (silence := said.get("silence")) is not None:
            data = {
                "matcher": matchers.silence(silence.get("matchers") or []),
                "starts_at": to_rfc3339(
                    _cut_moment(silence.get("starts", silence.get("startsAt", to_rfc3339(at))), base)
                ),
                "until": to_rfc3339(_cut_moment(silence.get("ends", silence.get("endsAt")), base)),
                "silence_id": str(silence.get("id") or f"silence-{index}"),
            }
            found.append(_command("silence", at, base, index, data))
        if (name := said.get("expire")) is not None:
            found.append(_command("expire_silence", at, base, index, {"silence_id": str(name)}))
        return found

    return make


def _alert(alert: Said, at: int, base: int, timeout: int, index: int, number: int) -> Said:
    """One posted alert. As there: it begins now, or at its end where only that is given; without an end it is over after the timeout."""
    # Labels without a value are no labels.
    labels = {name: str(value) for name, value in sorted(alert["labels"].items()) if str(value)}
    starts, ends = (
        None if alert.get(key) in (None, "") else _cut_moment(alert[key], base) for key in ("startsAt", "endsAt")
    )
    begun = starts if starts is not None else ends if ends is not None else at
    over = ends if ends is not None else at + timeout
    given = {
        "source": "alertmanager",
        "type": "alert",
        "severity": severity_of(labels.get("severity")) or "info",
        "title": labels.get("alertname") or "(unnamed alert)",
        "labels": labels,
        "occurred_at": to_rfc3339(begun),
        "expires_at": to_rfc3339(over),
        "occurrence_id": digest("alert", *(part for pair in labels.items() for part in pair)),
        "revision": f"{index:06}.{number:03}",
        "raw": {"timeout": ends is None, "merged": True, "alert": alert},
    }
    return signal(given, at, base, index)


def _merge(alert: Said, lives: dict[str, Life], at: int) -> None:
    """The alert as it is once merged with what is known of its labels."""
    name, raw = alert["occurrence_id"], alert["raw"]
    life = Life(from_rfc3339(alert["occurred_at"]), from_rfc3339(alert["expires_at"]), raw["timeout"])
    life = lives[name] = merged(lives.get(name), life, at)
    alert |= {"occurred_at": to_rfc3339(life.starts), "expires_at": to_rfc3339(life.ends)}
    alert["status"] = "resolved" if life.over(at) else "firing"
    raw["timeout"] = life.timeout


def _dispatched(alerts: list[Said]) -> list[Said]:
    """The order in which a batch reaches its groups. Since 0.31 two workers take alerts from one queue, in a race. The first takes the first
    alert; here it is overtaken by the second with the two after it, which was seen more often than any other order."""
    return [*alerts[1:3], *alerts[:1], *alerts[3:]]


def _rulebook(base: int, _: object) -> Callable[[int, int, Said], list[Timed]]:
    def make(index: int, at: int, said: Said) -> list[Timed]:
        found = []
        if "event" in said:
            found.append(Timed(at, "signal", _event(said["event"], at, base, index), index))
        for key in ("fact", "retract"):
            for name, value in (said.get(key) or {}).items():
                # A fact without a value is one that is taken back.
                data = {"key": name, "value": value if key == "fact" else None, "for_s": _FACT_S}
                found.append(_command("set_fact", at, base, index, data, name))
        return found

    return make


def _events(base: int, _: object) -> Callable[[int, int, Said], list[Timed]]:
    def make(index: int, at: int, said: Said) -> list[Timed]:
        if "signal" in said:
            return [Timed(at, "signal", signal(said["signal"], at, base, index), index)]
        return [Timed(at, "signal", _event(said.get("event"), at, base, index), index)]

    return make


def _event(event: object, at: int, base: int, index: int) -> Said:
    """An event as a signal of its own: everything it says lies under `raw`."""
    if not isinstance(event, Mapping):
        raise ValueError(f"an event is an object, found {event!r:.60}")
    text = orjson.dumps(event).decode()
    return signal(
        {"source": "event", "type": "log", "status": "firing", "title": text[:200], "raw": event},
        at,
        base,
        index,
    )


def _keep(base: int, content: object) -> Callable[[int, int, Said], list[Timed]]:
    same, ignored = keep.duplicates(content)
    last: dict[tuple[str, ...], str] = {}

    def make(index: int, at: int, said: Said) -> list[Timed]:
        alert = said.get("alert", said.get("event"))
        if not isinstance(alert, Mapping):
            raise ValueError(f"an alert is an object, found {alert!r:.60}")
        fingerprint = str(alert.get("fingerprint") or alert.get("id") or digest("keep", str(alert.get("name"))))
        raw = {**alert, "fingerprint": fingerprint}
        # A full duplicate of the last one is dropped there before any rule sees it.
        problem = tuple(str(_at(raw, path)) for path in same)
        content = digest("keep", *(f"{path}={value!r}" for path, value in _leaves(raw) if path not in ignored))
        known, last[problem] = last.get(problem), content
        if known == content:
            return [Timed(at, "tick", {}, index)]
        labels = alert.get("labels")
        given = {
            "source": "keep",
            "type": "alert",
            # What an alert says of itself lies under `raw`: there every one of them is an event, the resolved ones as well.
            "status": "firing",
            "severity": severity_of(alert.get("severity")) or "info",
            "title": str(alert.get("name") or "(unnamed alert)"),
            "service": str(alert["service"]) if alert.get("service") else None,
            "environment": str(alert["environment"]) if alert.get("environment") else None,
            "labels": {str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {},
            "occurrence_id": f"{fingerprint}#{index}",
            "group_key": fingerprint,
            "revision": str(index),
            "raw": raw,
        }
        return [Timed(at, "signal", signal(given, at, base, index), index)]

    return make


def _at(alert: Any, path: str) -> object:
    for key in path.split("."):
        alert = alert.get(key) if isinstance(alert, Mapping) else None
    return alert


def _leaves(node: Mapping[str, Any], above: str = "") -> list[tuple[str, object]]:
    """The values of an alert by their dotted paths, in order of those."""
    found: list[tuple[str, object]] = []
    for key in sorted(node, key=str):
        path = f"{above}{key}"
        found += _leaves(node[key], f"{path}.") if isinstance(node[key], Mapping) else [(path, node[key])]
    return found


def _command(kind: str, at: int, base: int, index: int, data: Said, name: str = "") -> Timed:
    given = {"kind": kind, "id": f"cmd-{index}-{name}", "data": data}
    return Timed(at, "command", command(given, at, base, index), index)


def _cut_moment(value: object, base: int) -> int:
    """As `moment`, with seconds cut off to whole milliseconds."""
    if isinstance(value, float):
        return base + int(value * 1_000) * 1_000
    return moment(value, base)


def seconds(at: int, base: int) -> float:
    """The time of a line: seconds after the base, cut off to whole milliseconds."""
    return (at - base) // 1_000 / 1_000
