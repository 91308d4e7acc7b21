"""One conclusion from recorded steps: weighed, with its actions, checked; or refused with the reasons."""

from collections.abc import Sequence

from playbooks.model import Playbook
from playbooks.render import context
from processors.analyst.check import check
from processors.analyst.facts import Facts, read_facts
from processors.analyst.propose import propose
from processors.analyst.verdict import issue_of, known_before, open_twin
from processors.analyst.weigh import weigh
from schemas import Conclusion, Incident, Signal, Step


class NotSound(Exception):
    """A conclusion that does not pass its check; `faults` says why."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def conclude(
    incident: Incident,
    signals: Sequence[Signal],
    steps: Sequence[Step],
    playbook: Playbook,
    now: int,
    *,
    investigation_id: str | None = None,
) -> Conclusion:
    """Raises NotSound."""
    facts = read_facts(incident, signals, steps, now)
    found = weigh(incident, signals, steps, now)
    made = with_actions(
        found,
        facts.incident,
        signals,
        steps,
        playbook,
        now,
        investigation_id=investigation_id,
        issue=_issue(found, facts),
    )
    faults = check(made, steps, signals, playbook)
    if faults:
        raise NotSound(faults)
    return made


def with_actions(
    conclusion: Conclusion,
    incident: Incident,
    signals: Sequence[Signal],
    steps: Sequence[Step],
    playbook: Playbook,
    now: int,
    *,
    investigation_id: str | None = None,
    issue: str | None = None,
) -> Conclusion:
    """The conclusion with the actions its playbook lists for its verdict."""
    values = context(
        playbook,
        incident,
        signals,
        now,
        steps=tuple(steps),
        conclusion=conclusion,
        investigation_id=investigation_id,
    )
    return conclusion.model_copy(update={"actions": propose(conclusion, playbook, values, issue=issue)})


def _issue(conclusion: Conclusion, facts: Facts) -> str | None:
    """The Linear issue of the earlier incident a `duplicate` or `known` verdict leans on."""
    match conclusion.verdict:
        case "duplicate":
            earlier = open_twin(facts)
        case "known":
            earlier = known_before(facts)
        case _:
            return None
    issue = issue_of(earlier) if earlier is not None else None
    return issue.id if issue is not None and issue.system == "linear" else None
