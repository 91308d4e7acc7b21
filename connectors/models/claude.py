"""Anthropic's models through the vendor's SDK: Messages API, streamed, one request for one answer.

https://docs.anthropic.com/en/api/messages-streaming. The SDK's own retries are off. Three things it leaves to its caller are done here: a
stream that ends before `message_stop` raises nothing there, an `error` event inside a stream arrives with status 200, and arguments of a
tool are parsed leniently, so that those which were cut off would look whole: they are read here from the raw text.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anthropic
from typing_extensions import override

from connectors.models.arguments import read_arguments
from connectors.models.names import ANTHROPIC, WireNames
from connectors.models.refusals import failure, words_of
from connectors.models.settings import Provider
from connectors.ports.model import (
    Answer,
    Block,
    Call,
    Message,
    Model,
    ModelBusy,
    ModelEvent,
    ModelRequest,
    Piece,
    Result,
    Stop,
    Text,
    Thinking,
)
from schemas import Usage

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "pause_turn": "end",
    "tool_use": "calls",
    "max_tokens": "length",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
}
_EPHEMERAL = {"type": "ephemeral"}


class Claude(Model):
    """One model of Anthropic, or of a gateway that speaks its API."""

    def __init__(self, name: str, model: str, provider: Provider) -> None:
        self._name, self._model, self._body = name, model, dict(provider.body)
        self._client = anthropic.AsyncAnthropic(
            api_key=provider.key.get_secret_value() if provider.key is not None else "none",
            base_url=provider.base_url or ANTHROPIC,
            default_headers=dict(provider.headers),
            max_retries=0,
        )

    @property
    @override
    def name(self) -> str:
        return self._name

    @override
    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        written = _Written(self._name, WireNames(tool.name for tool in request.tools))
        try:
            async with (
                asyncio.timeout(request.deadline_s),
                self._client.messages.stream(
                    **_arguments(request, self._name, self._model, written.names),
                    extra_body=self._further(request) or None,
                    timeout=request.deadline_s,
                ) as stream,
            ):
                async for event in stream:
                    piece = written.take(event)
                    if piece is not None:
                        yield piece
        except TimeoutError as error:
            raise ModelBusy(
                f"{self._name!r} had not answered after {request.deadline_s:g} s", usage=written.usage
            ) from error
        except anthropic.APIStatusError as error:
            headers = error.response.headers
            raise failure(
                self._name,
                error.status_code,
                error.type or "",
                words_of(error.body, str(error.message)),
                headers,
                usage=written.usage,
            ) from error
        except anthropic.APIConnectionError as error:
            raise ModelBusy(
                f"{self._name!r} cannot be reached: {error.__cause__ or error}", usage=written.usage
            ) from error
        except anthropic.AnthropicError as error:
            raise ModelBusy(f"{self._name!r}: {type(error).__name__}: {error}", usage=written.usage) from error
        except ValueError as error:
            # Arguments that no continuation can make valid: the SDK stops reading. What the model meant to call is known.
            if not written.open_call:
                raise ModelBusy(f"{self._name!r} answered what cannot be read: {error}", usage=written.usage) from error
            written.break_off(str(error))
        except OSError as error:
            raise ModelBusy(
                f"{self._name!r} broke off: {type(error).__name__}: {error}", usage=written.usage
            ) from error
        if written.stop is None:
            raise ModelBusy(f"{self._name!r} ended its answer in the middle", usage=written.usage)
        yield written.answer(self._model)

    def _further(self, request: ModelRequest) -> dict[str, Any]:
        """Configured fields. Thinking and a tool that must be called exclude each other there: the tool goes first."""
        return {name: value for name, value in self._body.items() if name != "thinking" or request.must_call is None}

    @override
    async def close(self) -> None:
        await self._client.close()


class _Written:
    """An answer as far as it is written."""

    def __init__(self, by: str, names: WireNames) -> None:
        self._by, self.names = by, names
        self.stop: Stop | None = None
        self.usage = Usage()
        self._model: str | None = None
        self._reason: Stop | None = None
        self._blocks: dict[int, dict[str, Any]] = {}

    @property
    def open_call(self) -> bool:
        """Whether arguments are being written."""
        return any(block["type"] == "tool_use" and not block["done"] for block in self._blocks.values())

    def break_off(self, because: str) -> None:
        """Take it as it stands; the call in hand is a fault, and there is nothing after it."""
        self.stop = "calls"
        for block in self._blocks.values():
            if block["type"] == "tool_use" and not block["done"]:
                block["fault"] = f"the arguments are not valid JSON: {because}"[:600]

    def take(self, event: Any) -> Piece | None:
        match event.type:
            case "message_start":
                self._model = event.message.model
                self._count(event.message.usage)
            case "content_block_start":
                return self._begin(event.index, event.content_block)
            case "content_block_delta":
                return self._continue(event.index, event.delta)
            case "content_block_stop":
                if event.index in self._blocks:
                    self._blocks[event.index]["done"] = True
            case "message_delta":
                self._count(event.usage)
                reason = event.delta.stop_reason
                self._reason = _STOPS.get(reason or "", "end") if reason else None
            case "message_stop":
                self.stop = self._reason
        return None

    def _begin(self, index: int, block: Any) -> Piece | None:
        kind = block.type
        held: dict[str, Any] = {"type": kind, "text": "", "done": False}
        if kind == "tool_use":
            held |= {"id": block.id, "name": block.name}
        elif kind == "redacted_thinking":
            held["data"] = block.data
        elif kind == "text":
            held["text"] = block.text or ""
        self._blocks[index] = held
        return Piece("call", self.names.back(block.name)) if kind == "tool_use" else None

    def _continue(self, index: int, delta: Any) -> Piece | None:
        held = self._blocks.get(index)
        if held is None:
            return None
        match delta.type:
            case "text_delta":
                held["text"] += delta.text
                return Piece("text", delta.text)
            case "thinking_delta":
                held["text"] += delta.thinking
                return Piece("thinking", delta.thinking)
            case "input_json_delta":
                held["text"] += delta.partial_json
            case "signature_delta":
                held["signature"] = delta.signature
        return None

    def _count(self, usage: Any) -> None:
        """Counts of a stream are totals so far: each replaces the one before, a missing one does not."""
        if usage is None:
            return
        said = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read_tokens": usage.cache_read_input_tokens,
            "cache_write_tokens": usage.cache_creation_input_tokens,
        }
        self.usage = self.usage.model_copy(update={name: count for name, count in said.items() if count is not None})

    def answer(self, model: str) -> Answer:
        blocks = [made for _, held in sorted(self._blocks.items()) if (made := self._block(held)) is not None]
        return Answer(tuple(blocks), self.stop or "end", self.usage, self._model or model)

    def _block(self, held: dict[str, Any]) -> Block | None:
        match held["type"]:
            case "text":
                return Text(held["text"]) if held["text"] else None
            case "thinking":
                kept = {"signature": held["signature"]} if "signature" in held else {}
                return Thinking(held["text"], kept, self._by)
            case "redacted_thinking":
                return Thinking("", {"data": held["data"]}, self._by)
            case "tool_use":
                # `max_tokens` inside a call still closes the stream properly; only a closed block of a whole answer is complete.
                complete = held["done"] and self.stop != "length"
                arguments, fault = read_arguments(held["text"], complete=complete)
                return Call(held["id"], self.names.back(held["name"]), arguments, held.get("fault", fault))
        return None


def _arguments(request: ModelRequest, by: str, model: str, names: WireNames) -> dict[str, Any]:
    """Breakpoints of the prompt cache: the end of the tools, of the system text, and of the conversation so far."""
    messages = [_message(message, by, names) for message in request.messages]
    if messages and messages[-1]["content"]:
        messages[-1]["content"][-1]["cache_control"] = _EPHEMERAL
    made: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "system": [{"type": "text", "text": request.system, "cache_control": _EPHEMERAL}],
        "messages": messages,
    }
    if request.tools:
        made["tools"] = [
            {"name": names.out(tool.name), "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in request.tools
        ]
        made["tools"][-1]["cache_control"] = _EPHEMERAL
    if request.must_call is not None:
        made["tool_choice"] = {"type": "tool", "name": names.out(request.must_call)}
    return made


def _message(message: Message, by: str, names: WireNames) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": [made for block in message.blocks if (made := _out(block, by, names)) is not None],
    }


def _out(block: Block, by: str, names: WireNames) -> dict[str, Any] | None:
    match block:
        case Text(text):
            return {"type": "text", "text": text} if text.strip() else None
        case Thinking(text, kept, thinker):
            if thinker != by:
                return None
            if "data" in kept:
                return {"type": "redacted_thinking", "data": kept["data"]}
            return {"type": "thinking", "thinking": text, **kept} if "signature" in kept else None
        case Call():
            return {"type": "tool_use", "id": block.id, "name": names.out(block.name), "input": dict(block.arguments)}
        case Result():
            made = {"type": "tool_result", "tool_use_id": block.call_id, "content": block.text}
            return {**made, "is_error": True} if block.failed else made
