"""What a condition may name: the fields of a signal, beside the facts known and the incident its group has."""

from types import MappingProxyType

from rules.cel.schema import FieldKind, FieldSchema
from schemas.signal import Signal

_KINDS: dict[str, FieldKind] = {
    "labels": "map",
    "measures": "numbers",
    "links": "list",
    "occurred_at": "timestamp",
    "received_at": "timestamp",
    "expires_at": "timestamp",
    "remember_s": "int",
    "own": "bool",
    "rehearsal": "bool",
    "raw": "dyn",
}
_UNSAID = frozenset({"schema_version", "accepted_at"})
"""Fields of the record that are not fields of what was observed; the moment of acceptance is not in the stored payload."""

SIGNAL_FIELDS: MappingProxyType[str, FieldKind] = MappingProxyType(
    {name: _KINDS.get(name, "string") for name in Signal.model_fields if name not in _UNSAID}
)

SCHEMA = FieldSchema({**SIGNAL_FIELDS, "fact": "dyn", "incident": "dyn"})
"""`fact.KEY` is a fact set by a command; `incident` is the latest incident of the rule's group, as the record has it, or empty."""

NAMING = frozenset({"status", "type", "severity"})
"""A condition that reads one of these has said which signals it means, those that merely inform included."""
