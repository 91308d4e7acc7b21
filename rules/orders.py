"""What commands share: reading what they say, refusing them, and recording that they were taken."""

from typing import Any

from rules import sentences
from rules.decided import decided
from rules.state import Row
from rules.turn import Turn
from schemas.command import Command
from schemas.decision import DecisionKind
from schemas.time import from_rfc3339


class Refused(Exception):
    """The command cannot be done; the text says why, to whoever gave it."""


def taken(
    turn: Turn, kind: DecisionKind, command: Command, because: str, data: dict[str, Any], *, row: Row | None = None
) -> None:
    """Record that a command was taken."""
    incident = row["id"] if row is not None else command.incident_id
    said = {"command_id": command.id, "kind": command.kind, "data": {**command.data, **data}}
    version = turn.version(row["rule"] if row is not None else "")
    turn.out.append(
        decided(kind, at=turn.at, actor=command.author, because=because, cause=(command.id,), data=said,
                versions=version, incident_id=incident, rehearsal=command.rehearsal)
    )  # fmt: skip


def by(command: Command) -> str:
    """Who gave the command, and why."""
    return f"{command.author}{f': {sentences.short(command.reason, 200)}' if command.reason else ''}"


def text(command: Command, name: str, default: str | None = None) -> str:
    """A text of the command's data. Raises Refused."""
    value = command.data.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise Refused(f"{name!r} is a text, found {value!r:.80}")
    return value


def moment_of(command: Command, name: str, default: int | None = None) -> int:
    """A moment of the command's data. Raises Refused."""
    value = command.data.get(name)
    if value is None and default is not None:
        return default
    try:
        return from_rfc3339(text(command, name))
    except (ValueError, OverflowError) as error:
        raise Refused(f"{name}: {error}") from error
