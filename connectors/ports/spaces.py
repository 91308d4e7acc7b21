"""Spaces of the journal that others than their writer read; what one processor alone reads and writes is named there."""

INCIDENTS = "incidents"
"""Incident JSON by incident id; triage writes."""
TRIAGE = "triage"
"""What triage knows, JSON rows; silences are those under `silence/`."""
QUARANTINE = "quarantine"
"""Quarantine JSON by quarantine id; ingest and triage write."""
