"""Answers: a conclusion in the shape each suite asks for."""

import re
from typing import Any

from schemas import Conclusion

SHA = re.compile(r"[0-9a-f]{7,64}")
ANALYSIS, SUMMARY = 1500, 350
"""Characters of an analysis that count."""
_PLAIN = ("The earliest sign", "It confirms", "It tells of trouble.", "Its ", "What was reported")
"""Beginnings of what evidence says that add nothing to its quote."""
DECISIONS = {
    "noise": "noise",
    "duplicate": "duplicate",
    "known": "comment",
    "actionable": "open_issue",
    "urgent": "page",
}
REMEDIES = (
    "rollback", "roll-forward", "config-revert", "scale", "failover", "rotate-cert", "feature-flag-disable", "purge-bad-data", "reschedule",
    "escalate-upstream",
)  # fmt: skip


def incident(conclusion: Conclusion) -> dict[str, Any]:
    """An answer of the suite `incidents`."""
    change = conclusion.change
    said = conclusion.remediation or ""
    return {
        "decision": DECISIONS[conclusion.verdict],
        "category": conclusion.category,
        "root_cause_commit": change.id if change is not None and SHA.fullmatch(change.id) else "none",
        "service": conclusion.component,
        "blast_radius": list(conclusion.blast_radius),
        "remediation": next((name for name in REMEDIES if said.startswith(name)), None),
        "analysis": analysis(conclusion),
        "evidence": [each.quote[:200] for each in conclusion.evidence],
    }


def analysis(conclusion: Conclusion) -> str:
    """What a person reads first: the cause, then what proves it, within the characters that count."""
    parts = [conclusion.hypothesis.text]
    if conclusion.component:
        parts.append(f"Component: {conclusion.component}.")
    parts.append(f"Kind of cause: {conclusion.category.replace('_', ' ')}.")
    if conclusion.verdict == "noise":
        parts.append(conclusion.summary)
    for each in conclusion.evidence:
        line = each.quote if each.says.startswith(_PLAIN) else _with(each.quote, _short(each.says))
        said = line == each.quote and each.quote in conclusion.summary
        if not said and not any(each.quote in other for other in parts):
            parts.append(line)
    if conclusion.verdict != "noise":
        room = ANALYSIS - min(len(conclusion.summary), SUMMARY)
        shown: list[str] = []
        for part in parts:
            if sum(map(len, shown)) + len(part) + len(shown) <= room:
                shown.append(part)
        parts = [*shown, conclusion.summary, conclusion.remediation or ""]
    return "\n".join(part for part in parts if part).replace("`", "")[:ANALYSIS]


def _with(quote: str, says: str) -> str:
    """The quote with what it says, once where that begins with it."""
    return says if says.lower().startswith(quote.lower()) else f"{quote} ({says})"


def _short(says: str) -> str:
    return says.removeprefix("It tells of trouble: ").rstrip(".")


def ranking(conclusion: Conclusion, services: list[str]) -> dict[str, Any]:
    """An answer of the suites that ask for services, likeliest cause first."""
    named = [conclusion.component, *(each.component for each in conclusion.alternatives), *conclusion.blast_radius]
    known = set(services)
    return {"ranked": list(dict.fromkeys(name for name in named if name and (not known or name in known)))}
