"""How far a model's verdict may go from what the records alone allow: nobody outside talks us out of a page, or into one.

The model-free analyst obeys no text, so its verdict is the measure. A model may see more than it does; it must then show it, and what would have
been done without its milder verdict is not dropped but waits for a person.
"""

from collections.abc import Sequence

from processors.analyst.loop.addressed import Address
from schemas import Conclusion, Incident, Verdict

ORDER: tuple[Verdict, ...] = ("noise", "duplicate", "known", "actionable", "urgent")
"""From what needs nobody to what wakes somebody."""
STEPS: dict[Verdict, int] = {"noise": 0, "duplicate": 1, "known": 1, "actionable": 1, "urgent": 2}
"""How many steps a verdict stands above noise."""


def beyond(
    verdict: Verdict,
    weighed: Conclusion | None,
    incident: Incident,
    *,
    spoken_to: Sequence[Address],
    from_tools: bool,
    has_issue: bool,
    from_people: bool = False,
) -> str | None:
    """Why this verdict cannot be taken, or None. `from_tools`: some evidence is quoted from what a tool answered; `has_issue`: an issue
    of this or an earlier incident is recorded; `from_people`: some evidence is quoted from what a person of ours said."""
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
    if lower and not from_tools and not from_people:
        return f"a verdict below {weighed.verdict!r} must rest on what a tool answered, and no evidence is quoted from there"
    if verdict == "noise" and weighed.verdict == "urgent" and incident.status != "resolved":
        return "what is urgent by the records and still open is not noise; the least it can be is 'actionable'"
    most = measure(weighed)
    if STEPS[most] - STEPS[verdict] > 1 and not from_people:
        return f"{verdict!r} is more than one step below {most!r}, which the records alone would have led to; the least it can be is 'actionable'"
    if verdict == "urgent" and weighed.verdict == "noise" and most != "urgent" and not from_tools:
        return (
            "what is noise by the records is urgent only by what a tool answered, and no evidence is quoted from there"
        )
    return None


def measure(weighed: Conclusion) -> Verdict:
    """The verdict the records alone lead to, without what a signal only says of itself."""
    return weighed.lowered_from or weighed.verdict


def lowered(verdict: Verdict, weighed: Conclusion | None, *, from_people: bool) -> Verdict | None:
    """The verdict whose actions wait for a person, where this one is below it and no person of ours said so."""
    if weighed is None or from_people:
        return None
    most = measure(weighed)
    return most if ORDER.index(verdict) < ORDER.index(most) else None
