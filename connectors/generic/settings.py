"""What can be configured about requests in nobody's format but the sender's own."""

from jmespath import compile as compile_jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.ports.connector import Settings
from connectors.ports.standard_webhooks import TOLERANCE_S, key_of
from schemas import Severity, SignalStatus, SignalType
from schemas.signal import REMEMBER_S

REPEATS_S = 600
"""How long content without an id of its own is taken for a repeat of the same content."""


class Mapping(BaseModel):
    """Where each field of a signal stands in the sender's JSON: JMESPath expressions (https://jmespath.org/specification.html).

    A field without an expression, or whose expression finds null, is guessed from the common names (docs/connectors/generic.md)
    unless `guess` is false; then `defaults` apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: str | None = Field(default=None, description="Finds the array whose elements are one signal each")
    title: str | None = Field(default=None, description="One line for people")
    body: str | None = Field(default=None, description="The long text")
    type: str | None = Field(default=None, description="alert, error, log, issue, comment, change, check_in or loss")
    status: str | None = Field(
        default=None, description="firing, resolved, acknowledged, suppressed, info or a common word for it"
    )
    severity: str | None = Field(default=None, description="Any word of the severity table")
    service: str | None = Field(default=None, description="What it is about")
    environment: str | None = Field(default=None, description="Where it runs")
    labels: str | None = Field(default=None, description="Finds an object, or an array of `key:value` texts")
    measures: str | None = Field(default=None, description="Finds an object whose numbers are kept")
    url: str | None = Field(default=None, description="Finds a link, or an array of links")
    occurred_at: str | None = Field(default=None, description="RFC 3339, or seconds, ms, µs or ns since the epoch")
    id: str | None = Field(default=None, description="What names this fact: a repeat of it has the same")
    revision: str | None = Field(
        default=None, description="What of the fact may change; by default status and severity"
    )
    group_key: str | None = Field(default=None, description="What names the problem: all signals of it have the same")
    defaults: dict[str, str] = Field(default_factory=dict, description="By field, what is taken when nothing is found")
    guess: bool = Field(default=True, description="Whether fields that are not found are guessed from common names")

    @field_validator(
        "items", "title", "body", "type", "status", "severity", "service", "environment", "labels", "measures", "url",
        "occurred_at", "id", "revision", "group_key",
    )  # fmt: skip
    @classmethod
    def _compiles(cls, expression: str | None) -> str | None:
        if expression is not None:
            try:
                compile_jmespath(expression)
            except JMESPathError as error:
                raise ValueError(f"{expression!r} is not a JMESPath expression: {error}") from error
        return expression

    @field_validator("defaults")
    @classmethod
    def _known(cls, defaults: dict[str, str]) -> dict[str, str]:
        known = {"title", "body", "type", "status", "severity", "service", "environment", "group_key"}
        if unknown := sorted(defaults.keys() - known):
            raise ValueError(f"no defaults for {unknown!r}; there are defaults for {sorted(known)!r}")
        return defaults


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


class GenericSettings(Settings):
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
    mapping: Mapping = Field(default_factory=Mapping, description="Where each field stands in the JSON")
    type: SignalType = Field(default="alert", description="The type of a signal that does not say its own")
    status: SignalStatus = Field(default="firing", description="The status of a signal that does not say its own")
    severity: Severity = Field(default="info", description="The severity of a signal that does not say its own")
    remember_s: int = Field(default=REMEMBER_S, gt=0, description="How long a repeat of the same id is recognised")
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
