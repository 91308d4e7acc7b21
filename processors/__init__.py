"""The five processors: ingest, triage, investigate, act, record."""
