"""What has to be known to ask a remote over HTTP: where it is, as whom, and how long to wait."""

import base64
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from connectors.ports.inquiry import Remote


class RemoteSettings(Settings):
    """One remote that is only read. Without `url` its tools are not there."""

    url: str | None = Field(default=None, description="Where it answers, http or https; no tools without it")
    token: SecretStr | None = Field(default=None, description="Sent as bearer token")
    username: str | None = Field(default=None, description="With `password`: HTTP basic authentication")
    password: SecretStr | None = Field(default=None, description="Of `username`")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Sent along, such as X-Scope-OrgID")
    ca: Path | None = Field(default=None, description="PEM file of the authority its certificate is checked against")
    deadline_s: float = Field(default=15.0, gt=0, le=120, description="How long one request may take, in seconds")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        return None if url is None else web_address(url)

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.token is not None and self.username is not None:
            raise ValueError("token and username are both set; one of them")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together: set both, or neither")
        return self

    def remote(self, name: str) -> Remote:
        """Where to ask. Raises ValueError without a `url`."""
        if self.url is None:
            raise ValueError(f"{name} has no url")
        headers = {key: value.get_secret_value() for key, value in self.headers.items()}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token.get_secret_value()}"
        if self.username is not None and self.password is not None:
            pair = f"{self.username}:{self.password.get_secret_value()}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return Remote(name, self.url, headers, deadline_s=self.deadline_s, ca=self.ca)


def web_address(url: str) -> str:
    """An http(s) address with a host and without a password in it, as it was given. Raises ValueError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ValueError(f"{url!r} is no address: {error}") from error
    if not usable:
        raise ValueError(f"{url!r} is no address; expected http:// or https:// and a host")
    if parts.password is not None or parts.username is not None:
        raise ValueError("a user or password stands in the address, where logs would show it; set it by its own key")
    return url
