"""One signed message to one receiver, and what its answer means (Standard Webhooks, "Webhook delivery")."""

from connectors.ports.action import OutcomeUnknown, Rejected, TryLater
from connectors.ports.clock import Clock
from connectors.ports.remote import post
from connectors.ports.retry_after import retry_after_s
from connectors.ports.standard_webhooks import key_of, sign
from connectors.webhook.settings import Target
from schemas import idempotency_uuid
from schemas.time import SECOND

_LATER = frozenset((408, 425, 429, 503))
_NOT_LET_IN = frozenset((401, 403, 404, 407))
"""A person mends the address or what proves who we are: the message is as good as before."""


def message_id(key: str) -> str:
    """The `webhook-id` of an action: the same over all its attempts, so that the receiver can drop a repeat."""
    return f"msg_{idempotency_uuid(key).replace('-', '')}"


async def deliver(target: Target, body: bytes, key: str, clock: Clock) -> int:
    """Post `body` (JSON) and return the status of success (2xx).

    Raises TryLater (not sent, or 401, 403, 404, 407, 408, 425, 429, 503: the receiver did not take it), Rejected (410, other 4xx, a
    redirect) and OutcomeUnknown (no answer, or another 5xx).
    """
    headers = {name: value.get_secret_value() for name, value in target.headers.items()}
    headers |= _signed(target, body, key, clock.now() // SECOND)
    check = "url and headers of the target"
    response = await post(target.url, body, headers, deadline_s=target.deadline_s, check=check, read=False)
    _judge(target.url, response.status_code, retry_after_s(response.headers.get("retry-after"), clock.now()))
    return response.status_code


def _judge(url: str, status: int, wait_s: float | None) -> None:
    if 200 <= status < 300:
        return
    if status in _LATER:
        raise TryLater(f"{url!r} answered {status}", wait_s)
    if status in _NOT_LET_IN:
        raise TryLater(f"{url!r} answered {status}; check url, headers and secrets of the target", wait_s)
    if status == 410:
        raise Rejected(f"{url!r} answered 410: it wants no more messages; remove the target")
    if status < 400:
        raise Rejected(
            f"{url!r} answered {status}, a redirect, which is not followed; set the target's url to where it leads"
        )
    if status < 500:
        raise Rejected(f"{url!r} answered {status}: it does not accept the message")
    raise OutcomeUnknown(f"{url!r} answered {status}: it may have taken the message or not")


def _signed(target: Target, body: bytes, key: str, now_s: int) -> dict[str, str]:
    name = message_id(key)
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(now_s),
        "user-agent": "tocsin",
    }
    if target.secrets:
        entries = (sign(key_of(secret.get_secret_value()), name, now_s, body) for secret in target.secrets)
        headers["webhook-signature"] = " ".join(entries)
    return headers
