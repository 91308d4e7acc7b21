"""Answers: a conclusion in the shape each suite asks for."""

import re
from typing import Any

from schemas import Conclusion

SHA = re.compile(r"[0-9a-f]{7,64}")
ANALYSIS = 1500
"""Characters of an analysis that count."""
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
    if conclusion.verdict == "noise":
        parts.append(conclusion.summary)
    quotes: list[str] = []
    for each in conclusion.evidence:
        if not any(each.quote in other for other in (*quotes, conclusion.hypothesis.text)):
            quotes.append(each.quote)
            parts.append(each.quote)
    if conclusion.component:
        parts.insert(1, f"Component: {conclusion.component}.")
    if conclusion.verdict != "noise":
        parts += [
            conclusion.summary,
            conclusion.remediation or "",
            *(each.text for each in conclusion.alternatives[:2]),
        ]
    text = ""
    for part in parts:
        left = ANALYSIS - len(text)
        if part and left > 40:
            text += part[: left - 1] + "\n"
    return text.replace("`", "").strip()


def ranking(conclusion: Conclusion, services: list[str]) -> dict[str, Any]:
    """An answer of the suites that ask for services, likeliest cause first."""
    named = [conclusion.component, *(each.component for each in conclusion.alternatives), *conclusion.blast_radius]
    known = set(services)
    return {"ranked": list(dict.fromkeys(name for name in named if name and (not known or name in known)))}
