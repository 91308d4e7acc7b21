"""Acceptance: what a model concludes is checked against the records before it counts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from processors.analyst.conclude import with_actions
from processors.analyst.loop.addressed import Address, addresses
from processors.analyst.loop.case import Case
from processors.analyst.loop.draft import Draft
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.reach import beyond, lowered, measure
from processors.analyst.loop.seen import Seen
from schemas import Conclusion, Evidence, Hypothesis, Step
from schemas.conclusion import Answered, Change, RuledOut

MOST_FAULTS = 12
_ALIAS = re.compile(r"\[?step[/ #]?(\d{1,4})\]?", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,}")
SYSTEMS = frozenset(
    {
        *("prometheus", "grafana", "sentry", "loki", "elasticsearch", "opensearch", "kibana", "datadog"),
        *("newrelic", "jaeger", "tempo", "kubernetes", "kubectl", "pagerduty", "opsgenie", "slack", "linear"),
        *("github", "gitlab", "jenkins", "argocd", "terraform", "cloudwatch", "splunk", "redis", "postgres"),
        *("postgresql", "mysql", "mongodb", "cassandra", "kafka", "rabbitmq", "nginx", "envoy", "istio"),
        *("consul", "vault", "launchdarkly"),
    }
)
"""Systems of which a claim is recognised by name; those whose tools are on offer are added."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not accepted: the reasons, for whoever must do better."""

    faults: tuple[str, ...]

    def __str__(self) -> str:
        return "The conclusion is not accepted:\n" + "\n".join(f"- {fault}" for fault in self.faults[:MOST_FAULTS])


def judge(
    arguments: Mapping[str, Any], case: Case, mask: Mask, *, model: str, seen: Seen | None = None
) -> Conclusion | Refused:
    """The conclusion with its playbook's actions, or why not. Pure."""
    try:
        draft = Draft.model_validate(mask.reveal_value(dict(arguments)))
    except ValidationError as error:
        return Refused(tuple(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))
    seen = seen or seen_in(case)
    evidence, faults = _evidence(draft, case, seen)
    faults += _unseen(draft, case, seen)
    faults += _actions(draft, case)
    if not evidence and not faults:
        faults.append("there is no evidence; quote at least one recorded text")
    verdict = _verdict(draft, evidence, case, seen)
    if verdict is not None:
        faults.append(verdict)
    if faults:
        return Refused(tuple(faults))
    heard = from_people(case, evidence)
    conclusion = _conclusion(draft, evidence, case, model).model_copy(
        update={"lowered_from": lowered(draft.verdict, case.weighed, from_people=heard)}
    )
    made = with_actions(
        conclusion, case.incident, case.signals, case.steps, case.playbook, case.now, investigation_id=case.investigation.id,
        issue=_issue(case) if draft.verdict in ("duplicate", "known") else None,
    )  # fmt: skip
    why = {each.kind: each.why for each in draft.actions if each.why}
    weighed = case.weighed
    trusted = case.playbook.front.analyst.may_act
    own = () if weighed is None else (weighed.verdict, measure(weighed))
    alone = None if weighed is None else (*(kind for each in own for kind in case.playbook.actions_for(each)), *trusted)
    actions = tuple(
        each.model_copy(
            # What the records alone would not do, a person decides: a model may have been talked into it. A playbook can take that risk.
            update={
                "why": why.get(each.kind, each.why),
                "ask": each.ask or (alone is not None and each.kind not in alone),
            }
        )
        for each in made.actions
    )
    return made.model_copy(update={"actions": actions})


def seen_in(case: Case) -> Seen:
    """Everything of a case that can be cited."""
    return Seen(case.incident, case.signals, (*case.steps, *case.others))


def spoken_to(case: Case, seen: Seen) -> tuple[Address, ...]:
    """Where recorded text addresses its reader; what people of ours said is theirs to say."""
    people = _people(case)
    recorded = (
        (cites, text) for cites, texts in seen.texts.items() if cites not in people for text in texts if len(text) > 15
    )
    # What a server says of its tools is read by a model as well.
    described = ((name, tool.description) for name, tool in case.tools.items() if name.startswith("mcp."))
    return addresses((*recorded, *described))


def from_people(case: Case, evidence: Sequence[Evidence]) -> bool:
    """Whether some evidence is quoted from what a person of ours said."""
    people = _people(case)
    return any(each.cites in people for each in evidence)


def _people(case: Case) -> set[str]:
    return {
        step.id
        for step in case.steps
        if step.kind == "event" and str((step.arguments or {}).get("author", "")).startswith("human:")
    }


def resolve(cites: str, case: Case) -> str:
    """The id that is meant: `step/3` is this investigation's; anything else is taken as it is."""
    found = _ALIAS.fullmatch(cites.strip())
    return f"{case.investigation.id}/{int(found.group(1))}" if found is not None else cites.strip()


