"""What to do: a remedy out of a closed set, and the next steps for a tired person."""

from collections.abc import Mapping, Sequence
from typing import Literal, assert_never

from processors.analyst.categories import Diagnosis
from processors.analyst.driven import unloaded
from processors.analyst.extent import Extent
from processors.analyst.facts import Facts
from processors.analyst.patterns import Category
from processors.analyst.suspects import Suspect
from processors.analyst.verdict import Ruling, issue_of
from processors.analyst.words import listed, tick
from processors.evidence.drivers import Driver
from processors.evidence.outside import Outside

Remedy = Literal[
    "none",
    "rollback",
    "config-revert",
    "feature-flag-disable",
    "roll-forward",
    "scale",
    "failover",
    "rotate-cert",
    "purge-bad-data",
    "reschedule",
    "escalate-upstream",
    "investigate",
]
OUTSIDE: Mapping[str, Remedy] = {
    "certificate": "rotate-cert", "provider": "escalate-upstream", "traffic": "scale", "machine": "failover", "schedule": "reschedule",
    "data": "purge-bad-data", "quota": "escalate-upstream",
}  # fmt: skip
"""By what a cause that no change brings is."""
LIKELY = 0.4
"""Such a cause is acted upon from this strength on."""


def remedy_of(diagnosis: Diagnosis, culprit: Suspect | None, ruling: Ruling, outside: Outside | None = None) -> Remedy:
    """By the change that is blamed, else by the kind of cause."""
    if ruling.verdict == "noise":
        return "none"
    if culprit is not None:
        match culprit.kind:
            case "flag":
                return "feature-flag-disable"
            case "config":
                return "config-revert"
            case "commit" | "deploy" | "other":
                return "rollback"
            case _:
                assert_never(culprit.kind)
    if outside is not None and outside.strength >= LIKELY:
        return OUTSIDE[outside.kind]
    names = {match.meaning.name for match in diagnosis.matches}
    return "rotate-cert" if "certificate" in names else _by_category(diagnosis.category)


def _by_category(category: Category) -> Remedy:
    match category:
        case "resource_exhaustion":
            return "scale"
        case "configuration_error":
            return "config-revert"
        case "infrastructure":
            return "failover"
        case "code_defect":
            return "roll-forward"
        case "dependency_failure":
            return "escalate-upstream"
        case "data_quality":
            return "purge-bad-data"
        case "healthy":
            return "none"
        case "unknown":
            return "investigate"
        case _:
            assert_never(category)


def remediation(remedy: Remedy, diagnosis: Diagnosis, culprit: Suspect | None) -> str | None:
    """The remedy as a sentence beginning with its name."""
    what = tick(culprit.title or culprit.id, 80) if culprit is not None else "it"
    host = tick(diagnosis.host, 80) if diagnosis.host is not None else "the dependency"
    sentences: dict[Remedy, str] = {
        "rollback": f"rollback: undo {what}",
        "config-revert": f"config-revert: restore the setting as it was before {what}"
        if culprit is not None
        else "config-revert: correct the setting the error names",
        "feature-flag-disable": f"feature-flag-disable: switch off {what}",
        "roll-forward": "roll-forward: correct the code that fails; there is no recent change to undo",
        "scale": "scale: give it more of what ran out, or take load away",
        "failover": "failover: move away from the machine or network that failed",
        "rotate-cert": "rotate-cert: renew the certificate and reload whatever serves it",
        "purge-bad-data": "purge-bad-data: set the offending data aside and go on with the rest",
        "reschedule": "reschedule: move the job that began just before to a quieter time, or make it take less at once",
        "escalate-upstream": f"escalate-upstream: look at {host}, and tell whoever owns it",
    }
    return sentences.get(remedy)


def next_steps(
    facts: Facts,
    diagnosis: Diagnosis,
    extent: Extent,
    suspects: tuple[Suspect, ...],
    culprit: Suspect | None,
    ruling: Ruling,
    drivers: Sequence[Driver] = (),
) -> tuple[str, ...]:
    """At most seven, the most useful first."""
    if ruling.lowered_from is not None and ruling.verdict == "noise":
        return ("Confirm that what it says of itself is so; if it is not, approve the actions that wait.",)
    if ruling.verdict == "noise":
        return ("Nothing now. If it comes again and again, silence it or correct the rule that raises it.",)
    steps: list[str] = []
    if ruling.lowered_from is not None:
        steps.append("Confirm that what it says of itself is so; if it is not, approve the actions that wait.")
    service = tick(facts.incident.service, 60) if facts.incident.service else "the service"
    if ruling.earlier is not None:
        issue = issue_of(ruling.earlier)
        if issue is not None:
            steps.append(f"Read {tick(issue.title or issue.id, 80)}: the same was looked at there.")
    if culprit is not None:
        sure = "Undo" if culprit.touches_trace else "Compare errors before and after, then undo"
        steps.append(f"{sure} {tick(culprit.title or culprit.id, 80)}, and watch whether the errors stop.")
    elif mentioned := [each for each in suspects if each.ruled_out is None and each.score >= 0.3][:1]:
        steps.append(
            f"Check {tick(mentioned[0].title or mentioned[0].id, 80)}: it is near in time, and nothing ties it to the fault."
        )
    if facts.culprit is not None:
        where = f"{facts.culprit.file}:{facts.culprit.line}" if facts.culprit.line else facts.culprit.file
        steps.append(
            f"Open {tick(where, 100)}" + (f" in {tick(facts.culprit.function, 60)}." if facts.culprit.function else ".")
        )
    if diagnosis.host is not None:
        steps.append(f"Check whether {tick(diagnosis.host, 80)} is up and reachable from {service}.")
    elif drivers and diagnosis.category == "resource_exhaustion":
        steps += [f"For {each.full.name}: {unloaded(each)}." for each in drivers[:2]]
    elif diagnosis.category == "resource_exhaustion":
        steps.append(
            f"Look at usage against limits of {service} over the last day: sudden means load, gradual means a leak."
        )
    if extent.others:
        steps.append(
            f"Look at {listed(list(extent.others))}: failing too, and perhaps the cause rather than the consequence."
        )
    if extent.resolved:
        steps.append("It is over: find out what ended it before it comes back.")
    if not steps:
        steps.append(f"Look at {service} itself: nothing recorded here explains it.")
    if facts.failed:
        steps.append(f"Not seen: {listed(list(dict.fromkeys(step.name for step in facts.failed)))} did not answer.")
    if facts.absent:
        steps.append(f"Not looked at, because it is not configured: {listed(list(facts.absent))}.")
    return tuple(steps[:7])
