"""What a stretch of the inputs comes to: the same entries give the same decisions, live, in a replay and in a test."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.ports.journal import Entry
from rules.engine import BadInput, Engine
from rules.incidents import incident_of
from rules.state import Row, State
from rules.written import Writing, as_json
from schemas.decision import Decision, decide
from schemas.ids import digest
from schemas.quarantine import Quarantine


class Broken(Exception):
    """The engine broke on an entry and the state can no longer be trusted: begin again from the stored rows, without it."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"deciding about the input at offset {offset} broke: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass(slots=True)
class Folded:
    """The decisions, and what could not be decided about."""

    decisions: list[Decision] = field(default_factory=list)
    quarantine: list[Quarantine] = field(default_factory=list)


def fold(engine: Engine, state: State, entries: Iterable[Entry], poison: Mapping[int, str] | None = None) -> Folded:
    """Decide about the entries in their order. Entries at offsets in `poison` are quarantined for the reason given there, and
    those that cannot be read for theirs. Raises Broken."""
    folded = Folded()
    for entry in entries:
        item: Any = None
        try:
            if poison and entry.offset in poison:
                raise BadInput(poison[entry.offset])
            item = orjson.loads(entry.payload)
            if not isinstance(item, dict):
                raise BadInput(f"a record is a JSON object, found {type(item).__name__}")
            folded.decisions += engine.advance(state, item, kind=entry.kind, now=entry.accepted_at)
        except (orjson.JSONDecodeError, BadInput) as error:
            _set_aside(folded, entry, item, str(error))
        except Exception as error:
            # The edge of the loop: one input must not stop the stream. The caller records and goes on.
            raise Broken(entry.offset, f"{type(error).__name__}: {error}") from error
    return folded


def replay(entries: Sequence[Entry], engine: Engine) -> list[Decision]:
    """The decisions that the entries lead to, from the first entry on and nothing before it."""
    poison: dict[int, str] = {}
    while True:
        try:
            return fold(engine, engine.state(), entries, poison).decisions
        except Broken as broken:
            # As it went live: that one is set aside, and the rest decided without it.
            poison[broken.offset] = str(broken)


def incidents(
    folded: Folded, changed: Mapping[str, Row], writing: Writing, shown: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The incidents that changed, by id, as JSON: as they are now, or as the last decision about them says. Those that are `shown` so
    already are left out."""
    told: dict[str, dict[str, Any]] = {}
    for decision in folded.decisions:
        incident = decision.data.get("incident")
        if isinstance(incident, dict):
            told[incident["id"]] = incident
    found: dict[str, bytes] = {}
    for key, row in changed.items():
        if key.startswith(("group/", "earlier/")) and "id" in row:
            name = row["id"]
            told.pop(name, None)
            now = as_json(incident_of(row))
            if shown.get(name) != now:
                found[name] = now
    for name, incident in told.items():
        found[name] = writing.incident(incident)
    return found


def _set_aside(folded: Folded, entry: Entry, item: Any, reason: str) -> None:
    said = item if isinstance(item, dict) else {}
    source, instance = str(said.get("source", "unknown")), str(said.get("instance", "default"))
    held = Quarantine(
        # The same content may be poison twice, at two places of the journal: both are told.
        id=digest("qua", "inputs", entry.offset, source, reason, entry.payload.decode("latin-1")),
        source=source,
        instance=instance,
        reason=reason,
        received_at=entry.accepted_at,
        content=entry.payload,
    )
    folded.quarantine.append(held)
    because = f"an accepted input of kind {entry.kind!r} from {source} could not be decided about: {reason}"
    data, cause = held.told(), (held.id,)
    folded.decisions.append(
        decide("signal.quarantined", at=entry.accepted_at, actor="system", because=because, cause=cause, data=data)
    )
