"""A scripted server of models on loopback: it speaks the Messages API and the OpenAI-compatible one, well or badly.

`Script` is a list of replies, used in order, or a function from what was asked to a reply (a model that obeys whatever it reads, say).
Requests are checked as the real thing would: credentials, alternating roles, a result for every call, names of tools.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STREAMS = Path(__file__).parents[1] / "connectors" / "models" / "payloads"
KEY = "test-key"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Says:
    """An answer: text, calls (name with dots, arguments as an object or as raw text), and how it is delivered."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    thinking: str = ""
    stop: str | None = None
    """A `stop_reason` of the Messages API, when another than follows from the content."""
    input_tokens: int = 100
    output_tokens: int = 20
    wait_s: float = 0.0
    """Before the first byte."""
    pace_s: float = 0.0
    """Between two events."""
    drop_after: int | None = None
    """So many events are sent, then the connection is closed."""
    error_after: tuple[int, str] | None = None
    """After so many events an `error` event of this type."""
    gate: Any = None
    """An event that must be set before the first byte: `asyncio.Event` or `threading.Event`."""


@dataclass(frozen=True)
class Fault:
    """A refusal: 429, 529, 400, 401 ... with the body the vendor sends."""

    status: int
    kind: str = "api_error"
    message: str = "no"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A stream as it was recorded, by the name of its file."""

    name: str


@dataclass(frozen=True)
class Hangs:
    """The connection is held and nothing is said."""


Reply = Says | Fault | Recorded | Hangs


@dataclass(frozen=True)
class Asked:
    """A request, in the form of its API (`messages` or `chat`)."""

    api: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def tools(self) -> list[str]:
        """Names of the tools on offer, with dots."""
        listed = self.body.get("tools") or []
        return [dotted(tool.get("name") or tool["function"]["name"]) for tool in listed]

    @property
    def text(self) -> str:
        """All that was said, tool results among it: what a model reads."""
        return json.dumps([self.body.get("system"), self.body["messages"]], ensure_ascii=False)

    @property
    def last(self) -> str:
        """The last message."""
        return json.dumps(self.body["messages"][-1], ensure_ascii=False)

    @property
    def forced(self) -> str | None:
        """The tool that must be called."""
        choice = self.body.get("tool_choice") or {}
        name = choice.get("name") or (choice.get("function") or {}).get("name")
        return dotted(name) if name else None


Script = Sequence[Reply] | Callable[[Asked], Reply]


def dotted(name: str) -> str:
    return name.replace("__", ".")


@dataclass
class ModelServer:
    """What runs, what it was asked, and what is wrong with that (`faults` must stay empty)."""

    url: str
    script: Script
    models: Sequence[str] = ("m",)
    """What its list of models says."""
    asked: list[Asked] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return len(self.asked)

    def reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        fault = wrong_with(asked)
        if fault is not None:
            self.faults.append(fault)
            return Fault(400, "invalid_request_error", fault)
        if callable(self.script):
            return self.script(asked)
        place = len(self.asked) - 1
        return (
            self.script[place]
            if place < len(self.script)
            else Fault(400, "invalid_request_error", "the script is over")
        )


@asynccontextmanager
async def model_server(script: Script) -> AsyncIterator[ModelServer]:
    """In this event loop."""
    served = ModelServer("", script)
    listening = await asyncio.start_server(lambda r, w: _serve(served, r, w), "127.0.0.1", 0, limit=1 << 24)
    served.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        listening.close()


@contextmanager
def model_server_in_thread(script: Script) -> Iterator[ModelServer]:
    """In a thread of its own, for programs that run elsewhere."""
    ready, over = threading.Event(), threading.Event()
    held: list[ModelServer] = []

    async def main() -> None:
        async with model_server(script) as served:
            held.append(served)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield held[0]
    finally:
        over.set()
        thread.join(10)


# ------------------------------------------------------------------------------------------------- what the real thing would refuse


def wrong_with(asked: Asked) -> str | None:
    """Why the vendor would answer 400, or None."""
    if asked.headers.get("authorization") != f"Bearer {KEY}" and asked.headers.get("x-api-key") != KEY:
        return "no credentials"
    body = asked.body
    if not body.get("stream") or not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        return "stream and max_tokens are needed"
    if any(not _NAME.fullmatch(tool.get("name") or tool["function"]["name"]) for tool in body.get("tools") or ()):
        return "a tool's name is not allowed"
    return _wrong_messages(body["messages"]) if asked.api == "messages" else _wrong_chat(body["messages"])


def _wrong_messages(messages: list[dict[str, Any]]) -> str | None:
    open_calls: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] != ("user" if place % 2 == 0 else "assistant"):
            return f"messages.{place}: roles must alternate, beginning with user"
        content = message["content"]
        if not content:
            return f"messages.{place}: content is empty"
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{place}: text content blocks must be non-empty"
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != open_calls:
            return (
                f"messages.{place}: tool_use ids {open_calls ^ answered} without tool_result blocks, or the other way"
            )
        kinds = [block["type"] for block in blocks]
        if answered and "tool_result" in kinds[kinds.index("text") :] if "text" in kinds else False:
            return f"messages.{place}: tool_result blocks come first"
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
    return "messages: the last one is the assistant's" if messages[-1]["role"] == "assistant" else None


def _wrong_chat(messages: list[dict[str, Any]]) -> str | None:
    open_calls: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return f"messages.{place}: no such call"
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            return f"messages.{place}: calls without an answer: {open_calls}"
        open_calls = {call["id"] for call in message.get("tool_calls") or ()}
        for call in message.get("tool_calls") or ():
            json.loads(call["function"]["arguments"])
    return None


# ------------------------------------------------------------------------------------------------- HTTP


async def _serve(served: ModelServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        asked = await _read(reader)
        if asked.path.partition("?")[0].endswith("/models"):
            await _list_models(served, asked, writer)
        else:
            await _answer(served.reply_to(asked), asked, writer, reader)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _list_models(served: ModelServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    known = asked.headers.get("authorization") == f"Bearer {KEY}" or asked.headers.get("x-api-key") == KEY
    said = {"data": [{"id": name} for name in served.models]} if known else {"error": {"type": "authentication_error"}}
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 {200 if known else 401} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *rest = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    path = first.split(" ")[1]
    return Asked("messages" if path.endswith("/messages") else "chat", path, headers, json.loads(body or b"{}"))


async def _answer(reply: Reply, asked: Asked, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    match reply:
        case Hangs():
            await reader.read()
            return
        case Fault():
            said = {"type": "error", "error": {"type": reply.kind, "message": reply.message}, "request_id": "req_1"}
            body = json.dumps(said).encode()
            lines = [f"HTTP/1.1 {reply.status} X", "content-type: application/json", f"content-length: {len(body)}"]
            lines += ["connection: close", *(f"{name}: {value}" for name, value in reply.headers)]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
            return
        case Recorded():
            text = (STREAMS / reply.name).read_text()
            events = [f"{event}\n\n" for event in re.split(r"\n\n+", text.strip())]
            script = Says()
        case Says():
            events = messages_events(reply) if asked.api == "messages" else chat_events(reply)
            script = reply
    await _gate(script)
    await asyncio.sleep(script.wait_s)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for place, event in enumerate(events):
        if script.drop_after is not None and place >= script.drop_after:
            return
        if script.error_after is not None and place >= script.error_after[0]:
            error = {"type": "error", "error": {"type": script.error_after[1], "message": "in the middle"}}
            writer.write(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
            await writer.drain()
            return
        writer.write(event.encode())
        await writer.drain()
        if script.pace_s:
            await asyncio.sleep(script.pace_s)


async def _gate(script: Says) -> None:
    if isinstance(script.gate, asyncio.Event):
        await script.gate.wait()
    elif script.gate is not None:
        await asyncio.to_thread(script.gate.wait)


def messages_events(reply: Says) -> list[str]:
    """Server-sent events of the Messages API."""
    usage = {
        "input_tokens": reply.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted-1", "content": [], "stop_reason": None,
             "stop_sequence": None, "usage": usage}  # fmt: skip
    made: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]

    def block(begin: dict[str, Any], deltas: list[dict[str, Any]]) -> None:
        index = sum(event["type"] == "content_block_start" for event in made)
        made.append({"type": "content_block_start", "index": index, "content_block": begin})
        made.extend({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        made.append({"type": "content_block_stop", "index": index})

    if reply.thinking:
        deltas = [
            {"type": "thinking_delta", "thinking": reply.thinking},
            {"type": "signature_delta", "signature": "c2ln"},
        ]
        block({"type": "thinking", "thinking": "", "signature": ""}, deltas)
    if reply.text:
        block({"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in _parts(reply.text)])
    for place, (name, arguments) in enumerate(reply.calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        begin = {
            "type": "tool_use",
            "id": f"toolu_{place}_{abs(hash((name, text))) % 10**9}",
            "name": name.replace(".", "__"),
            "input": {},
        }
        block(begin, [{"type": "input_json_delta", "partial_json": part} for part in ["", *_parts(text)]])
    stop = reply.stop or ("tool_use" if reply.calls else "end_turn")
    made.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": reply.output_tokens},
        }
    )
    made.append({"type": "message_stop"})
    return [f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in made]


def chat_events(reply: Says) -> list[str]:
    """Chunks of chat completions."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c1", "object": "chat.completion.chunk", "model": "scripted-1", "choices": [choice]}

    made: list[dict[str, Any]] = [chunk({"role": "assistant", "content": ""})]
    made += [chunk({"content": part}) for part in _parts(reply.text)]
    for place, (name, arguments) in enumerate(reply.calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        wire = name.replace(".", "__")
        opened = {
            "index": place,
            "id": f"call_{place}_{abs(hash((name, text))) % 10**9}",
            "type": "function",
            "function": {"name": wire, "arguments": ""},
        }
        made.append(chunk({"tool_calls": [opened]}))
        made += [chunk({"tool_calls": [{"index": place, "function": {"arguments": part}}]}) for part in _parts(text)]
    finish = {None: "tool_calls" if reply.calls else "stop", "max_tokens": "length", "refusal": "content_filter"}.get(
        reply.stop, "stop"
    )
    made.append(chunk({}, finish))
    usage = {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    made.append({"id": "c1", "object": "chat.completion.chunk", "model": "scripted-1", "choices": [], "usage": usage})
    return [*(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in made), "data: [DONE]\n\n"]


def _parts(text: str) -> list[str]:
    """Cut where no author would cut."""
    size = max(7, len(text) // 40)
    return [text[place : place + size] for place in range(0, len(text), size)]
