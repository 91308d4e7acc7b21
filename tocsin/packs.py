"""The names of the packs of rules that a configuration may choose."""

from typing import Literal

Pack = Literal["ci", "databases", "default", "hosts", "http", "kubernetes", "logs", "security", "sentry"]
"""A pack that ships."""
