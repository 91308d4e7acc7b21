"""The loop guard: the same question again brings nothing new, and costs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import orjson

from processors.analyst.loop.names import OWN
from schemas import Step

ALIKE = 0.92
"""From here on two questions to one tool are nearly the same."""
NEARLY = 3
"""So many nearly identical questions are asked, no more."""
BARREN = 3
"""After so many turns without new evidence the model is told, after one more it must conclude."""
_LONGEST = 2000
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Repeated:
    """The question need not be asked. `because` tells the model why and where the answer stands."""

    because: str


def repeated(name: str, arguments: Mapping[str, Any], steps: Sequence[Step]) -> Repeated | None:
    """Whether this was asked before: identically once, or nearly so `NEARLY` times. A question that failed may be asked once more. Pure."""
    wanted = _canonical(arguments)
    near: list[Step] = []
    failed = 0
    for step in steps:
        if step.kind != "tool_call" or step.name != name or name in OWN:
            continue
        asked = _canonical(step.arguments)
        if asked == wanted:
            if step.success:
                return Repeated(
                    f"This was asked before and answered in step/{step.index}; the answer would be the same. Ask something else, or conclude."
                )
            failed += 1
            if failed >= 2:
                return Repeated(
                    f"This has failed {failed} times, last in step/{step.index}. Ask something else, or conclude."
                )
        elif _alike(asked, wanted):
            near.append(step)
    if len(near) >= NEARLY:
        listed = ", ".join(f"step/{step.index}" for step in near)
        return Repeated(f"Nearly the same was asked {len(near)} times ({listed}). Ask something else, or conclude.")
    return None


def barren_turns(steps: Sequence[Step]) -> int:
    """How many of the latest turns brought nothing new: no tool answered, or only with what stands in an earlier step. Pure."""
    seen: set[bytes] = set()
    count = 0
    asked = new = False
    for step in steps:
        if step.kind == "model_call":
            if asked:
                count = 0 if new else count + 1
            asked = new = False
        elif step.kind == "tool_call" and step.name not in OWN:
            asked = True
            mark = orjson.dumps(step.result, default=str, option=orjson.OPT_SORT_KEYS)
            if step.success and mark not in seen and not _empty(step.result):
                new = True
            seen.add(mark)
        elif step.kind == "event" and step.name not in ("budget", "reminder"):
            count, new = 0, True
    if asked:
        count = 0 if new else count + 1
    return count


def _empty(result: Any) -> bool:
    """Nothing found: every list in it is empty, every text too."""
    if isinstance(result, dict):
        return all(
            _empty(value) for value in result.values() if isinstance(value, (dict, list, str)) or value is None
        ) and any(isinstance(value, list) for value in result.values())
    return result in (None, "", [], {})


def _canonical(arguments: Mapping[str, Any]) -> str:
    """Spelling apart: case, spaces and the order of keys do not make another question."""
    given = {key: value for key, value in arguments.items() if value not in (None, "", [], {})}
    text = orjson.dumps(given, default=str, option=orjson.OPT_SORT_KEYS).decode()
    return _SPACES.sub(" ", text).lower()[:_LONGEST]


def _alike(one: str, other: str) -> bool:
    if not one or not other:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE
