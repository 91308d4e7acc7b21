"""Identities: deterministic names derived from what a record says, so that saying it again gives the same name."""

import hashlib
from uuid import UUID

_sha256 = hashlib.sha256
LENGTH = 32
"""Hexadecimal characters of an id: 128 bits."""


def digest(prefix: str, *parts: str | int) -> str:
    """`PREFIX_` + 32 hex characters of SHA-256 over the parts, each length-prefixed so that no two lists of parts collide."""
    text = "".join([f"{len(written)}:{written};" for written in map(str, parts)])
    return f"{prefix}_{_sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:LENGTH]}"


def signal_id(source: str, occurrence_id: str, revision: str) -> str:
    """`digest("sig", ...)` of a signal's identity, in half the time: every signal has one."""
    text = f"{len(source)}:{source};{len(occurrence_id)}:{occurrence_id};{len(revision)}:{revision};"
    return "sig_" + _sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def content_hash(content: bytes | str) -> str:
    """The version of a rule file, playbook or configuration: 16 hex characters of SHA-256 over its bytes."""
    if isinstance(content, str):
        content = content.encode()
    return hashlib.sha256(content).hexdigest()[:16]


def idempotency_uuid(key: str) -> str:
    """A UUID of version-4 shape derived from `key`, for remotes that accept nothing else (Linear: "UUID v4 format")."""
    raw = bytearray(hashlib.sha256(key.encode()).digest()[:16])
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(UUID(bytes=bytes(raw)))
