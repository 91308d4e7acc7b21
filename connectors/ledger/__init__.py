"""The ledger in a folder: hash-chained segments, their projections, verification, redaction and reading."""

from connectors.ledger.project import project
from connectors.ledger.read import connect, recent, story
from connectors.ledger.redactions import Redaction, read_redactions, redact
from connectors.ledger.verify import Finding, Verification, verify
from connectors.ledger.writer import SegmentLedger, open_ledger

__all__ = [
    "Finding",
    "Redaction",
    "SegmentLedger",
    "Verification",
    "connect",
    "open_ledger",
    "project",
    "read_redactions",
    "recent",
    "redact",
    "story",
    "verify",
]
