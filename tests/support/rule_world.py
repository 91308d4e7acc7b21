"""A small world for the rule engine: rules from text, signals by keyword, time in seconds, decisions as they fall."""

from typing import Any

import orjson

from rules.engine import Engine
from rules.limits import Limits
from rules.load import load_texts
from rules.ruleset import RuleSet
from rules.state import State
from schemas.command import Command
from schemas.decision import Decision
from schemas.signal import LogBatch, LogLine, Signal
from schemas.time import from_rfc3339, to_rfc3339

T0 = from_rfc3339("2026-11-21T10:00:00Z")


def at(seconds: float) -> int:
    """The moment so many seconds after ten o'clock."""
    return T0 + round(seconds * 1_000_000)


def rules(text: str) -> RuleSet:
    """The rules of one file."""
    return load_texts({"rules.yaml": text})


def signal(name: str, t: float = 0, **fields: Any) -> Signal:
    """A firing alert called `name` of service checkout, seen and heard at `t` seconds, unless told otherwise."""
    said: dict[str, Any] = {
        "type": "alert",
        "severity": "error",
        "title": f"{name} is wrong",
        "service": "checkout",
        "group_key": name,
        "occurred_at": at(t),
        "received_at": at(t),
        **fields,
    }
    source, occurrence = said.pop("source", "alertmanager"), said.pop("occurrence_id", name)
    revision = said.pop("revision", f"{said.get('status', 'firing')}@{t}")
    return Signal.observed(source=source, occurrence_id=occurrence, revision=revision, **said)


def batch(name: str, t: float, *lines: tuple[str, str], service: str = "checkout") -> LogBatch:
    """A batch of log lines (severity, text), all of the moment `t`."""
    return LogBatch(
        id=name,
        source="logs",
        service=service,
        received_at=at(t),
        lines=tuple(LogLine(occurred_at=at(t), severity=severity, body=body) for severity, body in lines),  # type: ignore[arg-type]
    )


def command(kind: str, t: float = 0, *, name: str | None = None, author: str = "human:ann", **fields: Any) -> Command:
    """A command; fields that are no fields of Command are its data."""
    envelope = {key: fields.pop(key) for key in ("incident_id", "reason", "rehearsal") if key in fields}
    return Command(
        id=name or f"cmd_{kind}_{t}", kind=kind, author=author, origin="cli", at=at(t), data=fields, **envelope
    )


def kind_of(record: Signal | LogBatch | Command) -> str:
    return {Signal: "signal", LogBatch: "batch", Command: "command"}[type(record)]


class World:
    """An engine with a state of its own. `push` and `tick` give the decisions that fell."""

    def __init__(self, text: str = "", limits: Limits | None = None, ruleset: RuleSet | None = None) -> None:
        self.engine = Engine(ruleset or rules(text), code_version="test", limits=limits)
        self.state: State = self.engine.state()
        self.rows: dict[str, bytes] = {}

    def push(self, t: float, *records: Signal | LogBatch | Command) -> list[Decision]:
        out: list[Decision] = []
        for record in records:
            item = orjson.loads(record.to_json())
            out += self.engine.advance(self.state, item, kind=kind_of(record), now=at(t))
        return out

    def tick(self, t: float) -> list[Decision]:
        return self.engine.advance(self.state, {"due": to_rfc3339(at(t))}, kind="tick", now=at(t))

    def save(self) -> None:
        """Write the changed rows down, as bytes."""
        puts, deletes = self.state.take_changes()
        for key in deletes:
            self.rows.pop(key, None)
        self.rows.update({key: orjson.dumps(row) for key, row in puts.items()})

    def restart(self) -> None:
        """Go on with nothing but what was written down."""
        self.save()
        self.state = self.engine.state((key, orjson.loads(row)) for key, row in self.rows.items())


def said(decisions: list[Decision]) -> list[str]:
    """Kind and seconds since ten o'clock."""
    return [f"{(decision.at - T0) / 1e6:g}s {decision.kind}" for decision in decisions]
