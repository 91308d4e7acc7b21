"""Whatever speaks the OpenAI-compatible chat completions API: Ollama, vLLM, llama.cpp, gateways; streamed.

https://platform.openai.com/docs/api-reference/chat-streaming. Local servers differ in small things: usage may be missing (it is then
estimated), arguments may be an object instead of text, ids of calls may be missing, and the stream may end without `[DONE]` once a
`finish_reason` was given.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from typing_extensions import override

from connectors.models.arguments import read_arguments
from connectors.models.names import WireNames
from connectors.models.refusals import failure
from connectors.models.settings import Provider
from connectors.ports.model import (
    Answer,
    Block,
    Call,
    Message,
    Model,
    ModelBusy,
    ModelEvent,
    ModelFailed,
    ModelRequest,
    Piece,
    Result,
    Stop,
    Text,
    Thinking,
)
from schemas import Usage

LONGEST_ERROR = 4000
_STOPS: dict[str, Stop] = {
    "stop": "end",
    "tool_calls": "calls",
    "function_call": "calls",
    "length": "length",
    "content_filter": "refusal",
}


class Compatible(Model):
    """One model behind such an API."""

    def __init__(self, name: str, model: str, provider: Provider) -> None:
        self._name, self._model, self._body = name, model, dict(provider.body)
        headers = {"accept": "text/event-stream", **provider.headers}
        if provider.key is not None:
            headers["authorization"] = f"Bearer {provider.key.get_secret_value()}"
        self._address = f"{(provider.base_url or '').rstrip('/')}/chat/completions"
        self._http = httpx.AsyncClient(headers=headers, timeout=None)  # noqa: S113 - each request has its deadline

    @property
    @override
    def name(self) -> str:
        return self._name

    @override
    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        written = _Written(WireNames(tool.name for tool in request.tools))
        body = json.dumps({**_body(request, self._model, written.names), **self._body}, ensure_ascii=False).encode()
        try:
            async with (
                asyncio.timeout(request.deadline_s),
                self._http.stream(
                    "POST", self._address, content=body, headers={"content-type": "application/json"}
                ) as response,
            ):
                if response.status_code != 200:
                    raise await self._refused(response)
                async for line in response.aiter_lines():
                    if not line.startswith("data:"):
                        continue
                    data = line[5:].strip()
                    if data == "[DONE]":
                        written.done = True
                        break
                    for piece in written.take(self._chunk(data)):
                        yield piece
        except TimeoutError as error:
            raise ModelBusy(
                f"{self._name!r} had not answered after {request.deadline_s:g} s", usage=written.spent(body)
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ModelBusy(f"{self._name!r} at {self._address!r}: {what}", usage=written.spent(body)) from error
        if written.stop is None:
            raise ModelBusy(f"{self._name!r} ended its answer in the middle", usage=written.spent(body))
        yield written.answer(self._model, body)

    def _chunk(self, data: str) -> dict[str, Any]:
        try:
            chunk = json.loads(data)
        except ValueError as error:
            raise ModelBusy(f"{self._name!r} sent what is no JSON: {data[:200]!r}") from error
        if isinstance(chunk, dict) and isinstance(chunk.get("error"), dict | str):
            said = chunk["error"]
            kind, message = (
                (str(said.get("type", "")), str(said.get("message", said))) if isinstance(said, dict) else ("", said)
            )
            raise failure(self._name, 200, kind or "api_error", message, {})
        return chunk if isinstance(chunk, dict) else {}

    async def _refused(self, response: httpx.Response) -> ModelFailed:
        text = (await response.aread())[:LONGEST_ERROR].decode("utf-8", "replace")
        kind = ""
        try:
            said = json.loads(text)
            said = said.get("error", said) if isinstance(said, dict) else text
            kind = str(said.get("type") or "") if isinstance(said, dict) else ""
            text = str(said.get("message", said)) if isinstance(said, dict) else str(said)
        except ValueError:
            pass
        return failure(self._name, response.status_code, kind, text, response.headers)

    @override
    async def close(self) -> None:
        await self._http.aclose()


class _Written:
    """An answer as far as it is written."""

    def __init__(self, names: WireNames) -> None:
        self.names = names
        self.stop: Stop | None = None
        self.done = False
        self._usage: Usage | None = None
        self._model: str | None = None
        self._text: list[str] = []
        self._thought: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}

    def take(self, chunk: dict[str, Any]) -> list[Piece]:
        self._model = chunk.get("model") or self._model
        if isinstance(chunk.get("usage"), dict):
            self._usage = _usage(chunk["usage"])
        pieces: list[Piece] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            if delta.get("content"):
                self._text.append(str(delta["content"]))
                pieces.append(Piece("text", str(delta["content"])))
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(thought, str) and thought:
                self._thought.append(thought)
                pieces.append(Piece("thinking", thought))
            for place, call in enumerate(delta.get("tool_calls") or ()):
                pieces += self._call(call, place)
            if choice.get("finish_reason"):
                self.stop = _STOPS.get(str(choice["finish_reason"]), "end")
        return pieces

    def _call(self, call: dict[str, Any], place: int) -> list[Piece]:
        index = call.get("index")
        index = index if isinstance(index, int) else place
        known = index in self._calls
        held = self._calls.setdefault(index, {"id": "", "name": "", "text": ""})
        held["id"] = call.get("id") or held["id"]
        function = call.get("function") or {}
        held["name"] += str(function.get("name") or "")
        given = function.get("arguments")
        held["text"] += json.dumps(given) if isinstance(given, dict | list) else str(given or "")
        return [] if known else [Piece("call", self.names.back(held["name"]))]

    def spent(self, body: bytes) -> Usage:
        """What it cost so far: as told, else four bytes to a token."""
        if self._usage is not None:
            return self._usage
        written = sum(map(len, (*self._text, *self._thought))) + sum(len(held["text"]) for held in self._calls.values())
        if not written and self.stop is None:
            return Usage()
        return Usage(input_tokens=len(body) // 4, output_tokens=written // 4 + 1)

    def answer(self, model: str, body: bytes) -> Answer:
        blocks: list[Block] = [Thinking("".join(self._thought))] if self._thought else []
        if self._text:
            blocks.append(Text("".join(self._text)))
        for index, held in sorted(self._calls.items()):
            arguments, fault = read_arguments(held["text"], complete=self.stop != "length")
            name = self.names.back(held["name"])
            blocks.append(Call(held["id"] or f"call_{index}", name, arguments, fault))
        # Some servers say `stop` although calls stand in the answer.
        stop: Stop = "calls" if self._calls and self.stop == "end" else self.stop or "end"
        return Answer(tuple(blocks), stop, self.spent(body), self._model or model)


def _usage(said: dict[str, Any]) -> Usage:
    details = said.get("prompt_tokens_details") or {}
    cached = int(details.get("cached_tokens") or 0)
    asked = int(said.get("prompt_tokens") or 0)
    return Usage(
        input_tokens=max(0, asked - cached),
        cache_read_tokens=cached,
        output_tokens=int(said.get("completion_tokens") or 0),
    )


def _body(request: ModelRequest, model: str, names: WireNames) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}]
    for message in request.messages:
        messages += _messages(message, names)
    made: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_tokens": request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        made["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": names.out(tool.name),
                    "description": tool.description,
                    "parameters": dict(tool.schema),
                },
            }
            for tool in request.tools
        ]
    if request.must_call is not None:
        made["tool_choice"] = {"type": "function", "function": {"name": names.out(request.must_call)}}
    return made


def _messages(message: Message, names: WireNames) -> list[dict[str, Any]]:
    """Results are messages of their own there, and stand before what else is said."""
    text = "\n\n".join(block.text for block in message.blocks if isinstance(block, Text) and block.text.strip())
    results = [
        {"role": "tool", "tool_call_id": block.call_id, "content": block.text}
        for block in message.blocks
        if isinstance(block, Result)
    ]
    if message.role == "user":
        return [*results, {"role": "user", "content": text}] if text else results
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {
                "name": names.out(block.name),
                "arguments": json.dumps(dict(block.arguments), ensure_ascii=False),
            },
        }
        for block in message.blocks
        if isinstance(block, Call)
    ]
    made: dict[str, Any] = {"role": "assistant", "content": text or None}
    return [{**made, "tool_calls": calls} if calls else made]
