"""The story of an incident, for a tired person: what broke, why, what was decided, what would be or was done."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from schemas import Action, Conclusion, Decision, Incident, Step, Usage, to_rfc3339

STYLES = {"critical": "bold white on red", "error": "bold red", "warning": "yellow", "info": "cyan", "debug": "dim"}
KIND_STYLES = {
    "incident": "bold",
    "playbook": "magenta",
    "investigation": "blue",
    "action": "green",
    "signal": "dim",
    "command": "yellow",
}


def plain(text: object) -> str:
    """Text from outside, harmless on a terminal: control characters (escape sequences among them) are shown, not obeyed."""
    return "".join(c if c in "\n\t" or (c.isprintable()) else f"\\x{ord(c):02x}" for c in str(text))


def short(identity: str | None) -> str:
    """The first characters of an id, as commands accept it."""
    return (identity or "")[:12]


def counted(number: int, noun: str) -> str:
    """`1 signal`, `1,200 signals`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def clock(moment: int) -> str:
    """Time of day in UTC, to the millisecond."""
    return to_rfc3339(moment)[11:23]


def member_line(incident: Incident) -> str:
    """One line for an incident that another one tells of: since when, how bad, what, where, and whether it is over."""
    where = f" of {incident.service}" if incident.service else ""
    over = "" if incident.status == "open" else f" ({incident.status})"
    return f"{clock(incident.first_seen)[:8]}  {incident.severity:8}  {incident.title[:80]}{where}{over}  {short(incident.id)}"


def incident_heading(incident: Incident) -> RenderableType:
    """Two lines: how bad and what; where, since when, how often."""
    first = Text.assemble(
        (f" {incident.severity} ", STYLES.get(incident.severity, "")),
        " ",
        (plain(incident.title), "bold"),
        "   ",
        (short(incident.id), "dim"),
    )
    if incident.rehearsal:
        first.append("   rehearsal: nothing is sent", "yellow")
    where = " · ".join(part for part in (incident.service, incident.environment, incident.source) if part)
    since = to_rfc3339(incident.first_seen)[:19].replace("T", " ")
    seen = counted(incident.signals, "signal")
    episode = f", episode {incident.episode}" if incident.episode > 1 else ""
    belongs = f" · part of {short(incident.parent)}" if incident.parent else ""
    if incident.root is not None:
        belongs += f" · with {len(incident.members)} more, began in {incident.root.service}"
    elif incident.members:
        belongs += f" · with {len(incident.members)} more"
    return Group(
        first, Text(plain(f"{where} · {incident.status} · since {since} UTC · {seen}{episode}{belongs}"), "dim")
    )


