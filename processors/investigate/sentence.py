"""A recorded step in one sentence, for people who follow an investigation."""

from collections.abc import Mapping
from typing import Any

from processors.analyst.facts import SNAPSHOT
from processors.analyst.loop.names import CONCLUDE, HAND_OVER, OWN, PROPOSE, WAIT, WEIGHED
from processors.analyst.loop.transcript import calls_of
from schemas import Step

LONGEST = 300
_VALUE = 60
_DOES = {CONCLUDE: "concludes", HAND_OVER: "hands over", WAIT: "waits", PROPOSE: "proposes an action"}


def sentence(step: Step) -> str:
    """Who did what, and what came of it; at most `LONGEST` characters, on one line."""
    return " ".join(_told(step).split())[:LONGEST]


def _told(step: Step) -> str:
    result = step.result if isinstance(step.result, dict) else {}
    match step.kind:
        case "model_call":
            return _model(step, result)
        case "event" | "compaction":
            return _event(step, result)
        case _ if step.name in OWN:
            return f"{step.name}: {step.error or result.get('text', '')}"
        case _:
            asked = f"{step.name}{_arguments(step.arguments)}"
            return f"{asked} answered" if step.success else f"{asked} did not answer: {step.error}"


def _model(step: Step, result: Mapping[str, Any]) -> str:
    usage = step.usage
    tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    cost = f" ({tokens:,} tokens{f', ${usage.cost_usd:.4f}' if usage.cost_usd else ''})" if tokens else ""
    if not step.success:
        return f"{step.name} did not answer{cost}: {step.error}"
    calls = calls_of(step)
    asks = [call.name for call in calls if call.name not in OWN]
    does = [f"asks {', '.join(asks)}"] if asks else []
    does += [_DOES[call.name] for call in calls if call.name in OWN]
    if not does:
        said = next((block["text"] for block in result.get("blocks", ()) if block.get("type") == "text"), "nothing")
        does = [f"says {said[:_VALUE]!r}"]
    before = step.arguments.get("failures")
    failed = f", after {before[0]}" if isinstance(before, list) and before else ""
    return f"{step.name} {' and '.join(does)}{cost}{failed}"


def _event(step: Step, result: Mapping[str, Any]) -> str:
    if not step.success:
        return f"{step.name} failed: {step.error}"
    if step.name == SNAPSHOT:
        return "the incident was looked at once more"
    if step.name == WEIGHED:
        likely = result.get("hypothesis")
        text = likely.get("text", "") if isinstance(likely, dict) else ""
        return f"the records alone say {result.get('verdict')}: {text}"
    if step.kind == "compaction":
        return "the conversation goes on from a digest of itself"
    author = str(step.arguments.get("author", ""))
    return f"{step.name}{f' by {author}' if author.startswith(('human:', 'helper:')) else ''}: {result.get('text', '')}"


def _arguments(arguments: Mapping[str, Any]) -> str:
    shown = [f"{name}={_short(value)}" for name, value in arguments.items() if value not in (None, "", [], {})]
    return f"({', '.join(shown)})" if shown else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"
