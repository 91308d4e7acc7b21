"""Where webhooks are posted to, and how they are signed."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from connectors.ports.standard_webhooks import key_of


class Target(BaseModel):
    """One receiver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="Where to post; http or https, redirects are not followed")
    secrets: tuple[SecretStr, ...] = Field(
        default=(), description="Signing secrets (`whsec_...`); with several, the message carries a signature by each"
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Sent along, such as an Authorization")
    pager: bool = Field(default=False, description="Whether a page goes here")
    deadline_s: float = Field(default=20.0, gt=0, le=300, description="How long one post may take")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
        except ValueError as error:
            raise ValueError(f"{url!r} is no address: {error}") from error
        if not usable:
            raise ValueError(f"{url!r} is no address; expected http:// or https:// and a host")
        return url

    @field_validator("secrets")
    @classmethod
    def _are_readable(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            key_of(secret.get_secret_value())
        return secrets

    @field_validator("headers")
    @classmethod
    def _are_free(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        taken = {"webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "content-length", "host"}
        if ours := sorted(name for name in headers if name.lower() in taken):
            raise ValueError(f"the headers {ours!r} are set by Tocsin; remove them")
        return headers


class WebhookSettings(Settings):
    """Receivers by name; an action names one of them and never brings an address of its own."""

    targets: dict[str, Target] = Field(default_factory=dict, description="Receivers by name")
    default: str | None = Field(
        default=None, description="The target of an action that names none; needed when there are several"
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.default is not None and self.default not in self.targets:
            raise ValueError(f"default {self.default!r} is none of the targets {sorted(self.targets)!r}")
        pagers = sorted(name for name, target in self.targets.items() if target.pager)
        if len(pagers) > 1:
            raise ValueError(f"the targets {pagers!r} are all marked `pager`; a page goes to one")
        return self

    def chosen(self) -> str | None:
        """The target of an action that names none: `default`, or the only one there is."""
        if self.default is not None:
            return self.default
        return next(iter(self.targets)) if len(self.targets) == 1 else None

    def pager(self) -> str | None:
        """The target that gets pages."""
        return next((name for name, target in self.targets.items() if target.pager), None)
