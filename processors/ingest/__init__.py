"""The door's inside: what a source read becomes durable, without its secrets, before anyone is told that it arrived."""

from processors.ingest.admit import Bell, Ingest
from processors.ingest.quota import Quota
from processors.ingest.redact import Redactor

__all__ = ["Bell", "Ingest", "Quota", "Redactor"]
