"""What Linear's webhooks become, and which are turned away."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.linear.settings import LinearSettings
from connectors.linear.source import LinearSource
from connectors.ports.signature import sign_hex
from connectors.ports.source import Received, Refused, Request
from schemas import Signal
from tests.support.goldens import assert_golden, story
from tests.support.requests import load_request, with_headers

HERE = Path(__file__).parent
PAYLOADS = sorted((HERE / "payloads").glob("*.json"))
SECRETS = ("lin_wh_old", "lin_wh_new")


def source(**settings: Any) -> LinearSource:
    """A source with both test secrets."""
    return LinearSource(LinearSettings.model_validate({"webhook_secrets": SECRETS, **settings}), "default")


def signed(request: Request, secret: str = SECRETS[1]) -> Request:
    """The request with Linear's headers, arriving at the moment its body was signed."""
    sent_ms = json.loads(request.body)["webhookTimestamp"]
    headers = {
        "linear_signature": sign_hex(secret, request.raw_body),
        "linear_delivery": "234d1a4e-b617-4388-90fe-adc3633d6b72",
    }
    return replace(with_headers(request, **headers), received_at=sent_ms * 1000)


def changed(request: Request, **values: Any) -> Request:
    """The request with top-level fields changed (None removes) and signed anew."""
    payload = {**json.loads(request.body), **values}
    body = json.dumps({name: value for name, value in payload.items() if value is not None}).encode()
    return replace(request, body=body, raw_body=body)


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_a_recorded_webhook_becomes_the_golden_signal(path: Path) -> None:
    received = source().receive(signed(load_request(path)))
    assert_golden(story(received), HERE / "goldens" / path.name)
    assert received.signals[0].raw == json.loads(path.read_bytes())
    assert Signal.from_json(received.signals[0].to_json()).id == received.signals[0].id


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
@pytest.mark.parametrize("secret", SECRETS)
def test_any_active_secret_is_accepted(path: Path, secret: str) -> None:
    assert len(source().receive(signed(load_request(path), secret)).signals) == 1


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_a_changed_byte_of_body_or_signature_is_refused(path: Path) -> None:
    request = signed(load_request(path))
    for position in (0, len(request.raw_body) // 2, len(request.raw_body) - 1):
        body = bytearray(request.raw_body)
        body[position] ^= 1
        tampered = replace(request, body=bytes(body), raw_body=bytes(body))
        assert refusal(source(), tampered) == "bad_signature"
    given = request.headers["linear-signature"]
    wrong = given[:-1] + ("0" if given[-1] != "0" else "1")
    assert refusal(source(), with_headers(request, linear_signature=wrong)) == "bad_signature"
    assert refusal(source(), with_headers(request, linear_signature="é" * 64)) == "bad_signature"


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_a_replay_outside_the_window_has_expired_either_way(path: Path) -> None:
    request = signed(load_request(path))
    for seconds, expired in ((60, False), (61, True), (-60, False), (-61, True), (3600, True)):
        moved = replace(request, received_at=request.received_at + seconds * 1_000_000)
        if expired:
            assert refusal(source(), moved) == "expired"
            assert source(replay_window_s=7 * 3600).receive(moved).signals
        else:
            assert source().receive(moved).signals


def test_only_the_signed_timestamp_counts() -> None:
    request = load_request(PAYLOADS[0])
    bare = changed(request, webhookTimestamp=None)
    sent = str(json.loads(request.body)["webhookTimestamp"])
    bare = with_headers(bare, linear_signature=sign_hex(SECRETS[0], bare.raw_body), linear_timestamp=sent)
    assert refusal(source(), bare) == "malformed"
    for bad in ("1795248041121", True, [1], 1e300):
        wrong = changed(request, webhookTimestamp=bad)
        wrong = with_headers(wrong, linear_signature=sign_hex(SECRETS[0], wrong.raw_body))
        assert refusal(source(), wrong) in ("malformed", "expired")


def test_without_a_secret_only_this_machine_may_send() -> None:
    open_source = LinearSource(LinearSettings(), "default")
    assert refusal(open_source, load_request(PAYLOADS[0])) == "unauthorised"
    assert len(open_source.receive(load_request(PAYLOADS[0], trusted=True)).signals) == 1
    assert refusal(source(), load_request(PAYLOADS[0], trusted=True)) == "missing_signature"


def test_answers_are_as_linear_understands_them() -> None:
    request = signed(load_request(PAYLOADS[0]))
    assert source().receive(request).reply.status == 200
    overloaded = source().overloaded(2.4, request)
    assert (overloaded.status, overloaded.headers["retry-after"]) == (503, "3")
    assert source().refuse(Refused("bad_signature", "x"), request).status == 401
    assert source().refuse(Refused("method", "x"), None).headers["allow"] == "POST"
    assert refusal(source(), replace(request, method="GET")) == "method"


def unsigned(payload: dict[str, Any], **settings: Any) -> Received:
    """What a source without secrets makes of a payload from this machine."""
    body = json.dumps(payload).encode()
    request = Request("POST", "/in/linear", "", {}, body, body, 1_795_248_041_121_000, trusted=True)
    return LinearSource(LinearSettings.model_validate(settings), "default").receive(request)


def payload_of(name: str) -> dict[str, Any]:
    """A recorded payload, to be changed."""
    return dict(json.loads((HERE / "payloads" / name).read_bytes()))


def test_kinds_that_need_no_signal_are_counted_and_unreadable_ones_kept() -> None:
    reaction = {"type": "Reaction", "action": "create", "data": {"id": "r1"}}
    assert unsigned(reaction).ignored == {"Reaction": 1}
    for broken in (
        {"type": "Issue", "action": "create", "data": {}},
        {"type": "Issue"},
        {},
        {"type": "Comment", "action": "create", "data": 3},
    ):
        received = unsigned(broken)
        assert [json.loads(poison.content) for poison in received.poison] == [broken]
        assert received.reply.status == 200


def test_an_edited_issue_is_a_new_signal_of_the_same_problem_and_a_redelivery_is_not() -> None:
    created, moved = payload_of("issue_create_2026.json"), payload_of("issue_update_state_2026.json")
    first, second = unsigned(created).signals[0], unsigned(moved).signals[0]
    assert first.group_key == second.group_key
    assert first.id != second.id
    assert unsigned({**created, "webhookTimestamp": 1}).signals[0].id == first.id


def test_a_removed_issue_is_resolved() -> None:
    assert unsigned({**payload_of("issue_create_2026.json"), "action": "remove"}).signals[0].status == "resolved"


def test_our_own_actor_is_recognised_and_other_actors_are_not_us_even_on_our_issues() -> None:
    payload = payload_of("issue_create_2026.json")
    actor = payload["actor"]["id"]
    assert not unsigned(payload).signals[0].own
    assert unsigned(payload, own_actor_ids=[actor]).signals[0].own
    ours = {**payload, "data": {**payload["data"], "description": "Text.\n\n—\n`tocsin:incident=inc_1`"}}
    assert unsigned(ours).signals[0].own
    assert unsigned(ours).signals[0].labels["incident"] == "inc_1"
    assert not unsigned(ours, own_actor_ids=["somebody else"]).signals[0].own
    hidden = {**payload, "data": {**payload["data"], "description": "Text.\n\n<!-- tocsin:incident=inc_1 -->"}}
    assert unsigned(hidden).signals[0].own
    quoted = {**payload, "data": {**payload["data"], "description": "`tocsin:incident=inc_1` was wrong\n\nsee above"}}
    assert not unsigned(quoted).signals[0].own


def test_our_own_comment_is_recognised_by_user_bot_or_marker() -> None:
    payload = payload_of("comment_create_2023.json")
    data = payload["data"]
    assert unsigned(payload, own_actor_ids=[data["userId"]]).signals[0].own
    assert (
        unsigned({**payload, "data": {**data, "userId": None, "botActor": {"id": "bot"}}}, own_actor_ids=["bot"])
        .signals[0]
        .own
    )
    assert unsigned({**payload, "data": {**data, "body": "x\n\n—\n`tocsin:incident=inc_2`"}}).signals[0].own


def test_an_identifier_is_found_in_team_and_number_or_in_the_address() -> None:
    assert unsigned(payload_of("issue_create_2023.json")).signals[0].labels["identifier"] == "WEB-44"
    assert unsigned(payload_of("comment_create_2023.json")).signals[0].labels["identifier"] == "WEB-46"


EDGES = st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z", "2026-11-21"])
JSON = st.recursive(
    EDGES
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    "type",
    "action",
    "data",
    "agentSession",
    "actor",
    "createdAt",
    "url",
    "updatedFrom",
    "agentActivity",
    "webhookTimestamp",
)
INNER = (
    "id",
    "issue",
    "state",
    "team",
    "labels",
    "priority",
    "number",
    "url",
    "title",
    "body",
    "userId",
    "botActor",
    "updatedAt",
    "name",
)
OBJECT = st.dictionaries(st.sampled_from(INNER), JSON)
WORD = st.sampled_from(["Issue", "Comment", "Project", "AgentSessionEvent", "create", "update", "remove"])
LIKELY = st.dictionaries(st.sampled_from(NAMES), OBJECT | WORD | JSON)


def complete(kind: str, inner: dict[str, Any], outer: dict[str, Any]) -> dict[str, Any]:
    """An event that can be read, with anything in its other places."""
    entity = {**inner, "id": "x"}
    return {**outer, "type": kind, "action": "update", "data": entity, "agentSession": entity}


READABLE = st.builds(
    complete, st.sampled_from(["Issue", "Comment", "Project", "AgentSessionEvent", "IssueLabel"]), OBJECT, LIKELY
)


def check_anything(request: Request) -> None:
    """Nothing but Refused or Received comes out, and what is received can be stored and read back."""
    try:
        received = LinearSource(LinearSettings(), "default").receive(request)
    except Refused as refused:
        assert refused.reason == "malformed"
        return
    for signal in received.signals:
        assert Signal.from_json(signal.to_json()) == signal
    assert received.signals or received.poison or received.ignored


@given(payload=READABLE | LIKELY | JSON)
def test_any_json_is_refused_kept_or_becomes_a_signal(payload: Any) -> None:
    body = json.dumps(payload).encode()
    check_anything(Request("POST", "/in/linear", "", {}, body, body, 1_795_248_041_121_000, trusted=True))


@given(body=st.binary() | st.integers(1, 2000).map(lambda depth: b'{"type":' * depth + b"1" + b"}" * depth))
def test_any_bytes_are_refused_or_kept(body: bytes) -> None:
    check_anything(Request("POST", "/in/linear", "", {}, body, body, 1_795_248_041_121_000, trusted=True))


def refusal(source: LinearSource, request: Request) -> str:
    """The reason the request is refused for."""
    with pytest.raises(Refused) as caught:
        source.receive(request)
    return caught.value.reason


def test_a_prompt_to_the_agent_carries_its_text_and_signal() -> None:
    payload = payload_of("agent_session_created.json")
    activity = {"id": "act_1", "content": {"type": "prompt", "body": "stop, please"}, "signal": "stop"}
    signal = unsigned({**payload, "action": "prompted", "agentActivity": activity}).signals[0]
    assert signal.body == "stop, please"
    assert signal.labels["agent_signal"] == "stop"
    assert signal.occurrence_id == "AgentSessionEvent:5f0c2d3e-8a4b-4c1d-9e2f-0a1b2c3d4e5f:prompted:act_1"
    assert signal.group_key == "linear:issue:3443a709-f2b5-46f2-a136-a0445fd432be"


def test_every_setting_is_documented() -> None:
    page = (HERE.parents[2] / "docs" / "connectors" / "linear.md").read_text()
    for name in LinearSettings.model_fields:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "yesterday", 3, None])
def test_a_time_that_cannot_be_stored_is_replaced_by_that_of_receipt(value: Any) -> None:
    payload = payload_of("issue_create_2026.json")
    payload = {**payload, "createdAt": value, "data": {**payload["data"], "updatedAt": value}}
    signal = unsigned(payload).signals[0]
    assert signal.occurred_at == signal.received_at
    assert Signal.from_json(signal.to_json()) == signal
