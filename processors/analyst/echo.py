"""Echoes: where an answer only repeats what it was asked, nobody has said anything."""

from processors.analyst.quotes import leaves
from schemas import Step

_FIELDS = frozenset(
    {"query", "asked", "arguments", "question", "statement", "expression", "selector", "filter", "search"}
)
"""Fields of an answer that say what the question was."""
_LEAST = 3


def unechoed(step: Step) -> Step:
    """The step without those fields of its answer that repeat its own arguments: whoever asked for "timeout" has not been told of one. Pure."""
    if step.kind != "tool_call" or not step.arguments or not isinstance(step.result, dict):
        return step
    asked = [text for text in leaves(step.arguments) if len(text) >= _LEAST]
    echoes = {
        name
        for name in _FIELDS & step.result.keys()
        if any(text in said for said in leaves(step.result[name]) for text in asked)
    }
    if not echoes:
        return step
    return step.model_copy(update={"result": {name: each for name, each in step.result.items() if name not in echoes}})
