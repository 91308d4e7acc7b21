"""A model: what reasons over a conversation, asked for one answer at a time and read as a stream."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas import Usage

Stop = Literal["end", "calls", "length", "refusal", "context"]
"""Why an answer ended: it is complete, it asks for tools, its length was used up, it was refused, the context is full."""


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text, of either side."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought. `kept` is what its provider wants back unchanged (signatures); of no use to another than `by`, which leaves
    it out of what it sends."""

    text: str
    kept: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool a model asks for, under our name of it. `fault`: why the arguments cannot be used (they are no JSON object, or were cut
    off); such a call must never be executed."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a call."""

    call_id: str
    text: str
    failed: bool = False


Block = Text | Thinking | Call | Result


@dataclass(frozen=True, slots=True)
class Message:
    """One side's turn. Ours (`user`) hold text and results, theirs (`assistant`) text, thinking and calls."""

    role: Literal["user", "assistant"]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ToolShape:
    """A tool as a model is told of it; `schema` is JSON Schema of an object. `trusted`: it may be told what is masked for models; no
    model is told of that."""

    name: str
    description: str
    schema: Mapping[str, Any]
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question. Roles of messages alternate, the first is ours; every call is answered by a result in the message after it."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolShape, ...] = ()
    must_call: str | None = None
    """The one tool that must be called now."""
    max_tokens: int = 4096
    deadline_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer. `usage` has tokens alone: what they cost is not for the model to say."""

    blocks: tuple[Block, ...]
    stop: Stop
    usage: Usage
    model: str
    """As the provider calls what answered."""

    @property
    def text(self) -> str:
        """What was said, without thoughts and calls."""
        return "".join(block.text for block in self.blocks if isinstance(block, Text))

    @property
    def calls(self) -> tuple[Call, ...]:
        """What was asked for, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Call))


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer that is still being written: for watching, never for acting on."""

    kind: Literal["text", "thinking", "call"]
    text: str


ModelEvent = Piece | Answer
"""Pieces, and as the last one the answer."""


class ModelFailed(Exception):
    """No answer. `usage` is what it cost all the same."""

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()


class ModelBusy(ModelFailed):
    """Overloaded, limited, out of reach or cut off in the middle: ask again, after `retry_after_s` when it says so."""

    def __init__(self, message: str, *, usage: Usage | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, usage=usage)
        self.retry_after_s = retry_after_s


class ModelUnusable(ModelFailed):
    """Nothing will come of it until somebody changes the configuration (credentials, credit, an unknown model): ask another."""


class RequestRejected(ModelFailed):
    """This request is none it can answer: ask another model."""


class ContextFull(ModelFailed):
    """The conversation is too long for it: shorten it, or ask one that takes more."""


class Model(Protocol):
    """One model of one provider. It retries nothing by itself and keeps no conversation: both are ours."""

    @property
    def name(self) -> str:
        """`PROVIDER/MODEL`, as the configuration names it."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Pieces as they come, then one Answer. A stream that ends without its final event raises ModelBusy; arguments that are cut
        off are marked as a fault. Raises ModelFailed. Closing the iterator ends the request."""

    async def close(self) -> None:
        """Let go of connections."""
