"""Models over the real wire: a scripted server on loopback, the vendor's own SDK, recorded streams."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from connectors.models.opening import open_models
from connectors.models.settings import Provider
from connectors.ports.model import (
    Answer,
    Call,
    ContextFull,
    Message,
    ModelBusy,
    ModelFailed,
    ModelRequest,
    ModelUnusable,
    Piece,
    RequestRejected,
    Result,
    Text,
    Thinking,
    ToolShape,
)
from tests.support.model_server import (
    KEY,
    Asked,
    Fault,
    Hangs,
    ModelServer,
    Recorded,
    Says,
    Script,
    messages_events,
    model_server,
)

LOGS = ToolShape("logs.search", "Searches.", {"type": "object", "properties": {"text": {"type": "string"}}})
QUESTION = ModelRequest("You look.", (Message("user", (Text("why?"),)),), (LOGS,), deadline_s=10)
APIS = ("anthropic", "openai-compatible")
both = pytest.mark.parametrize("api", APIS)


def provider(api: str, url: str, **settings: Any) -> Provider:
    return Provider(kind=api, key=KEY, base_url=url if api == "anthropic" else f"{url}/v1", **settings)


async def ask(
    server: ModelServer, api: str, request: ModelRequest = QUESTION, **settings: Any
) -> tuple[list[Piece], Answer]:
    model = open_models({"p": provider(api, server.url, **settings)}, ["p/some-model"])["p/some-model"]
    try:
        events = [event async for event in model.stream(request)]
    finally:
        await model.close()
    (answer,) = [event for event in events if isinstance(event, Answer)]
    assert events[-1] is answer
    return [event for event in events if isinstance(event, Piece)], answer


def answered(
    script: Script, api: str, request: ModelRequest = QUESTION, **settings: Any
) -> tuple[list[Piece], Answer, ModelServer]:
    async def main() -> Any:
        async with model_server(script) as server:
            pieces, answer = await ask(server, api, request, **settings)
            assert server.faults == []
            return pieces, answer, server

    return asyncio.run(main())


def refused(script: Script, api: str, request: ModelRequest = QUESTION) -> ModelFailed:
    async def main() -> ModelFailed:
        async with model_server(script) as server:
            with pytest.raises(ModelFailed) as caught:
                await ask(server, api, request)
            assert server.calls == 1, "whether to ask again is for the caller to say"
            return caught.value

    return asyncio.run(main())


@both
def test_text_and_calls_come_in_pieces_and_then_whole(api: str) -> None:
    reply = Says(
        "Let me look at the logs of it.",
        (("logs.search", {"text": 'grüße "x"'}), ("logs.search", {})),
        output_tokens=42,
    )
    pieces, answer, _ = answered([reply], api)
    assert "".join(piece.text for piece in pieces if piece.kind == "text") == answer.text == reply.text
    assert [piece.text for piece in pieces if piece.kind == "call"] == ["logs.search", "logs.search"]
    assert [call.arguments for call in answer.calls] == [{"text": 'grüße "x"'}, {}]
    assert len({call.id for call in answer.calls}) == 2 and not any(call.fault for call in answer.calls)
    assert (answer.stop, answer.model) == ("calls", "scripted-1")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 42)


@both
def test_a_conversation_goes_out_as_the_vendor_wants_it(api: str) -> None:
    conversation = (
        Message("user", (Text("why?"),)),
        Message("assistant", (Thinking("hm", {"signature": "c2ln"}, "p/some-model"), Thinking("ha", {"signature": "eA"}, "p/other"), Text("Looking."), Call("c1", "logs.search", {"text": "a"}), Call("c2", "logs.search", {}))),
        Message("user", (Result("c1", "found"), Result("c2", "broken", failed=True), Text("Go on."))),
    )  # fmt: skip
    request = ModelRequest("You look.", conversation, (LOGS,), must_call="logs.search", deadline_s=10)
    _, _, server = answered([Says("done")], api, request, headers={"x-gateway": "g"}, body={"temperature": 0})
    (asked,) = server.asked
    assert asked.forced == "logs.search" and asked.tools == ["logs.search"] and asked.headers["x-gateway"] == "g"
    assert asked.body["model"] == "some-model" and asked.body["temperature"] == 0
    if api == "anthropic":
        assert asked.path == "/v1/messages" and asked.body["system"][0]["cache_control"] == {"type": "ephemeral"}
        assert asked.body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
        assert asked.body["messages"][2]["content"][1]["is_error"] is True
    else:
        assert [message["role"] for message in asked.body["messages"]] == [
            "system",
            "user",
            "assistant",
            "tool",
            "tool",
            "user",
        ]


@both
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(429, "rate_limit_error", headers=(("retry-after", "7"),)), ModelBusy),
        (Fault(529, "overloaded_error"), ModelBusy),
        (Fault(500), ModelBusy),
        (Fault(503, "", "busy"), ModelBusy),
        (Fault(401, "authentication_error"), ModelUnusable),
        (Fault(403, "permission_error"), ModelUnusable),
        (Fault(404, "not_found_error"), ModelUnusable),
        (Fault(413, "request_too_large"), ContextFull),
        (Fault(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), ContextFull),
        (Fault(400, "invalid_request_error", "tools.0: no"), RequestRejected),
    ],
    ids=lambda value: f"{value.status} {value.message[:6]}" if isinstance(value, Fault) else value.__name__,
)
def test_a_refusal_says_what_to_do_about_it(api: str, fault: Fault, kind: type[ModelFailed]) -> None:
    error = refused([fault], api)
    assert type(error) is kind and str(fault.status) in str(error)
    if fault.status == 429:
        assert isinstance(error, ModelBusy) and error.retry_after_s == 7


@both
@pytest.mark.parametrize("after", range(1, 7))
def test_a_stream_cut_at_any_event_is_no_answer(api: str, after: int) -> None:
    reply = Says("I look", (("logs.search", {"text": "a long text"}),), drop_after=after)
    assert type(refused([reply], api)) is ModelBusy


def test_a_stream_cut_before_its_last_event_is_no_answer_although_the_sdk_says_nothing() -> None:
    whole = len(messages_events(Says("I look")))
    for missing in (1, 2):
        error = refused([Says("I look", drop_after=whole - missing)], "anthropic")
        assert type(error) is ModelBusy and error.usage.input_tokens == 100, "what it cost is known all the same"


def test_an_error_inside_a_stream_is_told_by_its_type_and_not_by_its_status() -> None:
    assert type(refused([Says("I look", error_after=(3, "overloaded_error"))], "anthropic")) is ModelBusy
    assert type(refused([Says("I look", error_after=(3, "invalid_request_error"))], "anthropic")) is RequestRejected


@both
def test_arguments_that_are_no_json_are_a_fault_and_not_executed(api: str) -> None:
    _, answer, _ = answered([Says(calls=(("logs.search", '{"text": celsius}'),))], api)
    (call,) = answer.calls
    assert call.arguments == {} and call.fault is not None and "celsi" in call.fault


@both
def test_arguments_cut_off_by_the_length_are_a_fault_although_they_could_be_completed(api: str) -> None:
    _, answer, _ = answered([Says(calls=(("logs.search", '{"text": "a"'),), stop="max_tokens")], api)
    assert answer.stop == "length" and answer.calls[0].fault is not None and answer.calls[0].arguments == {}


@both
def test_silence_ends_at_the_deadline(api: str) -> None:
    request = ModelRequest("s", QUESTION.messages, deadline_s=0.2)
    assert "0.2 s" in str(refused([Hangs()], api, request))


@both
def test_nobody_there_is_worth_another_try(api: str) -> None:
    async def main() -> None:
        async with model_server([]) as server:
            gone = server.url
        with pytest.raises(ModelBusy):
            await ask(ModelServer(gone, []), api)

    asyncio.run(main())


@both
def test_closing_the_stream_ends_the_request(api: str) -> None:
    async def main() -> None:
        async with model_server([Says("word " * 1000, pace_s=0.05)]) as server:
            model = open_models({"p": provider(api, server.url)}, ["p/m"])["p/m"]
            stream = model.stream(QUESTION)
            async for _ in stream:
                break
            await stream.aclose()  # type: ignore[attr-defined]
            await model.close()

    asyncio.run(main())


RECORDINGS: dict[str, Callable[[Answer], bool]] = {
    "basic_response.txt": lambda a: a.stop == "end" and a.text == "Hello there!",
    "tool_use_response.txt": lambda a: a.stop == "calls" and a.calls[0].arguments == {"location": "Paris"},
    "tool_use_invalid_json_response.txt": lambda a: a.stop == "calls" and a.calls[0].fault is not None,
    "incomplete_partial_json_response.txt": lambda a: a.stop == "length" and a.calls[0].fault is not None,
    "refusal_response.txt": lambda a: a.stop == "refusal",
    "message_delta_fields_response.txt": lambda a: a.stop == "end",
    "unknown_events_response.txt": lambda a: bool(a.text),
    "server_tool_use_response.txt": lambda a: bool(a.text),
    "context_management_response.txt": lambda a: bool(a.text),
    "compaction_response.txt": lambda a: a.stop in ("end", "calls"),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_streams_are_read(name: str) -> None:
    _, answer, _ = answered([Recorded(name)], "anthropic")
    assert RECORDINGS[name](answer), answer


def test_thoughts_come_back_to_their_provider_with_their_signature() -> None:
    _, answer, _ = answered([Says("So.", thinking="First, then.")], "anthropic")
    assert answer.blocks[0] == Thinking("First, then.", {"signature": "c2ln"}, "p/some-model")


def test_a_model_that_must_call_a_tool_does_not_think_meanwhile() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    _, _, free = answered([Says("done")], "anthropic", body=thinking)
    assert free.asked[0].body["thinking"] == thinking["thinking"]
    must = ModelRequest("s", QUESTION.messages, (LOGS,), must_call="logs.search", deadline_s=5)
    _, _, forced = answered([Says("done")], "anthropic", must, body=thinking)
    assert "thinking" not in forced.asked[0].body


def test_a_provider_is_configured_whole_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="base_url"):
        Provider(kind="openai-compatible")
    with pytest.raises(ValueError, match="ANTHROPIC_API_KEY"):
        Provider(kind="anthropic")
    with pytest.raises(LookupError, match="nowhere/m"):
        open_models({}, ["nowhere/m"])


def test_names_of_tools_survive_the_wire() -> None:
    shapes = tuple(ToolShape(name, "x", {"type": "object"}) for name in ("a.b", "a__b", "mcp.ä/ö", "long." + "x" * 90))
    wire: list[str] = []

    def echo(asked: Asked) -> Says:
        wire.extend(tool["name"] for tool in asked.body["tools"])
        return Says(calls=tuple((name, {}) for name in wire))

    _, answer, _ = answered(echo, "anthropic", ModelRequest("s", QUESTION.messages, shapes, deadline_s=5))
    assert len(set(wire)) == 4
    assert [call.name for call in answer.calls] == [shape.name for shape in shapes]


@both
def test_a_refusal_is_told_in_the_vendor_s_words_and_not_as_a_whole_body(api: str) -> None:
    with pytest.raises(ModelFailed) as told:
        answered([Fault(529, "overloaded_error", "Overloaded, come again")], api)
    assert "Overloaded, come again" in str(told.value) and "request_id" not in str(told.value)
