"""Measures rules: how many signals one core selects and decides a second, and which conditions cost most."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from rules.engine import Engine
from rules.ruleset import RuleSet
from rules.signals import Fields
from rules.trial.lines import BASE, Timed, signal
from schemas.ids import signal_id
from schemas.time import SECOND

MADE_UP = 2_000
_DEAREST = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """`selected` and `decided` are signals for each second of CPU time: of finding the rules that match, and of everything up to the decisions.

    `candidates` and `matches` are rules for each signal; `dearest` are microseconds for each look and the rule's name.
    """

    rules: int
    signals: int
    selected: float
    decided: float
    candidates: float
    matches: float
    dearest: tuple[tuple[float, str], ...]

    def as_json(self) -> dict[str, object]:
        return {
            "rules": self.rules, "signals": self.signals, "selected_per_s": round(self.selected), "decided_per_s": round(self.decided),
            "candidates": round(self.candidates, 2), "matches": round(self.matches, 2),
            "dearest": [{"rule": name, "us": round(cost, 3)} for cost, name in self.dearest],
        }  # fmt: skip


def measure(ruleset: RuleSet, inputs: Sequence[Timed] | None, seconds: float) -> Figures:
    """Measures for so many CPU seconds each; signals are made up from what the rules ask for where none are given."""
    made = [timed.item for timed in inputs if timed.kind == "signal"] if inputs is not None else _made_up(ruleset)
    if not made:
        made = _made_up(ruleset)
    activations: list[dict[str, Any]] = [{**fields, "fact": {}, "incident": {}} for fields in made]
    candidates = [ruleset.index.candidates(activation) for activation in activations]
    matching = [ruleset.matching(activation) for activation in activations]
    count = len(activations)
    return Figures(
        rules=len(ruleset.rules),
        signals=count,
        selected=_rate(seconds, lambda: [ruleset.matching(activation) for activation in activations], count),
        decided=_decided(ruleset, made, seconds),
        candidates=sum(map(len, candidates)) / count,
        matches=sum(map(len, matching)) / count,
        dearest=_dearest(ruleset, activations, candidates, seconds),
    )


def _rate(seconds: float, work: Any, count: int) -> float:
    """Repeats the work until so much CPU time is used; how many of its parts were done a second."""
    begun, done = time.process_time(), 0
    while (used := time.process_time() - begun) < seconds or not done:
        work()
        done += count
    return done / used if used else 0.0


def _decided(ruleset: RuleSet, made: Sequence[Fields], seconds: float) -> float:
    """Signals through the engine; those of later rounds are new occurrences, a second apart from each other's rounds."""
    engine = Engine(ruleset)
    state, now, done, used = engine.state(), BASE, 0, 0.0
    while used < seconds or not done:
        now += SECOND
        batch = [orjson.loads(orjson.dumps(_again(fields, done))) for fields in made]
        begun = time.process_time()
        for fields in batch:
            engine.advance(state, fields, kind="signal", now=now)
        used += time.process_time() - begun
        done += len(batch)
    return done / used if used else 0.0


def _again(fields: Fields, done: int) -> Fields:
    revision = f"{fields['revision']}+{done}"
    return {**fields, "revision": revision, "id": signal_id(fields["source"], fields["occurrence_id"], revision)}


def _dearest(
    ruleset: RuleSet, activations: Sequence[Mapping[str, Any]], candidates: Sequence[Sequence[int]], seconds: float
) -> tuple[tuple[float, str], ...]:
    looked: dict[int, list[Mapping[str, Any]]] = {}
    for activation, numbers in zip(activations, candidates, strict=True):
        for number in numbers:
            looked.setdefault(number, []).append(activation)
    share = seconds / max(len(looked), 1)
    costs = []
    for number, seen in looked.items():
        matches = ruleset.conditions[number]
        rate = _rate(share, lambda matches=matches, seen=seen: [matches(one) for one in seen], len(seen))
        costs.append((1e6 / rate if rate else 0.0, ruleset.rules[number].name))
    return tuple(sorted(costs, reverse=True)[:_DEAREST])


def _made_up(ruleset: RuleSet) -> list[Fields]:
    """Signals that meet the equalities of the rules, one rule after another, a few of them of none."""
    draw = random.Random(1)
    found = []
    for number in range(MADE_UP):
        given: dict[str, Any] = {"labels": {}, "measures": {}, "raw": {}, "title": f"signal {number}"}
        if ruleset.rules and number % 10:
            equalities = draw.choice(ruleset.rules).condition.equalities
            for path, constants in (draw.choice(equalities) if equalities else {}).items():
                if constants and path[0] not in ("fact", "incident"):
                    _put(given, path, draw.choice(sorted(constants, key=repr)))
        try:
            found.append(signal(given, BASE, BASE, number))
        except ValueError:
            found.append(signal({}, BASE, BASE, number))
    return found


def _put(given: dict[str, Any], path: Sequence[str], value: object) -> None:
    for key in path[:-1]:
        inner = given.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        given = inner
    given[path[-1]] = value
