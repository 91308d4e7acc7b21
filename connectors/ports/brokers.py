"""Which Kafka is meant and how its brokers and we know each other, in the forms that the two client libraries take."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

if TYPE_CHECKING:
    from faststream.security import BaseSecurity


class CertificatesUnreadable(Exception):
    """The file of certificates to trust cannot be read; the message names it."""


class Security(BaseModel):
    """How the brokers know us, and we them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tls: bool = Field(
        default=True, description="Whether connections are encrypted and the brokers' certificates checked"
    )
    ca_file: Path | None = Field(default=None, description="Certificates to trust (PEM); those of the system otherwise")
    mechanism: Literal["plain", "scram-sha-256", "scram-sha-512"] = Field(
        default="scram-sha-512", description="SASL mechanism, used when there is a username"
    )
    username: str = Field(default="", description="Empty: no SASL")
    password: SecretStr = Field(default=SecretStr(""), description="Of the username")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("username and password come together; set both or none")
        return self


@dataclass(frozen=True, slots=True)
class Brokers:
    """`HOST:PORT` of one broker or more, the others are found; without `security` connections are plain."""

    addresses: tuple[str, ...]
    security: Security | None = None

    @classmethod
    def at(cls, text: str, security: Security | None = None) -> "Brokers":
        """Those of `HOST:PORT[,HOST:PORT...]`, which may begin with `kafka://`."""
        return cls(tuple(each.strip() for each in text.removeprefix("kafka://").split(",")), security)

    def __str__(self) -> str:
        return ",".join(self.addresses)

    def options(self) -> dict[str, Any]:
        """What aiokafka's clients take. Raises CertificatesUnreadable."""
        from faststream.kafka.security import parse_security  # 15 MB, for those who have brokers

        return {"bootstrap_servers": list(self.addresses), **parse_security(self.faststream())}

    def faststream(self) -> "BaseSecurity | None":
        """What FastStream's broker takes. Raises CertificatesUnreadable."""
        return None if self.security is None else _security_of(self.security)


def _security_of(security: Security) -> "BaseSecurity":
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

    try:
        context = ssl.create_default_context(cafile=security.ca_file) if security.tls else None
    except (OSError, ssl.SSLError) as error:
        raise CertificatesUnreadable(f"security.ca_file {str(security.ca_file)!r} cannot be read: {error}") from error
    if not security.username:
        return BaseSecurity(ssl_context=context)
    password = security.password.get_secret_value()
    match security.mechanism:
        case "plain":
            return SASLPlaintext(security.username, password, ssl_context=context)
        case "scram-sha-256":
            return SASLScram256(security.username, password, ssl_context=context)
        case "scram-sha-512":
            return SASLScram512(security.username, password, ssl_context=context)
        case _:
            assert_never(security.mechanism)
