"""How long to wait, as the header `Retry-After` says it (RFC 9110, section 10.2.3): read from a remote, and written to a sender."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from schemas.time import EPOCH, SECOND

LONGEST_S = 24 * 3600.0
"""No remote makes us wait longer than a day."""


def retry_after_s(value: str | None, now: int) -> float | None:
    """Seconds from `now` (microseconds), 0 to a day; None when the header is missing or says nothing that can be read."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - EPOCH).total_seconds() - now / SECOND
    if seconds != seconds:
        return None
    return min(max(seconds, 0.0), LONGEST_S)


def whole_seconds(seconds: float) -> str:
    """The header's text for senders who come to us: rounded up, 1 s to a day; a minute for what is no number."""
    return str(max(1, math.ceil(min(seconds, LONGEST_S)))) if seconds == seconds else "60"
