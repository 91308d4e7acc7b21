"""Completion: what a playbook wants of a conclusion before it counts (`before_concluding`)."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from playbooks.model import BeforeConcluding, Playbook
from rules.cel import CelError, CelFailure, Condition, FieldSchema, compile  # noqa: A004 (the language's own word)
from schemas import Conclusion, Incident, Step
from schemas.document import Fault

SCHEMA = FieldSchema({"conclusion": "dyn", "incident": "dyn", "steps": "list"})
"""What a condition may speak of."""


def unmet(
    wanted: BeforeConcluding, conclusion: Conclusion, incident: Incident, steps: Sequence[Step]
) -> tuple[str, ...]:
    """What is missing, as sentences for whoever must do better; empty when it may count. Pure."""
    answered = {_plain(each.question): each.answer.strip() for each in conclusion.answers}
    missing = [
        f"the playbook asks {question!r}: answer it in `answers`, with the question as it stands here"
        for question in wanted.must_answer
        if not answered.get(_plain(question))
    ]
    names = tuple(dict.fromkeys(step.name for step in steps if step.kind == "tool_call" and step.success))
    missing += [
        f"no tool {pattern!r} has answered; the playbook wants one asked before concluding"
        for pattern in wanted.must_call
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
    if wanted.require is not None:
        values = {
            "conclusion": conclusion.model_dump(mode="json"),
            "incident": incident.model_dump(mode="json"),
            "steps": list(names),
        }
        said = holds(wanted.require, values)
        if said is not None:
            missing.append(f"the playbook requires {wanted.require!r}, and {said}")
    return tuple(missing)


def holds(condition: str, values: dict[str, Any]) -> str | None:
    """None when it is true; else what it is instead."""
    value = _compiled(condition).evaluate(values)
    if isinstance(value, CelFailure):
        return f"it cannot be answered: {value}"
    return None if value is True else f"it is {value!r}"


def faults(playbooks: Iterable[Playbook]) -> Iterator[Fault]:
    """Conditions that cannot be compiled."""
    for playbook in playbooks:
        condition = playbook.front.before_concluding.require
        if condition is None:
            continue
        try:
            _compiled(condition)
        except CelError as error:
            line = next((number for number, row in enumerate(playbook.text.split("\n"), 1) if "require:" in row), 1)
            yield Fault(playbook.file, line, 1, f"before_concluding.require: {error}")


@lru_cache(maxsize=64)
def _compiled(condition: str) -> Condition:
    return compile(condition, schema=SCHEMA)


def _plain(question: str) -> str:
    return " ".join(question.lower().split()).rstrip(" ?.!")
