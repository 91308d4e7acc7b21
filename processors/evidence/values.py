"""What tools can return, in the shapes the evidence engine weighs; times are microseconds, `cites` is the step that said it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one service over time. `normal` are earlier values without times, known to be of a healthy period."""

    service: str | None
    metric: str
    times: tuple[int, ...]
    values: tuple[float, ...]
    cites: str
    unit: str = ""
    normal: tuple[float, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `rank` as of `schemas.severity_rank` (4 and above is an error). `attributes` are its structured fields."""

    at: int | None
    service: str | None
    rank: int
    text: str
    cites: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    """What the answer it stood in is about."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a trace. `parent` None for a root; `peer` the service or host called, where the span says so."""

    trace: str
    span: str
    parent: str | None
    service: str
    name: str
    at: int | None
    duration_ms: float
    failed: bool
    cites: str
    error: str = ""
    peer: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls from one service to another, before the trouble and during it. `p50`, `p95` in ms; `errors` counted."""

    caller: str
    callee: str
    operation: str
    cites: str
    before: "Load | None" = None
    during: "Load | None" = None


@dataclass(frozen=True, slots=True)
class Load:
    """How calls went in a window."""

    count: int
    errors: int
    p50: float
    p95: float
    own_p50: float = 0.0
    """Median of the time spent in the callee itself, its own calls taken off."""
    way_p50: float = 0.0
    """Median of what the caller waited longer than the callee worked: network, queues."""


@dataclass(frozen=True, slots=True)
class CommitRead:
    """A commit with what it changed; `diff` empty when the tool gave none."""

    sha: str
    at: int
    title: str
    cites: str
    author: str = ""
    files: tuple[str, ...] = ()
    diff: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRead:
    """A deploy, flag or configuration change."""

    id: str
    at: int
    kind: str
    title: str
    cites: str
    service: str | None = None
    commit: str | None = None
    version: str | None = None
    actor: str | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class PatternRead:
    """Log lines alike that a tool has counted already, before and after the start."""

    service: str | None
    pattern: str
    rank: int
    before: int
    after: int
    example: str
    cites: str
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A line of text or a field of a status that may matter. `about` names what the answer it stood in is about."""

    text: str
    cites: str
    at: int | None = None
    about: str = ""
    count: int = 1
    level: int = 0
    """2: the source itself marks it as a failure; 1: as a warning; 0: not at all; -1: it describes what is well."""
    quote: str = ""
    """What stands in the answer word for word, where `text` is put together."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that could be recognised."""

    series: tuple[Series, ...] = ()
    logs: tuple[LogLine, ...] = ()
    spans: tuple[Span, ...] = ()
    edges: tuple[Edge, ...] = ()
    commits: tuple[CommitRead, ...] = ()
    changes: tuple[ChangeRead, ...] = ()
    said: tuple[Said, ...] = ()
    patterns: tuple[PatternRead, ...] = ()
