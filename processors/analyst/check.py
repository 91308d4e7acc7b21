"""The check of a conclusion before it is accepted, whoever wrote it."""

from collections.abc import Sequence

from playbooks.model import Playbook
from processors.analyst.quotes import Sources
from schemas import Conclusion, Signal, Step

CERTAIN = 0.9


def check(conclusion: Conclusion, steps: Sequence[Step], signals: Sequence[Signal], playbook: Playbook) -> list[str]:
    """What is wrong with it, as sentences for whoever must correct it; empty when it may be accepted."""
    sources = Sources(steps, signals)
    faults: list[str] = []
    for index, evidence in enumerate(conclusion.evidence):
        if not sources.knows(evidence.cites):
            faults.append(f"evidence {index} cites {evidence.cites!r}, which is no recorded step or signal")
        elif not sources.holds(evidence.cites, evidence.quote):
            faults.append(f"evidence {index} quotes {evidence.quote!r}, which does not stand in {evidence.cites!r}")
    faults += [
        f"ruled_out {index} cites {each.cites!r}, which is no recorded step or signal"
        for index, each in enumerate(conclusion.ruled_out)
        if each.cites is not None and not sources.knows(each.cites)
    ]
    held = conclusion.lowered_from
    allowed = playbook.actions_for(conclusion.verdict)
    waiting = () if held is None else playbook.actions_for(held)
    faults += [
        f"action {action.kind!r} is not among those of playbook {playbook.name!r} for verdict {conclusion.verdict!r}: {', '.join(allowed) or 'none'}"
        for action in conclusion.actions
        if action.kind not in allowed and not (action.ask and action.kind in waiting)
    ]
    if not conclusion.evidence and conclusion.hypothesis.confidence > 0.5:
        faults.append(f"a confidence of {conclusion.hypothesis.confidence} without any evidence; at most 0.5")
    if conclusion.analyst == "none" and conclusion.hypothesis.confidence > CERTAIN and conclusion.change is None:
        faults.append(
            f"a confidence of {conclusion.hypothesis.confidence} without a change that is named; at most {CERTAIN}"
        )
    return faults
