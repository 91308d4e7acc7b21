"""Who may send to a generic instance."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.signature import sign_hex
from connectors.ports.source import Refused, Request

NOW_S = 1_795_248_041
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"title": "disk full"}'


def source(**settings: Any) -> GenericSource:
    """An instance with these proofs configured."""
    return GenericSource(GenericSettings.model_validate(settings), "default")


def request(body: bytes = BODY, *, trusted: bool = False, **headers: str) -> Request:
    """A request that arrives at NOW_S."""
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request("POST", "/in/generic", "", given, body, body, NOW_S * 1_000_000, trusted=trusted)


def webhook(secret: str, at: int = NOW_S, name: str = "webhook") -> Request:
    """A request signed by the reference implementation."""
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), BODY.decode())
    return request(**{f"{name}_id": "msg_1", f"{name}_timestamp": str(at), f"{name}_signature": signature})


def refusal(source: GenericSource, request: Request) -> str:
    """The reason the request is refused for."""
    with pytest.raises(Refused) as caught:
        source.receive(request)
    return caught.value.reason


@pytest.mark.parametrize("name", ["webhook", "svix"])
@pytest.mark.parametrize("secret", [OLD, NEW])
def test_what_the_reference_implementation_signs_is_accepted_under_any_active_secret(secret: str, name: str) -> None:
    received = source(webhook_secrets=[OLD, NEW]).receive(webhook(secret, name=name))
    assert received.signals[0].delivery_id == "msg_1"


def test_a_changed_byte_is_refused() -> None:
    instance, good = source(webhook_secrets=[OLD, NEW]), webhook(OLD)
    changed = BODY.replace(b"full", b"fine")
    assert refusal(instance, replace(good, body=changed, raw_body=changed)) == "bad_signature"
    for name, value in (
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", str(NOW_S + 1)),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "٣"),
        ("webhook-signature", good.headers["webhook-signature"][:-2] + "A="),
        ("webhook-signature", "v1,é"),
        ("webhook-signature", good.headers["webhook-signature"].replace("v1,", "v1a,")),
        ("webhook-signature", ""),
    ):
        assert refusal(instance, replace(good, headers={**good.headers, name: value})) == "bad_signature"


def test_one_good_signature_in_a_list_is_enough() -> None:
    good = webhook(NEW)
    listed = {**good.headers, "webhook-signature": f"v1,AAAA v1a,BBBB {good.headers['webhook-signature']}"}
    assert source(webhook_secrets=[NEW]).receive(replace(good, headers=listed)).signals


@pytest.mark.parametrize(("age", "expired"), [(300, False), (301, True), (-300, False), (-301, True)])
def test_the_signed_time_may_be_300_seconds_off_both_ways(age: int, expired: bool) -> None:
    instance, sent = source(webhook_secrets=[OLD]), webhook(OLD, at=NOW_S - age)
    if expired:
        assert refusal(instance, sent) == "expired"
        assert source(webhook_secrets=[OLD], tolerance_s=400).receive(sent).signals
    else:
        assert instance.receive(sent).signals


def test_a_bearer_token_is_accepted_and_another_is_not() -> None:
    instance = source(tokens=["one", "two"])
    assert instance.receive(request(authorization="Bearer two")).signals
    assert instance.receive(request(authorization="bearer one")).signals
    for wrong in ("Bearer three", "Bearer ", "two", "Basic two"):
        assert refusal(instance, request(authorization=wrong)) == "unauthorised"
    assert refusal(instance, request()) == "missing_signature"


def test_an_hmac_header_of_any_name_is_accepted_and_a_changed_body_is_not() -> None:
    instance = source(hmac={"header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": ["old", "new"]})
    for secret in ("old", "new"):
        assert instance.receive(request(x_hub_signature_256="sha256=" + sign_hex(secret, BODY))).signals
    signature = sign_hex("new", BODY)
    assert refusal(instance, request(b"{}", x_hub_signature_256=f"sha256={signature}")) == "bad_signature"
    assert refusal(instance, request(x_hub_signature_256=signature)) == "bad_signature"


def test_any_one_of_several_configured_proofs_is_enough() -> None:
    instance = source(tokens=["t"], webhook_secrets=[OLD], hmac={"secrets": ["h"]})
    assert instance.receive(request(authorization="Bearer t")).signals
    assert instance.receive(webhook(OLD)).signals
    assert instance.receive(request(x_signature=sign_hex("h", BODY))).signals
    with pytest.raises(
        Refused, match=r"expects a Standard Webhooks signature .* or an HMAC in x-signature or `Authorization"
    ):
        instance.receive(request())


def test_without_a_secret_only_this_machine_may_send() -> None:
    assert source().receive(request(trusted=True)).signals
    assert refusal(source(), request()) == "unauthorised"
    assert refusal(source(tokens=["t"]), request(trusted=True)) == "missing_signature"
    assert source().refuse(Refused("unauthorised", "x"), None).headers["www-authenticate"].startswith("Bearer")
