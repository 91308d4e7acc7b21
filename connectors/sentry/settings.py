"""What a person configures of Sentry."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.ports.connector import Settings
from connectors.ports.remote_settings import web_address


class Project(BaseModel):
    """One Sentry project whose SDKs send here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[str, ...] = Field(
        default=(),
        description="Public keys of its DSNs that are accepted, several while one is being changed. Empty: accepted as an unknown project is",
    )
    service: str | None = Field(default=None, description="The service its signals belong to, whatever the event says")
    environment: str | None = Field(default=None, description="The environment of events that name none")


class SentrySettings(Settings):
    """One Sentry organisation, or one integration of it."""

    client_secrets: tuple[SecretStr, ...] = Field(
        default=(),
        description="Client secrets of the internal integration whose webhooks arrive at /in/sentry; several while one is being changed",
    )
    projects: dict[int, Project] = Field(
        default_factory=dict,
        description="Projects whose SDKs may send to /api/PROJECT/envelope/ and /store/, by the integer at the end of the DSN",
    )
    accept_unknown_projects: bool = Field(
        default=True,
        description="Accept projects that are not listed, with any key, from requests that are trusted (from this machine, by a door that listens on loopback alone)",
    )
    organization: str | None = Field(
        default=None, description="Slug of the organisation: makes links for issues that carry none"
    )
    web_url: str = Field(default="https://sentry.io", description="Where people open Sentry: makes links")
    auth_token: SecretStr | None = Field(
        default=None,
        description="Token of an internal integration that may read issues, events and releases; with `organization` it lets the analyst ask Sentry",
    )
    api_url: str = Field(default="https://sentry.io", description="Where Sentry's own interface answers")
    deadline_s: float = Field(
        default=15.0, gt=0, le=120, description="How long one question to Sentry may take, in seconds"
    )
    own_actors: tuple[str, ...] = Field(
        default=(),
        description="Ids of the Sentry users or applications Tocsin writes as; what they cause is kept and never opens anything",
    )
    max_age_s: float | None = Field(
        default=None,
        gt=0,
        description="Refuse webhooks whose Sentry-Hook-Timestamp is further away than this; Sentry does not sign that header, so this stops accidents and no attacker",
    )
    max_body: int = Field(default=20_000_000, gt=0, description="Bytes of one request over the wire")
    max_decompressed: int = Field(default=100_000_000, gt=0, description="Bytes of one request after decompression")
    max_event: int = Field(
        default=1_000_000, gt=0, description="Bytes of one event, feedback or batch of logs in an envelope"
    )
    max_check_in: int = Field(default=100_000, gt=0, description="Bytes of one check-in in an envelope")
    allowed_origin: str = Field(
        default="*", description="Which web pages may send by a browser SDK (Access-Control-Allow-Origin)"
    )

    @field_validator("api_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return web_address(url)
