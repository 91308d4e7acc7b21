"""Facts: what the recorded steps and the triggering signals say, in shapes the heuristics can weigh.

A step's result is JSON of some tool of some version: what cannot be read is left out, never an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.ports.stack import Frame, Raised, app_frames, culprit, raised
from schemas import Incident, Signal, Step
from schemas.time import Micros

SNAPSHOT = "incident.now"
"""Name of the event step that says how the incident stood once everything was gathered."""
UNCONFIGURED = "no tool "
"""How the error of a step begins whose tool is not there at all: nothing failed, and nothing was seen."""


class Fact(BaseModel):
    """Something a step said; `cites` is the step."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    cites: str


class Neighbour(Fact):
    """A signal near the start."""

    id: str
    after_start_s: float
    type: str
    status: str = ""
    severity: str = ""
    service: str | None = None
    title: str = ""
    body: str = ""
    own: bool = False


class LogPattern(Fact):
    """Log lines alike, counted before and after the start."""

    pattern: str
    service: str | None = None
    severity: str = ""
    before: int = 0
    after: int = 0
    first: Micros
    example: str


class Changed(Fact):
    """A deploy, flag or configuration change."""

    id: str
    at: Micros
    kind: str = "change"
    title: str = ""
    service: str | None = None
    version: str | None = None
    commit: str | None = None
    url: str | None = None
    actor: str | None = None
    files: tuple[str, ...] = ()


class Committed(Fact):
    """A commit of the clone. `touches` are its files that stand in the stack trace; `culprit` when it last changed the line that
    failed, `culprit_file` when it touches that line's file."""

    commit: str
    at: Micros
    author: str = ""
    title: str = ""
    files: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    culprit: bool = False
    culprit_file: bool = False


class Outside(BaseModel):
    """What was opened for an incident."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    system: str
    kind: str = ""
    id: str
    url: str | None = None
    title: str | None = None


class EarlierIncident(Fact):
    """An earlier incident like this one."""

    id: str
    title: str = ""
    service: str | None = None
    similarity: float = 0.0
    same_problem: bool = False
    opened_at: Micros
    status: str = ""
    lasted_s: float | None = None
    verdict: str | None = None
    external: tuple[Outside, ...] = ()
    feedback: tuple[str, ...] = ()


_Fact = TypeVar("_Fact", bound=Fact)


@dataclass(frozen=True)
class Facts:
    """All that is known when weighing begins."""

    incident: Incident
    """As it is now, if a step says so; else as it was when the playbook was selected."""
    signals: Sequence[Signal]
    now: int
    chain: tuple[Raised, ...] = ()
    chain_cites: str | None = None
    culprit: Frame | None = None
    frames: tuple[Frame, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    patterns: tuple[LogPattern, ...] = ()
    logs_scanned: int = 0
    changes: tuple[Changed, ...] = ()
    commits: tuple[Committed, ...] = ()
    earlier: tuple[EarlierIncident, ...] = ()
    answered: dict[str, str] = field(default_factory=dict)
    """Tool to the step in which it answered."""
    failed: tuple[Step, ...] = ()
    absent: tuple[str, ...] = ()
    """Tools the playbook names that are not configured."""


def read_facts(incident: Incident, signals: Sequence[Signal], steps: Sequence[Step], now: int) -> Facts:
    """The facts of an investigation."""
    neighbours: list[Neighbour] = []
    patterns: list[LogPattern] = []
    changes: list[Changed] = []
    commits: list[Committed] = []
    earlier: list[EarlierIncident] = []
    answered: dict[str, str] = {}
    scanned = 0
    for step in steps:
        result = step.result if isinstance(step.result, dict) else None
        if not step.success or result is None:
            continue
        answered.setdefault(step.name, step.id)
        match step.name:
            case "signals.around" | "signals.search":
                neighbours += _read(Neighbour, result.get("signals"), step)
            case "logs.around":
                patterns += _read(LogPattern, result.get("patterns"), step)
                scanned += _count(result.get("scanned"))
            case "changes.before":
                changes += _read(Changed, result.get("changes"), step)
            case "git.recent_changes":
                commits += _commits(result, step)
            case "incidents.similar":
                earlier += _read(EarlierIncident, result.get("incidents"), step)
            case name if name == SNAPSHOT:
                incident = _incident(result, incident)
            case _:
                pass
    chain, cites = _chain(signals)
    return Facts(
        incident=incident,
        signals=signals,
        now=now,
        chain=chain,
        chain_cites=cites,
        culprit=culprit(chain),
        frames=app_frames(chain),
        neighbours=tuple(neighbours),
        patterns=tuple(patterns),
        logs_scanned=scanned,
        changes=tuple(changes),
        commits=tuple(commits),
        earlier=tuple(each for each in earlier if each.id != incident.id),
        answered=answered,
        failed=tuple(step for step in steps if not step.success and not _absent(step)),
        absent=tuple(dict.fromkeys(step.name for step in steps if _absent(step))),
    )


def _read(shape: type[_Fact], listed: Any, step: Step) -> list[_Fact]:
    found: list[_Fact] = []
    for each in listed if isinstance(listed, list) else ():
        try:
            found.append(shape.model_validate({**each, "cites": step.id} if isinstance(each, dict) else each))
        except (ValidationError, OverflowError):
            continue
    return found


def _commits(result: dict[str, Any], step: Step) -> list[Committed]:
    """Commits of all lists, each once, the one that last changed the culprit line marked."""
    blamed: Committed | None = None
    culprit_file: str | None = None
    frames = result.get("frames")
    for frame in frames if isinstance(frames, list) else ():
        if isinstance(frame, dict) and frame.get("culprit") is True:
            culprit_file = frame.get("file") if isinstance(frame.get("file"), str) else None
            blamed = next(iter(_read(Committed, [frame.get("last_change")], step)), None)
    found: dict[str, Committed] = {}
    for name in ("touching", "recent"):
        for each in _read(Committed, result.get(name), step):
            found.setdefault(each.commit, each)
    if blamed is not None:
        found.setdefault(blamed.commit, blamed)
    return [
        each.model_copy(
            update={
                "culprit": blamed is not None and each.commit == blamed.commit,
                "culprit_file": culprit_file is not None and culprit_file in (*each.touches, *each.files),
            }
        )
        for each in found.values()
    ]


def _incident(result: dict[str, Any], incident: Incident) -> Incident:
    try:
        return Incident.model_validate(result.get("incident"))
    except (ValidationError, OverflowError):
        return incident


def _chain(signals: Sequence[Signal]) -> tuple[tuple[Raised, ...], str | None]:
    for signal in signals:
        if chain := raised((signal,)):
            return chain, signal.id
    return (), None


def _absent(step: Step) -> bool:
    return not step.success and (step.error or "").startswith(UNCONFIGURED)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
