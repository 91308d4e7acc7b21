"""The other systems' own inputs as ours: alerts and silences of Alertmanager, events and facts of ansible-rulebook, events of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from rules.importers import keep
from rules.importers.posted import cut_moment, ordered, posted
from rules.importers.sheet import NotImportable, Sheet
from rules.importers.systems import System
from rules.trial.lines import BadLine, Timed, moment, read, signal
from schemas.ids import digest
from schemas.severity import severity_of
from schemas.time import from_rfc3339

_FACT_S = 400 * 86_400
"""A fact of ansible-rulebook holds until it is retracted; here nothing is known for longer than this."""

Said = dict[str, Any]


def inputs(system: System, text: str, base: int, content: object) -> list[Timed]:
    """The inputs that a file of steps holds for one of the systems; `content` is the file they are to be run on. Raises BadLine."""
    make = {"alertmanager": posted, "ansible-rulebook": _rulebook, "sigma": _events, "keep": _keep}[system](
        base, content
    )
    found: list[Timed] = []
    clock = cut_moment if system == "alertmanager" else moment
    for index, at, said in read(text, base, clock):
        try:
            found += make(index, at, said) if said else [Timed(at, "tick", {}, index)]
        except (NotImportable, ValueError) as error:
            raise BadLine(f"line {index + 1}: {error}") from error
    return found


def silences(sheet: Sheet, base: int) -> list[Timed]:
    """The silences that come with the rules, as if made at the beginning; those that are over by then are none."""
    return [
        ordered("silence", base, base, -1 - number, {**silence, "silence_id": f"imported-{number}"})
        for number, silence in enumerate(sheet.silences)
        if from_rfc3339(silence["until"]) > base
    ]


def _rulebook(base: int, _: object) -> Callable[[int, int, Said], list[Timed]]:
    def make(index: int, at: int, said: Said) -> list[Timed]:
        found = []
        if "event" in said:
            found.append(Timed(at, "signal", _event(said["event"], at, base, index), index))
        for key in ("fact", "retract"):
            for name, value in (said.get(key) or {}).items():
                # A fact without a value is one that is taken back.
                data = {"key": name, "value": value if key == "fact" else None, "for_s": _FACT_S}
                found.append(ordered("set_fact", at, base, index, data, name))
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


def seconds(at: int, base: int) -> float:
    """The time of a line: seconds after the base, cut off to whole milliseconds."""
    return (at - base) // 1_000 / 1_000
