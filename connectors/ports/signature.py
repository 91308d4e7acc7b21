"""Hexadecimal HMAC-SHA256 over raw bytes, checked in constant time: how senders prove that a request is theirs."""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

_BLOCK = 64
"""Bytes that SHA-256 takes at a time."""
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def sign_hex(secret: str | bytes, body: bytes) -> str:
    """The lower-case hexadecimal HMAC-SHA256 of `body`; 64 characters. A text secret counts as its UTF-8 bytes."""
    return hmac.new(key_bytes(secret), body, hashlib.sha256).hexdigest()


def verify_hex(secrets: Sequence[str | bytes], body: bytes, given: str) -> bool:
    """Whether `given` is the signature of `body` under any of the active secrets (several while a secret is being rotated).

    `body` must be the bytes as they came over the wire, before any parsing. The case of the hexadecimal digits does not matter.
    Every secret is tried whatever the earlier ones said, so the time taken tells nothing about which one matched. False when there is
    no secret, when one is empty (an unset variable must not become a key everybody knows) and nothing else matches, and
    when `given` is not 64 hexadecimal digits.
    """
    given = given.strip()
    if len(given) != 64:
        return False
    try:
        found = bytes.fromhex(given)
    except ValueError:
        return False
    matched = False
    for secret in secrets:
        key = key_bytes(secret)
        matched |= hmac.compare_digest(_mac(key, body), found) and bool(key)
    return matched


def _mac(key: bytes, body: bytes) -> bytes:
    """`hmac.digest(key, body, "sha256")` in half the time for a short body: the key is not hashed anew for each."""
    inner, outer = _keyed(key)
    within = inner.copy()
    within.update(body)
    around = outer.copy()
    around.update(within.digest())
    return around.digest()


@lru_cache(maxsize=256)
def _keyed(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """The two hashes of an HMAC (RFC 2104), with the key in them and nothing else."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


def equal_secrets(accepted: Sequence[str | bytes], given: str | bytes) -> bool:
    """Whether a bearer token or key is one of the accepted ones, in constant time; an empty accepted one never matches."""
    found = key_bytes(given)
    matched = False
    for secret in accepted:
        key = key_bytes(secret)
        matched |= hmac.compare_digest(key, found) and bool(key)
    return matched


def key_bytes(secret: str | bytes) -> bytes:
    """The secret as a key: a text's UTF-8 bytes."""
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
