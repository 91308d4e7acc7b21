"""What commands print: rich text for people, or one JSON object a line; and how they end."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, NoReturn

import orjson
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from connectors.journal.sqlite import InUse
from connectors.ports.journal import JournalError
from schemas import Record
from schemas.document import DocumentInvalid
from tocsin.config import Loaded, from_environment
from tocsin.story import plain

NO, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes beside 0: the answer is no; the command is wrong; something cannot be reached or read."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, in the published schemas")]
Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file; tocsin.yaml in this folder otherwise")
]


PIPED = 160
"""Columns of tables where no terminal says how many there are."""


@cache
def console() -> Console:
    """Standard output, for people."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED
    return Console(highlight=False, soft_wrap=False, width=width)


@cache
def complaints() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def show(renderable: RenderableType) -> None:
    """Print for people; into a pipe, a line of text stays one line, so that it can be searched."""
    if isinstance(renderable, str):
        renderable = Text(plain(renderable))
    console().print(renderable, soft_wrap=isinstance(renderable, Text) and not console().is_terminal)


def complain(message: str, style: str = "red") -> None:
    """Say on standard error what is wrong."""
    complaints().print(Text(plain(message), style), soft_wrap=not complaints().is_terminal)


def emit(record: Record | dict[str, object]) -> None:
    """Print one JSON object on one line."""
    line = record.to_json() if isinstance(record, Record) else orjson.dumps(record)
    typer.echo(line.decode())


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a person at a terminal that something goes on, for what may take more than a moment."""
    with complaints().status(f"{what} ..."):
        yield


def fail(code: int, message: str) -> NoReturn:
    """Say why and end."""
    complain(message)
    raise typer.Exit(code)


@contextmanager
def explained() -> Iterator[None]:
    """Faults of what people wrote and of what cannot be reached, as sentences instead of tracebacks."""
    try:
        yield
    except DocumentInvalid as error:
        fail(UNREACHABLE, str(error))
    except InUse as error:
        fail(UNREACHABLE, f"{error}")
    except BrokenPipeError:
        raise  # whoever read has enough, such as `head`
    except (JournalError, OSError) as error:
        fail(UNREACHABLE, f"{type(error).__name__}: {error}")


def configured(config: Path | None) -> Loaded:
    """The configuration, or the end with all its faults."""
    with explained():
        return from_environment(config)
