"""The suite `ait`: an alert stream of days through the default rules and the pack `security`, read strictly left to right; told is what asks for a playbook."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson

from rules.engine import Engine
from rules.load import load, packs
from schemas import Signal
from schemas.time import SECOND
from tocsin.evals.cases import Case, text_of


def notified(case: Case) -> dict[str, Any]:
    """The alerts at which a person is told."""
    engine = Engine(load(packs(["security"])), code_version="eval")
    state = engine.state()
    found: list[list[Any]] = []
    for index, signal in _signals(case):
        decisions = engine.advance(state, orjson.loads(signal.model_dump_json()), kind="signal", now=signal.received_at)
        if any(decision.kind == "playbook.selected" for decision in decisions):
            found.append([index, "open_issue"])
    return {"notify": found}


def _signals(case: Case) -> Iterator[tuple[int, Signal]]:
    for index, epoch, message, ip, host, kind in csv.reader(io.StringIO(text_of(case.folder / case.input["stream"]))):
        at = round(float(epoch) * SECOND)
        yield (
            int(index),
            Signal.observed(
                source="generic", occurrence_id=index, revision="1", type="log", title=message, service=host,
                labels={"detection": kind, "ip": ip}, occurred_at=at, received_at=at, group_key=f"{kind}:{host}",
            ),
        )  # fmt: skip
