"""The conclusion of last resort: what is certain from the incident alone, so that an investigation never ends with nothing."""

from collections.abc import Sequence

from processors.analyst.words import clock, count, tick
from schemas import Conclusion, Evidence, Hypothesis, Incident, Signal, Step, severity_rank


def minimal(incident: Incident, signals: Sequence[Signal], steps: Sequence[Step], reason: str) -> Conclusion:
    """Says what was seen, that no cause was found and why; urgent for what is critical and open, else actionable."""
    urgent = severity_rank(incident.severity) >= 5 and incident.status != "resolved"
    where = f" in {tick(incident.service, 60)}" if incident.service else ""
    quoted = next((signal for signal in signals if signal.title.strip()), None)
    answered = [step.name for step in steps if step.success and step.kind == "tool_call"]
    return Conclusion(
        verdict="urgent" if urgent else "actionable",
        summary=(
            f"{tick(incident.title)}{where}: {count(max(incident.signals, 1), 'signal')} since {clock(incident.first_seen)}. "
            f"Severity {incident.severity}. It could not be weighed: {tick(reason, 200)}"
        ),
        hypothesis=Hypothesis(
            text="The cause is not known: the evidence was gathered and not weighed.", confidence=0.05
        ),
        component=incident.service,
        evidence=(Evidence(cites=quoted.id, quote=quoted.title, says="What was reported."),)
        if quoted is not None
        else (),
        next_steps=(
            "Look at the incident itself; treat it as real.",
            f"Recorded and readable: {', '.join(dict.fromkeys(answered)) or 'nothing beyond the signals'}.",
        ),
        analyst="none",
    )
