"""Tools of one's own: an HTTP question or a command, with typed parameters and no shell."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator, model_validator
from pydantic_core import SchemaError

from connectors.ports.connector import Settings
from connectors.ports.placeholders import wrong
from connectors.ports.remote_settings import web_address

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
PARAMETER = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
Scalar = str | int | float | bool | None


def whole(pattern: str) -> str:
    """The expression for all of a text."""
    return rf"\A(?:{pattern})\z"


class CustomParameter(BaseModel):
    """A value the tool takes; `{name}` where it goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text", "integer", "number", "boolean", "choice"] = Field(default="text", description="Kind of value")
    description: str = Field(default="", description="What it is for, for the reader who chooses")
    default: Scalar = Field(
        default=None,
        description="Taken when none is given; `%{service}`, `%{environment}` and `%{labels.NAME}` stand for the incident's own",
    )
    choices: tuple[str, ...] = Field(default=(), description="Of a choice")
    pattern: str = Field(
        default=r"^[\w.:/@+ -]*$",
        description="Expression (of Rust's regex) that a text must match as a whole; the default takes plain names",
    )
    max_length: int = Field(default=200, ge=1, le=10_000, description="Of a text")
    minimum: float | None = Field(default=None, description="Of a number")
    maximum: float | None = Field(default=None, description="Of a number")

    @field_validator("pattern")
    @classmethod
    def _is_an_expression(cls, pattern: str) -> str:
        try:
            TypeAdapter(Annotated[str, Field(pattern=whole(pattern))])
        except SchemaError as error:
            raise ValueError(f"{pattern!r} is no expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to type choice, which needs some")
        if isinstance(self.default, str) and (unknown := wrong(self.default)):
            raise ValueError(f"the default has the blanks {unknown!r}; there are service, environment, labels.NAME")
        if self.default is not None and not self._fits(self.default):
            raise ValueError(f"the default {self.default!r} is no {self.type}")
        return self

    def _fits(self, value: Scalar) -> bool:
        match self.type:
            case "integer":
                return isinstance(value, int) and not isinstance(value, bool)
            case "number":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "boolean":
                return isinstance(value, bool)
            case "choice":
                return value in self.choices
            case _:
                return isinstance(value, str)


class HttpQuestion(BaseModel):
    """An HTTP address to ask. Redirects are not followed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        description="Scheme and host stand fast; a parameter may fill a segment of the path, and is escaped there"
    )
    method: Literal["GET", "POST"] = Field(
        default="GET", description="POST only where asking needs it: a tool changes nothing"
    )
    query: dict[str, str] = Field(
        default_factory=dict, description="Of the address, by name; values may hold parameters"
    )
    body: dict[str, Any] | None = Field(
        default=None,
        alias="json",
        description="JSON of a POST; a text that is one parameter alone takes its value with its type",
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Sent along; they take no parameters")
    ca: Path | None = Field(default=None, description="PEM file of the authority its certificate is checked against")

    @field_validator("url")
    @classmethod
    def _stands_fast(cls, url: str) -> str:
        parts = urlsplit(url)
        if "{" in f"{parts.scheme}{parts.netloc}" or parts.query or parts.fragment:
            raise ValueError(f"{url!r}: scheme and host take no parameters, and the query goes under `query`")
        web_address(PARAMETER.sub("x", url))
        return url

    @model_validator(mode="after")
    def _body_of_a_post(self) -> Self:
        if self.body is not None and self.method != "POST":
            raise ValueError("json belongs to method POST")
        return self


class Command(BaseModel):
    """A program to run: an argument list, no shell, a clean environment, nothing on its input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: tuple[str, ...] = Field(
        min_length=1,
        description="Program (an absolute path) and arguments; a parameter may stand in an argument, never in the program",
    )
    environment: dict[str, SecretStr] = Field(default_factory=dict, description="All it sees beside PATH and LC_ALL")
    folder: Path | None = Field(default=None, description="Where it runs")

    @model_validator(mode="after")
    def _is_a_program(self) -> Self:
        program = self.run[0]
        if PARAMETER.search(program) or not Path(program).is_absolute():
            raise ValueError(f"{program!r} is no program; expected an absolute path without parameters")
        return self


class CustomTool(BaseModel):
    """One tool: `http` or `command`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    description: str = Field(
        min_length=10, description="What it answers and when to ask it, for the reader who chooses"
    )
    parameters: dict[str, CustomParameter] = Field(default_factory=dict, description="By name")
    http: HttpQuestion | None = Field(default=None, description="An address to ask")
    command: Command | None = Field(default=None, description="A program to run")
    trusted: bool = Field(
        default=False,
        description="Whether it may be told the personal data that is masked for models, when a model puts a masked value into an argument",
    )
    deadline_s: float = Field(default=15.0, gt=0, le=300, description="How long it may take, in seconds")
    max_bytes: int = Field(default=32_000, ge=100, le=1_000_000, description="Of its output")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.http is None) == (self.command is None):
            raise ValueError("set http or command, one of them")
        for name in self.parameters:
            if not NAME.fullmatch(name):
                raise ValueError(f"parameter {name!r} is no name; expected lower-case letters, digits and _")
        used = {found for text in self.texts() for found in PARAMETER.findall(text)}
        if unknown := sorted(used - set(self.parameters)):
            raise ValueError(f"{unknown!r} are no parameters; there is {sorted(self.parameters)!r}")
        if idle := sorted(set(self.parameters) - used):
            raise ValueError(f"the parameters {idle!r} are not used anywhere; write {{{idle[0]}}} where it goes")
        return self

    def texts(self) -> list[str]:
        """All texts a parameter may stand in."""
        if self.command is not None:
            return list(self.command.run)
        assert self.http is not None  # noqa: S101 - one of the two is there
        return [self.http.url, *self.http.query.values(), *_strings(self.http.body)]


class CustomSettings(Settings):
    """Tools by name; `custom.NAME` is what playbooks call them."""

    tools: dict[str, CustomTool] = Field(default_factory=dict, description="By name: lower-case letters, digits and _")

    @field_validator("tools")
    @classmethod
    def _have_names(cls, tools: dict[str, CustomTool]) -> dict[str, CustomTool]:
        for name in tools:
            if not NAME.fullmatch(name):
                raise ValueError(f"tool {name!r} is no name; expected lower-case letters, digits and _")
        return tools


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for each in inner for found in _strings(each)]
