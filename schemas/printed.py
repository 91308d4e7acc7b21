"""What commands print with `--json` beside stored records: one of these a line."""

from typing import Any, Literal

from pydantic import Field

from schemas.record import Record
from schemas.time import Micros


class Finding(Record):
    """One thing `tocsin doctor` looked at."""

    grade: Literal["ok", "note", "fault"]
    about: str
    found: str
    fix: str = Field(default="", description="What to do about it; empty where nothing is to be done")


class LedgerCheck(Record):
    """What `tocsin ledger verify` found; `holds` when everything is as it was written."""

    holds: bool
    records: int
    segments: int
    redacted: int = Field(description="Payloads that were taken out with a reason")
    findings: tuple[str, ...] = Field(default=(), description="Where, and what is not as it was written; at most 100")


class Silence(Record):
    """A silence, as `tocsin silence list` and the programming interface tell it."""

    id: str
    matcher: str = Field(description="The condition, in CEL")
    author: str
    reason: str = ""
    starts_at: Micros
    until: Micros
    times: Any = Field(default=None, description="The only times at which it holds; all when absent")
    used: int = Field(default=0, description="Signals it hid so far")
    last: Micros | None = Field(default=None, description="When it last hid one")
    over_at: Micros | None = None
    over_by: str | None = None


class SilencePreview(Record):
    """What a silence would have hidden."""

    looked_at: int
    signals: int
    critical: int
    services: dict[str, int] = Field(default_factory=dict)
    titles: dict[str, int] = Field(default_factory=dict)
    exemplars: tuple[str, ...] = ()


class FileFault(Record):
    """A fault in a file of rules or playbooks; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str


class RulesChecked(Record):
    """Rules without a fault."""

    rules: int
    version: str


class PlaybooksChecked(Record):
    """Playbooks without a fault, by name."""

    playbooks: tuple[str, ...]
