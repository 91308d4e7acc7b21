"""Cases of other rule engines, and what our import of their rules does with the same events."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rules.importers.importing import run_steps
from rules.trial.lines import BASE
from schemas.time import SECOND, from_rfc3339

Case = dict[str, Any]
Outcome = Counter[str]


def read(path: Path) -> Iterator[Case]:
    """The cases of a file of JSON lines, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            yield json.loads(line)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _firing(t: float, *parts: object) -> str:
    return f"{t:.3f} {' '.join(map(_text, parts))}"


def ansible_rulebook(case: Case, *, mended: bool = False) -> tuple[Outcome, Outcome]:
    """What was expected and what we do: rule and events of each firing."""
    events = case["events"]
    expected = Counter(
        _firing(one["t"], one["rule"], sorted(map(_text, one["events"].values()))) for one in case["expected"]
    )
    steps = "\n".join(map(_text, events))
    found = Counter(
        _firing(line["t"], line["rule"], sorted(_text(events[one["index"]]["event"]) for one in line["signals"]))
        for line in run_steps("ansible-rulebook", _text(case["rule"]), "case.yml", steps, base=BASE, mended=mended)
    )
    return expected, found


def alertmanager(case: Case, *, mended: bool = False) -> tuple[Outcome, Outcome]:
    """What was expected and what we do: receiver, group, reason and alerts of each notification."""

    def alerts(given: list[Mapping[str, Any]]) -> list[str]:
        return sorted(_text([one["labels"], one["status"]]) for one in given)

    expected = Counter(
        _firing(one["t"], one["receiver"], one["groupLabels"], one["reason"], alerts(one["alerts"]))
        for one in case["expected"]
    )
    base = from_rfc3339(case["base"])
    until = base + round(case["end"] * SECOND)
    steps = "\n".join(map(_text, case["steps"]))
    lines = run_steps("alertmanager", case["config"], "case.yml", steps, base=base, until=until, mended=mended)
    found = Counter(
        _firing(line["t"], line["playbook"], line["group"], line["reason"], alerts(line["signals"])) for line in lines
    )
    return expected, found
