"""Which MCP servers are asked, and which of their tools may be."""

import re
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from connectors.ports.remote_settings import web_address


class McpServer(BaseModel):
    """One server: a program of this machine that speaks over its input and output, or an address (streamable HTTP)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(default=(), description="Program and arguments; it runs while it is used")
    environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="What the program sees beside PATH, HOME and the like"
    )
    folder: Path | None = Field(default=None, description="Where the program runs")
    url: str | None = Field(default=None, description="Instead of a program: where the server answers")
    token: SecretStr | None = Field(default=None, description="Sent as bearer token")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Sent along")
    allow: tuple[str, ...] = Field(
        default=(),
        description="Names of its tools that may be called, * allowed; none unless listed. One that says it changes things must be named in full",
    )
    pinned: bool = Field(
        default=True,
        description="A tool whose description or parameters change while Tocsin runs is withheld until it starts again",
    )
    trusted: bool = Field(
        default=False,
        description="Whether it may be told the personal data that is masked for models, when a model puts a masked value into an argument",
    )
    deadline_s: float = Field(default=30.0, gt=0, le=300, description="How long one call may take, in seconds")
    max_bytes: int = Field(default=48_000, ge=1_000, le=1_000_000, description="Of one answer")
    refresh_s: float = Field(
        default=300.0, ge=1, le=86_400, description="How often it is asked anew what it offers, in seconds"
    )
    idle_s: float = Field(
        default=120.0,
        ge=1,
        le=86_400,
        description="The connection (and the program) ends when it is not used for so long",
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        return None if url is None else web_address(url)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("set command or url, one of them")
        if self.url is None and (self.token is not None or self.headers):
            raise ValueError("token and headers belong to url; a program takes secrets by environment")
        return self


class McpSettings(Settings):
    """Servers by name."""

    servers: dict[str, McpServer] = Field(
        default_factory=dict, description="By the name that stands in front of their tools: `mcp.SERVER.TOOL`"
    )

    @field_validator("servers")
    @classmethod
    def _have_names(cls, servers: dict[str, McpServer]) -> dict[str, McpServer]:
        for name in servers:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", name):
                raise ValueError(f"server {name!r} is no name; expected up to 16 lower-case letters, digits and _")
        return servers