def timeline(decisions: Iterable[Decision]) -> RenderableType:
    """One line per decision: when, what, because."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for decision in decisions:
        style = KIND_STYLES.get(decision.kind.partition(".")[0], "")
        table.add_row(clock(decision.at)[:8], Text(decision.kind, style), Text(plain(decision.because)))
    return table


def conclusion_view(conclusion: Conclusion, steps: Sequence[Step] = ()) -> RenderableType:
    """The written analysis, with each piece of evidence and what it cites."""
    names = {step.id: step.name for step in steps}
    confidence = f"{conclusion.hypothesis.confidence:.0%}"
    parts: list[RenderableType] = [
        Text.assemble(
            ("Verdict  ", "dim"),
            (conclusion.verdict, "bold"),
            ("   confidence ", "dim"),
            confidence,
            ("   by ", "dim"),
            _analyst(conclusion),
        ),
        Text(plain(conclusion.summary)),
        Text.assemble(("Likely cause  ", "dim"), plain(conclusion.hypothesis.text)),
    ]
    facts = [
        ("Failed first", conclusion.component),
        ("Kind", conclusion.category),
        ("Affected", ", ".join(conclusion.blast_radius) or None),
        (
            "Change",
            f"{conclusion.change.kind} {conclusion.change.id} {conclusion.change.title}".strip()
            if conclusion.change
            else "none of the changes seen",
        ),
        ("Remedy", conclusion.remediation),
    ]
    parts += [Text.assemble((f"{name}  ", "dim"), plain(value)) for name, value in facts if value]
    if conclusion.evidence:
        parts.append(Text("Evidence", "bold"))
        for item in conclusion.evidence:
            cited = f"{names.get(item.cites, 'signal')} {short(item.cites) if item.cites not in names else item.cites.rpartition('/')[2]}"
            parts.append(
                Padding(
                    Text.assemble(
                        plain(item.says), "\n", (f"“{plain(item.quote)}”", "italic"), (f"  [{cited}]", "dim")
                    ),
                    (0, 0, 0, 2),
                )
            )
    parts += _listing("Ruled out", [f"{item.text}: {item.why}" for item in conclusion.ruled_out])
    parts += _listing("Could be", [f"{each.text} ({each.confidence:.0%})" for each in conclusion.alternatives])
    parts += _listing("Asked by the playbook", [f"{each.question} {each.answer}" for each in conclusion.answers])
    parts += _listing("Not met", conclusion.unmet)
    parts += _listing("Next", conclusion.next_steps)
    return Group(*parts)


def action_view(action: Action) -> RenderableType:
    """What would be, or was, done outside: in full."""
    title = Text.assemble((action.kind, "bold"), f"  {standing(action)}")
    heading, _, text = plain(action.rendered or action.arguments).partition("\n\n")
    body: list[RenderableType] = [
        Text(heading),
        Text(),
        Markdown(text.replace("| | |\n|---|---|\n", "|fact|value|\n|---|---|\n"), hyperlinks=False),
    ]
    if action.withheld:
        body.append(Text(plain(f"\nNot sent: {action.withheld}"), "yellow"))
    if action.error:
        body.append(Text(plain(f"\n{_trouble(action)}: {action.error}"), "red"))
    return Panel(
        Group(*body), title=title, title_align="left", border_style="green" if action.state == "succeeded" else "dim"
    )


def standing(action: Action) -> str:
    """Where it stands, and what a person can do about it."""
    if action.state == "proposed" and action.autonomy == "propose" and not (action.withheld or action.rehearsal):
        return f"waits for a person: tocsin approve {action.id}, or deny"
    if action.state == "failed" and action.rendered:
        return f"failed: tocsin approve {action.id} tries it again"
    if action.state == "approved" and action.error:
        return f"tried again soon, after attempt {action.attempts}: {action.error}"
    return "would be done" if action.state == "proposed" else action.state


def _trouble(action: Action) -> str:
    return "Failed" if action.state == "failed" else "The last attempt, before the next"


def story(decisions: Sequence[Decision]) -> RenderableType:
    """Everything about one incident, in order: heading, timeline, analysis, actions."""
    incident = last_incident(decisions)
    parts: list[RenderableType] = [Rule(style="dim")]
    if incident is not None:
        parts += [incident_heading(incident), Text()]
    parts.append(timeline(decisions))
    steps = [step for step in (_step(decision) for decision in decisions) if step]
    for decision in decisions:
        if decision.kind == "investigation.concluded":
            parts += [Text(), conclusion_view(Conclusion.model_validate(decision.data["conclusion"]), steps)]
            parts += _took(Usage.model_validate(decision.data.get("usage") or {}), decision.data["conclusion"])
    parts += [Padding(action_view(action), (1, 0, 0, 0)) for action in last_actions(decisions)]
    return Group(*parts)


def last_incident(decisions: Iterable[Decision]) -> Incident | None:
    """The incident as the last decision that carries it says."""
    found = None
    for decision in decisions:
        if decision.kind.startswith("incident.") and "incident" in decision.data:
            found = decision.data["incident"]
    return Incident.model_validate(found) if found else None


def last_actions(decisions: Iterable[Decision]) -> list[Action]:
    """Each action as it stands at the end, in the order of their proposal."""
    found: dict[str, Action] = {}
    for decision in decisions:
        if decision.kind.startswith("action.") and "action" in decision.data:
            action = Action.model_validate(decision.data["action"])
            found[action.id] = (
                action
                if action.rendered or action.id not in found
                else action.model_copy(update={"rendered": found[action.id].rendered})
            )
    return list(found.values())


def _took(usage: Usage, conclusion: Mapping[str, Any]) -> list[RenderableType]:
    """What models took; nothing where none was asked."""
    if not usage.model_calls:
        return []
    tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    cost = f", ${usage.cost_usd:.4f}" if usage.cost_usd else ""
    questions = f"{counted(usage.model_calls, 'question')} to models"
    end = "; no model concluded, the steps say why" if conclusion.get("analyst") == "none" else ""
    return [Text(f"{questions}, {tokens:,} tokens{cost}, {usage.wall_s:,.0f} s{end}", "dim")]


def _analyst(conclusion: Conclusion) -> str:
    return "stated heuristics, no model" if conclusion.analyst == "none" else plain(conclusion.analyst)


def _listing(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(title, "bold"), *(Padding(Text(f"· {plain(line)}"), (0, 0, 0, 2)) for line in lines)] if lines else []


def _step(decision: Decision) -> Step | None:
    try:
        return Step.model_validate(decision.data["step"]) if decision.kind == "investigation.step" else None
    except (KeyError, ValidationError):
        return None
