"""What can be configured about requests in nobody's format but the sender's own."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.ports.mapping.settings import MappedSettings
from connectors.ports.standard_webhooks import TOLERANCE_S, key_of


class HmacHeader(BaseModel):
    """A header that carries the hexadecimal HMAC-SHA256 of the body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str = Field(default="x-signature", description="The header's name, in any case")
    prefix: str = Field(default="", description="What stands before the digits, such as `sha256=`")
    secrets: tuple[SecretStr, ...] = Field(min_length=1, description="The active secrets; any may have signed")

    @field_validator("secrets")
    @classmethod
    def _are_not_empty(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value() for secret in secrets):
            raise ValueError("a secret is empty; remove it, or set the variable it comes from")
        return secrets


class GenericSettings(MappedSettings):
    """One instance receives at `/in/generic`, or `/in/generic/INSTANCE` when it has a name.

    A request is accepted when any one of the configured proofs holds (token, Standard Webhooks, HMAC). With none configured only
    this machine may send, to a door that listens on loopback alone.
    """

    tokens: tuple[SecretStr, ...] = Field(default=(), description="Accepted in `Authorization: Bearer TOKEN`")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        default=(), description="Standard Webhooks secrets (`whsec_...`), under `webhook-*` or `svix-*` headers"
    )
    tolerance_s: int = Field(
        default=TOLERANCE_S, gt=0, description="How far the signed time of a Standard Webhook may be off, both ways"
    )
    hmac: HmacHeader | None = Field(default=None, description="A header with the hexadecimal HMAC-SHA256 of the body")
    delivery_header: str = Field(
        default="idempotency-key", description="The header whose value names the request over its retries"
    )
    max_items: int = Field(default=10_000, gt=0, description="Signals in one request")
    max_body: int = Field(default=5 * 2**20, gt=0, description="Bytes over the wire")
    max_decompressed: int = Field(default=20 * 2**20, gt=0, description="Bytes after decompression")

    @field_validator("webhook_secrets")
    @classmethod
    def _are_readable(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            key_of(secret.get_secret_value())
        return secrets

    @field_validator("tokens")
    @classmethod
    def _are_not_empty(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(token.get_secret_value() for token in tokens):
            raise ValueError("a token is empty; remove it, or set the variable it comes from")
        return tokens
