"""What a provider's refusal means for whoever asked: again later, never, or another model."""

import math
from collections.abc import Mapping

from connectors.ports.model import ContextFull, ModelBusy, ModelFailed, ModelUnusable, RequestRejected
from schemas import Usage

LONGEST_S = 3600.0
_BUSY_TYPES = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
_UNUSABLE_TYPES = frozenset({"authentication_error", "permission_error", "billing_error", "not_found_error"})
_TOO_LONG = (
    "prompt is too long",
    "context length",
    "context window",
    "maximum context",
    "context_length_exceeded",
    "too many tokens",
)


def failure(
    name: str, status: int, kind: str, message: str, headers: Mapping[str, str], *, usage: Usage | None = None
) -> ModelFailed:
    """By the error's own type where there is one (inside a stream the status is 200 and says nothing), else by status."""
    said = f"{name!r} answered {status} {kind}: {message}"[:1000].replace("  ", " ")
    if kind in _BUSY_TYPES or status in (408, 409, 425, 429) or status >= 500:
        return ModelBusy(said, usage=usage, retry_after_s=wait_s(headers))
    if status == 413 or kind == "request_too_large" or any(words in message.lower() for words in _TOO_LONG):
        return ContextFull(said, usage=usage)
    if kind in _UNUSABLE_TYPES or status in (401, 402, 403, 404):
        return ModelUnusable(said, usage=usage)
    return RequestRejected(said, usage=usage)


def words_of(body: object, otherwise: str) -> str:
    """What a refusal says for people, out of its decoded body."""
    error = body.get("error") if isinstance(body, Mapping) else None
    message = error.get("message") if isinstance(error, Mapping) else None
    return message if isinstance(message, str) and message else otherwise


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds out of `retry-after-ms` or `retry-after` (seconds; a date is not waited for), at most an hour."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, LONGEST_S)
    return None
