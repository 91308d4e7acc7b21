"""Actions of a conclusion: what the playbook lists for its verdict, with texts rendered from its templates."""

from collections.abc import Mapping
from typing import Any

from playbooks.model import Playbook
from playbooks.render import RenderFailed, render
from playbooks.untrusted import line, prose
from schemas import Conclusion, ProposedAction

TITLE = 200
"""Characters of one-line arguments."""
ONE_LINE = ("title", "summary", "subject")


def propose(
    conclusion: Conclusion, playbook: Playbook, values: Mapping[str, Any], *, issue: str | None = None
) -> tuple[ProposedAction, ...]:
    """One action per kind the playbook lists, in its order; those of the verdict it was lowered from as well, for a person to approve. `values` is
    `playbooks.render.context` with this conclusion; `issue` the id of the issue an earlier incident has, which a comment of a `known` or
    `duplicate` verdict then goes to."""
    made: list[ProposedAction] = []
    kinds, held = playbook.actions_for(conclusion.verdict), conclusion.lowered_from
    more = () if held is None else tuple(kind for kind in playbook.actions_for(held) if kind not in kinds)
    for kind in (*kinds, *more):
        arguments: dict[str, Any] = {
            argument: text(playbook, template, values, one_line=argument in ONE_LINE)
            for argument, template in playbook.arguments_of(kind).items()
        }
        if kind == "linear.comment" and issue is not None:
            arguments["issue"] = issue
        why = f"verdict {conclusion.verdict}" if kind in kinds else f"verdict {held} without what was only said"
        made.append(ProposedAction(kind=kind, arguments=arguments, why=why, ask=kind not in kinds))
    return tuple(made)


def text(playbook: Playbook, template: str, values: Mapping[str, Any], *, one_line: bool = False) -> str:
    """A template rendered; if it cannot be, the plain truth in place of it: an action is never lost to a template's fault."""
    try:
        rendered = render(playbook, template, values)
    except RenderFailed as error:
        incident, conclusion = values["incident"], values.get("conclusion")
        if one_line:
            return line(incident["title"], TITLE)
        said = prose(conclusion["summary"]) if conclusion is not None else prose(incident["title"])
        return f"{said}\n\n(This text is plain because its template failed: {prose(error)})\n"
    return line(rendered, TITLE) if one_line else rendered
