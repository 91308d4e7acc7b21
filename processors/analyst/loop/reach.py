"""How far a model's verdict may go from what the records alone allow: nobody outside talks us out of a page, or into one.

The model-free analyst obeys no text, so its verdict is the measure. A model may see more than it does; it must then show it.
"""

from collections.abc import Sequence

from processors.analyst.loop.addressed import Address
from schemas import Conclusion, Incident, Verdict

ORDER: tuple[Verdict, ...] = ("noise", "duplicate", "known", "actionable", "urgent")
"""From what needs nobody to what wakes somebody."""


def beyond(
    verdict: Verdict,
    weighed: Conclusion | None,
    incident: Incident,
    *,
    spoken_to: Sequence[Address],
    from_tools: bool,
    has_issue: bool,
) -> str | None:
    """Why this verdict cannot be taken, or None. `from_tools`: some evidence is quoted from what a tool answered; `has_issue`: an issue
    of this or an earlier incident is recorded."""
    if weighed is None or verdict == weighed.verdict:
        return None
    if spoken_to:
        first = spoken_to[0]
        return (
            f"text in {first.cites!r} {first.way} ({first.words!r}); where recorded text speaks to its reader, the verdict is the one that follows"
            f" from the records alone: {weighed.verdict!r}"
        )
    if verdict in ("duplicate", "known") and not has_issue:
        return f"the verdict {verdict!r} needs an earlier incident with an issue, and none is recorded"
    lower = ORDER.index(verdict) < ORDER.index(weighed.verdict)
    if lower and not from_tools:
        return f"a verdict below {weighed.verdict!r} must rest on what a tool answered, and no evidence is quoted from there"
    if verdict == "noise" and weighed.verdict == "urgent" and incident.status != "resolved":
        return "what is urgent by the records and still open is not noise; the least it can be is 'actionable'"
    if verdict == "urgent" and weighed.verdict == "noise" and not from_tools:
        return (
            "what is noise by the records is urgent only by what a tool answered, and no evidence is quoted from there"
        )
    return None
