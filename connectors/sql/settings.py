"""Which databases may be asked what: named queries, and tables that may be read by condition."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from connectors.ports.placeholders import wrong

Scalar = str | int | float | bool | None
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Parameter(BaseModel):
    """A value a named query takes. It travels beside the statement, never inside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text", "integer", "number", "boolean", "moment"] = Field(
        default="text", description="moment: RFC 3339, or `start` (of the incident), or `now`"
    )
    default: Scalar = Field(
        default=None,
        description="Taken when none is given; `%{service}`, `%{environment}` and `%{labels.NAME}` stand for the incident's own",
    )
    description: str = Field(default="", description="What it is for, for the reader who chooses")


class NamedQuery(BaseModel):
    """A statement written by you. It runs in a transaction that may only read and is always rolled back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sql: str = Field(description="One SELECT; `:name` where a parameter's value goes")
    description: str = Field(default="", description="What it answers, for the reader who chooses")
    parameters: dict[str, Parameter] = Field(default_factory=dict, description="By name")
    gather: bool = Field(
        default=False,
        description="Also asked when a playbook gathers `sql.query`; all its parameters then need a default",
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for name, parameter in self.parameters.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"parameter {name!r} is no name; expected lower-case letters, digits and _")
            if not re.search(rf"(?<!:):{name}\b", self.sql):
                raise ValueError(f"parameter {name!r} is not in the statement; write `:{name}` where it goes")
            if isinstance(parameter.default, str) and (unknown := wrong(parameter.default)):
                raise ValueError(
                    f"parameter {name!r} has the blanks {unknown!r}; there are service, environment, labels.NAME"
                )
        if self.gather and (bare := [name for name, each in self.parameters.items() if each.default is None]):
            raise ValueError(f"it is gathered, and the parameters {bare!r} have no default")
        return self


class Table(BaseModel):
    """A table or view that may be read by condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] = Field(
        default=(), description="Only these may be read and compared; empty: all but the hidden ones"
    )
    hidden: tuple[str, ...] = Field(default=(), description="Never read nor compared")
    description: str = Field(default="", description="What it holds, for the reader who chooses")


class Database(BaseModel):
    """One database. Give it a role that may do no more than read what is listed: that is the wall, this is the fence before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr | None = Field(default=None, description="postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    file: Path | None = Field(default=None, description="Instead: an SQLite file, opened for reading alone")
    queries: dict[str, NamedQuery] = Field(default_factory=dict, description="Statements that may be asked, by name")
    tables: dict[str, Table] = Field(
        default_factory=dict,
        description="Tables that may be read by condition, NAME or SCHEMA.NAME; none unless listed",
    )
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="How long one statement may run, in seconds")
    most_rows: int = Field(default=200, ge=1, le=2000, description="Rows of one answer")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.file is None):
            raise ValueError("set url (PostgreSQL) or file (SQLite), one of them")
        if self.url is not None and not self.url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("url does not begin with postgresql://; for SQLite set file")
        return self


class SqlSettings(Settings):
    """Databases by name."""

    databases: dict[str, Database] = Field(default_factory=dict, description="By the name they are asked by")

    @field_validator("databases")
    @classmethod
    def _have_names(cls, databases: dict[str, Database]) -> dict[str, Database]:
        for name, database in databases.items():
            for each in (name, *database.queries):
                if not re.fullmatch(r"[a-z][a-z0-9_-]{0,59}", each):
                    raise ValueError(f"{each!r} is no name; expected lower-case letters, digits, - and _")
        return databases
