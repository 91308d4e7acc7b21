"""The Standard Webhooks signature: who sent this request, and when, said by a secret both sides know.

Follows the specification at https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
base64 HMAC-SHA256 over `ID.TIMESTAMP.BODY`, in a space-separated list of `v1,SIGNATURE`. Asymmetric `v1a` entries are passed over.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

from schemas.time import SECOND

Verdict = Literal["valid", "bad_signature", "expired"]

TOLERANCE_S = 300
"""How far the signed time may lie from now, both ways, as the specification's libraries have it."""


def key_of(secret: str) -> bytes:
    """The key of a secret written `whsec_BASE64` (the prefix may be missing). Raises ValueError when it is not base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a Standard Webhooks secret is `whsec_` and base64 of 24 to 64 bytes") from error
    if not key:
        raise ValueError("a Standard Webhooks secret is `whsec_` and base64 of 24 to 64 bytes, found none")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The entry `v1,SIGNATURE` for a message sent at `timestamp` (seconds since the epoch)."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def verify(
    keys: Iterable[bytes],
    *,
    message_id: str,
    timestamp: str,
    signatures: str,
    body: bytes,
    now: int,
    tolerance_s: int = TOLERANCE_S,
) -> Verdict:
    """Whether any key made any of `signatures` (the header as received), and the signed time is near `now` (microseconds).

    Every key is compared with every entry, in constant time. Only a request that is genuine is ever called expired.
    """
    try:
        sent_at = int(timestamp)
    except ValueError:
        return "bad_signature"
    if not timestamp.isascii() or not message_id.isascii():
        return "bad_signature"
    given = [entry.encode("ascii", "replace") for entry in signatures.split(" ") if entry.startswith("v1,")][:32]
    signed = f"{message_id}.{timestamp}.".encode() + body
    genuine = False
    for key in keys:
        expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
        for entry in given:
            genuine |= hmac.compare_digest(expected, entry)
    if not genuine:
        return "bad_signature"
    return "valid" if abs(now - sent_at * SECOND) <= tolerance_s * SECOND else "expired"
