"""A tool that answers with what was recorded, as whole or as narrow as it is asked."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.ports.tool import Tool, ToolContext

WHOLE = 8 * 2**20


class RecordedQuestion(BaseModel):
    """What of the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contains: str = Field(default="", max_length=200, description="Only lines or rows that hold this text, in any case")
    offset: int = Field(default=0, ge=0, description="Lines or rows to leave out at the beginning")
    limit: int = Field(default=0, ge=0, description="At most so many lines or rows; 0: all")


class RecordedAnswer(BaseModel):
    """`asked` is what the recording was asked; `answer` what came back then."""

    asked: dict[str, Any] = Field(default_factory=dict)
    answer: Any = None
    left_out: int = Field(default=0, description="Lines or rows that do not match or are beyond the limit")


class RecordedTool(Tool):
    """One recorded answer."""

    arguments: type[BaseModel] = RecordedQuestion
    result: type[BaseModel] = RecordedAnswer
    deadline_s = 30.0
    max_bytes = WHOLE

    def __init__(self, name: str, description: str, answer: Any, asked: dict[str, Any] | None = None) -> None:
        self.name = name
        self.description = description
        self._answer, self._asked = answer, asked or {}

    @override
    async def call(self, arguments: BaseModel, context: ToolContext) -> RecordedAnswer:
        assert isinstance(arguments, RecordedQuestion)  # noqa: S101 - the caller validated against `arguments`
        answer, left = narrowed(self._answer, arguments)
        return RecordedAnswer(asked=self._asked, answer=answer, left_out=left)


def narrowed(answer: Any, question: RecordedQuestion) -> tuple[Any, int]:
    """Of a text the lines asked for, of a list its rows, of an object with one list in it those of that list."""
    if not (question.contains or question.offset or question.limit):
        return answer, 0
    if isinstance(answer, str):
        kept, left = _chosen(answer.split("\n"), question)
        return "\n".join(kept), left
    if isinstance(answer, list):
        return _chosen(answer, question)
    if isinstance(answer, dict):
        lists = [key for key, value in answer.items() if isinstance(value, list)]
        if len(lists) == 1:
            kept, left = _chosen(answer[lists[0]], question)
            return {**answer, lists[0]: kept}, left
        kept, left = _chosen([{key: value} for key, value in answer.items()], question)
        return {key: value for each in kept for key, value in each.items()}, left
    return answer, 0


def _chosen(rows: list[Any], question: RecordedQuestion) -> tuple[list[Any], int]:
    needle = question.contains.lower()
    texts = ((row, row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) for row in rows)
    matching = [row for row, text in texts if not needle or needle in text.lower()]
    kept = matching[question.offset : question.offset + question.limit if question.limit else None]
    return kept, len(rows) - len(kept)
