"""What a server's certificate says, whether or not it can be trusted."""

import asyncio
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import Field

from connectors.http_probe.guard import Address
from connectors.ports.asking import Answer
from connectors.ports.reading import line
from schemas.time import SECOND, to_rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Certificate(Answer):
    """The certificate a server showed. `days_left` is negative once it has expired."""

    subject: str
    issuer: str
    names: tuple[str, ...] = Field(default=(), description="Host names it is for, at most 20")
    not_before: str
    not_after: str
    days_left: float
    trusted: bool = Field(description="Whether it was verified for this host")
    fault: str = Field(default="", description="Why it was not")


def read(encoded: bytes, *, trusted: bool, fault: str, now: int) -> Certificate | None:
    """A certificate in DER; None for one that cannot be read."""
    try:
        found = x509.load_der_x509_certificate(encoded)
        end = _micros(found.not_valid_after_utc)
        return Certificate(
            subject=_common_name(found.subject),
            issuer=_common_name(found.issuer),
            names=_names(found),
            not_before=to_rfc3339(_micros(found.not_valid_before_utc)),
            not_after=to_rfc3339(end),
            days_left=round((end - now) / SECOND / 86_400, 2),
            trusted=trusted,
            fault=fault,
        )
    except ValueError:
        return None


async def shown_at(address: Address, port: int, host: str) -> bytes | None:
    """What a server shows when nobody checks it, in DER: so that a probe that failed for its certificate can say what is wrong with it.
    Nothing is sent over that connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(str(address), port, ssl=context, server_hostname=host)
    except (OSError, ssl.SSLError):
        return None
    try:
        secured: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        return secured.getpeercert(binary_form=True) if secured is not None else None
    finally:
        writer.transport.abort()


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = names.get_values_for_type(x509.DNSName)
    return tuple(line(each, 253) for each in (*hosts, *map(str, names.get_values_for_type(x509.IPAddress))))[:20]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return line(str(found[0].value) if found else name.rfc4514_string(), 200)


def _micros(at: datetime) -> int:
    return round((at - _EPOCH).total_seconds() * SECOND)
