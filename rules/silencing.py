"""Silences coming and going: made, changed, ended, and kept on record when they are over."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rules.cel import CelError
from rules.decided import decided, moment
from rules.delivery.gate import freed
from rules.delivery.said import TimeInterval
from rules.importers import matchers
from rules.importers.sheet import NotImportable
from rules.orders import Refused, by, moment_of, taken, text
from rules.silences import compiled
from rules.state import Row
from rules.times import compile_times
from rules.turn import Turn
from schemas.command import Command
from schemas.ids import digest
from schemas.spans import LONGEST, about

RECORD = "delivery/silence/"
"""Where silences that are over are kept, for as long as anything is."""


def silence(turn: Turn, command: Command) -> None:
    """Begin a silence, or change the one whose `silence_id` is given."""
    matcher = matcher_of(command.data)
    starts, until = moment_of(command, "starts_at", turn.at), moment_of(command, "until")
    if until <= max(starts, turn.at):
        raise Refused(f"it would end at {moment(until)}, before it begins or in the past")
    if until - turn.at > LONGEST:
        raise Refused(f"it would last until {moment(until)}; the longest silence is {about(LONGEST)}")
    times = _times(command.data.get("times"))
    name = text(command, "silence_id", "") or digest("sil", command.id)
    before = turn.state.silences.get(name)
    row: Row = {"id": name, "matcher": matcher, "starts_at": starts, "until": until, "author": command.author,
                "reason": command.reason, "command": command.id, "used": before["used"] if before else 0}  # fmt: skip
    if times:
        row["times"] = times
    turn.state.put(f"silence/{name}", row)
    turn.state.silences[name] = row
    turn.state.silencing = None
    turn.state.wake(f"silence/{name}", row, until)
    span = about(until - starts) + (", in its times" if times else "")
    verb = "silenced" if before is None else "silence changed to"
    because = f"{verb} {matcher!r} for {span} by {by(command)}"
    taken(turn, "silence.created", command, because, {"silence_id": name, "matcher": matcher})
    if before is not None:
        freed(turn, f"silence/{name}")


def expire(turn: Turn, command: Command) -> None:
    """End a silence before its time."""
    row = turn.state.silences.get(text(command, "silence_id"))
    if row is None:
        raise Refused(f"there is no silence {command.data['silence_id']!r} now")
    because = f"silence of {row['matcher']!r} ended by {by(command)}"
    over(turn, row, actor=command.author, because=because, cause=command.id)


def over(turn: Turn, row: Row, *, actor: str, because: str, cause: str) -> None:
    """The silence holds no more; it stays on record, and what it alone held is told."""
    name = row["id"]
    turn.state.silences.pop(name, None)
    turn.state.silencing = None
    turn.state.delete(f"silence/{name}")
    kept = {key: value for key, value in row.items() if key not in ("due", "sweep")}
    kept |= {"over_at": turn.at, "over_by": actor}
    turn.state.put(f"{RECORD}{name}", kept)
    turn.state.sweep(f"{RECORD}{name}", kept, turn.at + LONGEST)
    used = row.get("used", 0)
    said = {"silence_id": name, "matcher": row["matcher"], "used": used}
    hid = f"; it hid {used} signal{'' if used == 1 else 's'}" if used else "; it hid nothing"
    data = {"command_id": row["command"], "kind": "silence", "data": said}
    turn.out.append(
        decided("silence.expired", at=turn.at, actor=actor, because=because + hid, cause=(cause, name), data=data,
                versions=turn.version(""))
    )  # fmt: skip
    freed(turn, f"silence/{name}")


def ran_out(turn: Turn, row: Row) -> None:
    """The silence's own end has come."""
    because = f"silence of {row['matcher']!r} by {row['author']} is over"
    over(turn, row, actor="system", because=because, cause=row["command"])


def matcher_of(data: Mapping[str, Any]) -> str:
    """The condition that a silence is given as `matcher` (CEL) or as `matchers` (Alertmanager's). Raises Refused."""
    given = data.get("matchers")
    if given is not None and data.get("matcher") is not None:
        raise Refused("a silence has a 'matcher' in CEL or 'matchers' as in Alertmanager, found both")
    matcher = data.get("matcher") if given is None else _of_matchers(given)
    if not isinstance(matcher, str) or not matcher:
        raise Refused(f"'matcher' is a text, found {matcher!r:.80}")
    try:
        compiled(matcher)
    except CelError as error:
        raise Refused(f"the matcher is no condition: {error}") from error
    return matcher


def _of_matchers(given: Any) -> str:
    """From texts (`severity=~"warning|info"`) or from what Alertmanager's API has (`name`, `value`, `isRegex`, `isEqual`)."""
    try:
        if isinstance(given, list) and given and all(isinstance(each, str) for each in given):
            return matchers.condition([one for each in given for one in matchers.read(each)])
        if isinstance(given, list) and given and all(isinstance(each, dict) and each.get("name") for each in given):
            return matchers.silence(given)
    except NotImportable as error:
        raise Refused(str(error)) from error
    raise Refused(f"'matchers' is a list such as ['severity=\"info\"'], found {given!r:.80}")


def _times(given: Any) -> list[dict[str, Any]]:
    """The times at which alone the silence holds, as plain values."""
    if given is None:
        return []
    try:
        said = [TimeInterval.model_validate(each) for each in given]
        compile_times("the silence", said)
    except (ValidationError, ValueError, TypeError) as error:
        detail = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
        raise Refused(f"times: {detail}") from error
    return [each.model_dump(mode="json", exclude_defaults=True) for each in said]
