"""Records: every entry of both streams goes into the ledger, in order, once."""

from processors.record.loop import HEAD_KEY, LEDGER_SPACE, OpenLedger, Record

__all__ = ["HEAD_KEY", "LEDGER_SPACE", "OpenLedger", "Record"]
