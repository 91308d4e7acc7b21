"""What deciding about a stretch of inputs came to, as it is stored: decisions, incidents, and the rows of the state if they are due."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from connectors.ports.journal import DECISIONS, NewRecord, Unit
from connectors.ports.spaces import INCIDENTS, QUARANTINE, TRIAGE
from processors.triage.fold import Folded, incidents
from rules.state import Row, State
from rules.written import Writing, as_json


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be made durable together, up to the input at `upto`; `stores`: with the rows."""

    upto: int
    stores: bool
    rows: Mapping[str, bytes]
    deletes: Set[str]
    incidents: Mapping[str, bytes]
    records: Sequence[NewRecord]
    quarantine: Mapping[str, bytes]

    def put(self, unit: Unit) -> None:
        """Ask a unit of work for all of it."""
        for key in sorted(self.deletes):
            unit.delete(TRIAGE, key)
        for space, values in ((TRIAGE, self.rows), (INCIDENTS, self.incidents), (QUARANTINE, self.quarantine)):
            for key, value in values.items():
                unit.put(space, key, value)
        for record in self.records:
            unit.append(DECISIONS, record)


def made(folded: Folded, upto: int, state: State | None, shown: Mapping[str, bytes]) -> Made:
    """Everything as bytes. With a state, its changes are taken: they are in this or nowhere. `shown`: incidents as they are stored, of
    those that are known."""
    writing, puts, deletes = Writing(), dict[str, Row](), set[str]()
    if state is not None:
        puts, deletes = state.take_changes()
    done = Made(
        upto=upto,
        stores=state is not None,
        rows={key: as_json(row) for key, row in puts.items()},
        deletes=deletes,
        incidents=incidents(folded, puts, writing, shown),
        # As `connectors.ports.journal.recorded` makes them.
        records=[NewRecord("decision", writing.decision(one), one.incident_id or "") for one in folded.decisions],
        quarantine={one.id: one.to_json() for one in folded.quarantine},
    )
    if state is not None:
        state.rest()
    return done
