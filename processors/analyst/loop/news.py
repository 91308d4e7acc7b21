"""News: what of a changed incident is worth telling whoever looks into it."""

from processors.analyst.loop.names import REOPENED, RESOLVED, SIGNALS
from schemas import Incident, severity_rank

GROWN = 2
"""It grew by so many times since it was told last."""


def news(before: Incident, after: Incident) -> tuple[str, str] | None:
    """The name of the event and its text; None when there is nothing new. Pure."""
    if after.status == "resolved" and before.status != "resolved":
        return (
            RESOLVED,
            f"The incident is resolved, by {after.resolved_by or 'its sender'}. Say what it was, and whether it will come again.",
        )
    if before.status == "resolved" and after.status != "resolved":
        return REOPENED, "The incident opened again."
    said = []
    if severity_rank(after.severity) > severity_rank(before.severity):
        said.append(f"Its severity rose from {before.severity} to {after.severity}.")
    if after.signals >= GROWN * max(1, before.signals):
        said.append(f"It grew from {before.signals:,} to {after.signals:,} signals.")
    return (SIGNALS, " ".join(said)) if said else None
