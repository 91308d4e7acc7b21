"""The conclusion of last resort: what is certain from the incident alone, so that an investigation never ends with nothing."""

from collections.abc import Sequence

from playbooks.model import Playbook
from playbooks.untrusted import line
from processors.analyst.propose import ONE_LINE, TITLE
from processors.analyst.words import clock, count, tick
from schemas import Conclusion, Evidence, Hypothesis, Incident, ProposedAction, Signal, Step, Verdict, severity_rank

GRAVEST: tuple[Verdict, ...] = ("urgent", "actionable", "known", "duplicate")


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


def unlooked(incident: Incident, playbook: Playbook, reason: str) -> tuple[ProposedAction, ...]:
    """The actions of the gravest verdict the playbook has any for, where nothing could be concluded. Their texts are plain: no template is
    rendered, and nothing that was gathered is read."""
    kinds = next((found for verdict in GRAVEST if (found := playbook.actions_for(verdict))), ())
    where = f" in {tick(incident.service, 60)}" if incident.service else ""
    body = (
        f"{tick(incident.title)}{where}: {count(max(incident.signals, 1), 'signal')} since {clock(incident.first_seen)}, severity {incident.severity}."
        f"\n\nNobody has looked at it: the investigation failed ({reason}). Treat it as real, and look at it yourself.\n\n"
        f"`tocsin why {incident.id}` tells what was recorded."
    )
    title = line(f"Not investigated: {incident.title}", TITLE)
    return tuple(
        ProposedAction(
            kind=kind,
            arguments={name: title if name in ONE_LINE else body for name in playbook.arguments_of(kind)},
            why="nothing could be concluded",
        )
        for kind in kinds
    )