def _evidence(draft: Draft, case: Case, seen: Seen) -> tuple[list[Evidence], list[str]]:
    taken: list[Evidence] = []
    faults: list[str] = []
    for index, each in enumerate(draft.evidence):
        cites = resolve(each.cites, case)
        if not seen.knows(cites):
            faults.append(
                f"evidence {index} cites {each.cites!r}, which is no recorded step or signal; cite what stands at `cite`"
            )
            continue
        exact = seen.quote(cites, each.quote)
        if exact is None:
            faults.append(
                f"evidence {index}: {each.quote[:200]!r} does not stand in {each.cites!r}; quote word for word, and short"
            )
            continue
        taken.append(Evidence(cites=cites, quote=exact, says=each.says))
    for index, ruled in enumerate(draft.ruled_out):
        if ruled.cites and not seen.knows(resolve(ruled.cites, case)):
            faults.append(f"ruled_out {index} cites {ruled.cites!r}, which is no recorded step or signal")
    return taken, faults


def _unseen(draft: Draft, case: Case, seen: Seen) -> list[str]:
    """Claims about what was never looked at."""
    faults = []
    if draft.component and not seen.mentions(draft.component):
        faults.append(
            f"component {draft.component!r} stands in nothing that was recorded; name it as the evidence does, or leave it out"
        )
    faults += [
        f"blast_radius names {name!r}, which stands in nothing that was recorded"
        for name in draft.blast_radius
        if not any(seen.mentions(word) for word in (name, *_WORD.findall(name)))
    ]
    if draft.change is not None and not seen.mentions(draft.change.id):
        faults.append(
            f"change {draft.change.id!r} stands in nothing that was recorded; leave `change` out when it was none of the changes"
        )
    answered = {
        step.name.partition(".")[0] for step in (*case.steps, *case.others) if step.kind == "tool_call" and step.success
    }
    known = SYSTEMS | {name.partition(".")[0] for name in case.tools}
    claims = " ".join(
        (
            draft.summary,
            draft.hypothesis,
            *(each.says for each in draft.evidence),
            *(each.text for each in draft.ruled_out),
        )
    )
    for word in dict.fromkeys(word.lower() for word in _WORD.findall(claims)):
        if word in known and word not in answered and not seen.mentions(word):
            faults.append(
                f"something is said about {word!r}, which was not asked and stands in nothing that was recorded"
            )
    return faults


def _actions(draft: Draft, case: Case) -> list[str]:
    allowed = case.playbook.actions_for(draft.verdict)
    return [
        f"action {each.kind!r} is not among those of playbook {case.playbook.name!r} for verdict {draft.verdict!r}: {', '.join(allowed) or 'none'}"
        for each in draft.actions
        if each.kind not in allowed
    ]


def _verdict(draft: Draft, evidence: Sequence[Evidence], case: Case, seen: Seen) -> str | None:
    weighed = case.weighed
    if weighed is None or weighed.verdict == draft.verdict:
        return None
    # One that failed is no witness: its words are ours, and those of the question.
    tools = {step.id for step in (*case.steps, *case.others) if step.kind == "tool_call" and step.success}
    return beyond(
        draft.verdict, weighed, case.incident, spoken_to=spoken_to(case, seen),
        from_tools=any(each.cites in tools for each in evidence), has_issue=_issue(case) is not None,
        from_people=from_people(case, evidence),
    )  # fmt: skip


def _issue(case: Case) -> str | None:
    """An issue that stands in the records: of this incident, or of an earlier one like it."""
    own = case.incident.opened("linear", "issue")
    if own is not None:
        return own.id
    for step in case.steps:
        if step.name != "incidents.similar" or not step.success or not isinstance(step.result, dict):
            continue
        for each in step.result.get("incidents") or ():
            for ref in (each.get("external") or ()) if isinstance(each, dict) else ():
                if isinstance(ref, dict) and ref.get("kind", "issue") in ("issue", "") and ref.get("id"):
                    return str(ref["id"])
    return None


def _conclusion(draft: Draft, evidence: Sequence[Evidence], case: Case, model: str) -> Conclusion:
    change = (
        Change(kind=draft.change.kind, id=draft.change.id, title=draft.change.title)
        if draft.change is not None
        else None
    )
    weighed = case.weighed
    if change is not None and weighed is not None and weighed.change is not None and weighed.change.id == change.id:
        change = weighed.change
    return Conclusion(
        verdict=draft.verdict,
        summary=draft.summary,
        hypothesis=Hypothesis(text=draft.hypothesis, confidence=draft.confidence),
        alternatives=tuple(Hypothesis(text=each.text, confidence=each.confidence) for each in draft.alternatives),
        category=draft.category,
        component=draft.component,
        blast_radius=draft.blast_radius,
        change=change,
        remediation=draft.remediation,
        evidence=tuple(evidence),
        ruled_out=tuple(
            RuledOut(text=each.text, why=each.why, cites=resolve(each.cites, case) if each.cites else None)
            for each in draft.ruled_out
        ),
        next_steps=draft.next_steps,
        answers=tuple(Answered(question=each.question, answer=each.answer) for each in draft.answers),
        analyst=model,
    )


def steps_that_answered(steps: Sequence[Step]) -> tuple[str, ...]:
    """Names of tools that answered, each once."""
    return tuple(dict.fromkeys(step.name for step in steps if step.kind == "tool_call" and step.success))
