"""The transcript: recorded steps as the conversation a model continues; nothing else is kept of it."""

import json
from collections.abc import Sequence
from typing import Any

from connectors.ports.model import Block, Call, Message, Result, Text, Thinking
from processors.analyst.loop.fencing import Fence
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.names import COMPACTED, CONCLUDE, OWN, QUESTION, REMINDER, STEER, WEIGHED
from schemas import Step

_TRUSTED = frozenset({"budget", REMINDER, "model.lost", "resumed", "cancel"})
"""Events in our own words alone."""
LATEST = 6
"""Steps that keep ten times the room when a conversation is compacted."""
_UNSAID = frozenset({WEIGHED, "model.lost", "resumed", "answer"})


def blocks_to_json(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """An answer's blocks, as a step records them."""
    made: list[dict[str, Any]] = []
    for block in blocks:
        match block:
            case Text(text):
                made.append({"type": "text", "text": text})
            case Thinking(text, kept, by):
                made.append({"type": "thinking", "text": text, "kept": dict(kept), "by": by})
            case Call():
                call = {"type": "call", "id": block.id, "name": block.name, "arguments": dict(block.arguments)}
                made.append(call if block.fault is None else {**call, "fault": block.fault})
            case Result():
                made.append({"type": "result", "call_id": block.call_id, "text": block.text, "failed": block.failed})
    return made


def blocks_of(step: Step) -> tuple[Block, ...]:
    """The blocks of a recorded answer; none of a failed one."""
    listed = step.result.get("blocks") if isinstance(step.result, dict) else None
    made: list[Block] = []
    for each in listed or () if step.success else ():
        match each.get("type"):
            case "text":
                made.append(Text(each["text"]))
            case "thinking":
                made.append(Thinking(each["text"], each.get("kept") or {}, each.get("by", "")))
            case "call":
                made.append(Call(each["id"], each["name"], each.get("arguments") or {}, each.get("fault")))
    return tuple(made)


def calls_of(step: Step) -> tuple[Call, ...]:
    """What a recorded answer asks for. Ids are unique over the conversation whatever a provider numbers them by."""
    return tuple(block for block in blocks_of(step) if isinstance(block, Call))


class Transcript:
    """A conversation that grows with the steps. What was rendered once stays as it is, so that a provider's cache of it holds."""

    def __init__(self, fence: Fence, mask: Mask) -> None:
        self._fence, self._mask = fence, mask
        self._rendered: dict[str, str] = {}

    def messages(self, opening: str, talk: Sequence[Step]) -> tuple[Message, ...]:
        """Alternating, ours first, ours last. `opening` is what the conversation begins with."""
        for step in talk:
            self._text(step)
        begin = next((index for index, step in reversed(list(enumerate(talk))) if step.kind == "compaction"), None)
        made: list[Message] = []
        ours: list[Block] = [Text(opening)]
        if begin is not None:
            ours.append(Text(self._text(talk[begin])))
            talk = talk[begin + 1 :]
        open_calls: list[Call] = []
        results: dict[str, Result] = {}
        for step in talk:
            if step.kind == "model_call":
                blocks = _theirs(step)
                if not step.success or not blocks:
                    continue
                made.append(Message("user", _ours(open_calls, results, ours)))
                made.append(Message("assistant", blocks))
                open_calls, results, ours = list(calls_of(step)), {}, []
            elif step.call_id is not None:
                results[step.call_id] = Result(step.call_id, self._text(step), failed=not step.success)
            elif step.name not in _UNSAID:
                ours.append(Text(self._text(step)))
        made.append(Message("user", _ours(open_calls, results, ours)))
        return tuple(made)

    def gathered(self, step: Step) -> str:
        """An answer that was there before the conversation."""
        return self._text(step)

    def _text(self, step: Step) -> str:
        known = self._rendered.get(step.id)
        if known is None:
            known = self._rendered[step.id] = self._render(step)
        return known

    def _render(self, step: Step) -> str:
        cites = f"step/{step.index}"
        if step.kind == "compaction":
            return str(step.result["text"])
        if step.kind == "model_call":
            return ""
        if step.kind == "event":
            return self._event(step, cites)
        if step.name in OWN or not step.success:
            said = self._mask.text(step.error if step.error is not None else _dump(step.result))
            # A remote's own words may stand in an error.
            return said if step.name in OWN else self._fence.around(said, cites=cites, source=f"{step.name} failed")
        return self._fence.around(_dump(self._mask.value(step.result)), cites=cites, source=step.name)

    def _event(self, step: Step, cites: str) -> str:
        result = step.result if isinstance(step.result, dict) else {}
        text = str(result.get("text", ""))
        if step.name in _TRUSTED:
            return f"[{step.name}] {text}"
        if step.name in (STEER, QUESTION):
            author = str(step.arguments.get("author", "a person"))
            word = "asks" if step.name == QUESTION else "says"
            said = (
                f"[{self._mask.value(author, 'author')} of your own team {word}; cite {cites}] {self._mask.text(text)}"
            )
            if "conclusion" not in result:
                return said
            conclusion = _dump(self._mask.value(result["conclusion"]))
            return f"What was concluded:\n{self._fence.around(conclusion, cites='conclusion', source='conclusion')}\n\n{said}"
        shown = text if set(result) <= {"text"} else _dump(self._mask.value(result))
        return f"[{step.name}]\n" + self._fence.around(self._mask.text(shown), cites=cites, source=step.name)


def digest_of(steps: Sequence[Step], mask: Mask, *, limit: int = 320) -> str:
    """Steps in short, each with the id it is cited by: what is left of them in a conversation that was compacted."""
    lines = []
    for place, step in enumerate(steps):
        room = limit if place < len(steps) - LATEST else 10 * limit
        if step.kind == "model_call":
            text = " ".join(block.text for block in blocks_of(step) if isinstance(block, Text)).strip()
            if text:
                lines.append(f"- you said: {_short(text, 2 * room)}")
        elif step.kind == "compaction":
            lines.append(str(step.result["text"]).strip())
        elif step.name in _UNSAID or step.name in _TRUSTED or step.name in OWN:
            continue
        else:
            said = step.error if step.error is not None else _dump(mask.value(step.result))
            asked = _short(_dump(mask.value(step.arguments)), 160) if step.kind == "tool_call" else ""
            state = "" if step.success else " failed"
            lines.append(f"- step/{step.index} {step.name}{asked}{state}: {_short(mask.text(said), room)}")
    return "\n".join(lines)


def _theirs(step: Step) -> tuple[Block, ...]:
    """Thoughts alone are no message."""
    blocks = blocks_of(step)
    return blocks if any(not isinstance(block, Thinking) for block in blocks) else ()


def _ours(calls: Sequence[Call], results: dict[str, Result], rest: Sequence[Block]) -> tuple[Block, ...]:
    answers = [results.get(call.id) or _unanswered(call) for call in calls]
    made = (*answers, *rest)
    return made or (Text("Go on."),)


def _unanswered(call: Call) -> Result:
    """A conclusion that was taken has no step of its own; what else was not asked was overtaken by the end."""
    if call.name == CONCLUDE:
        return Result(call.id, "The conclusion was taken.")
    return Result(call.id, "This was not asked.", failed=True)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str, limit: int) -> str:
    one = " ".join(text.split())
    return one if len(one) <= limit else f"{one[:limit]} ({len(one) - limit} more characters)"


__all__ = ["COMPACTED", "Transcript", "blocks_of", "blocks_to_json", "calls_of", "digest_of"]
