"""What commands change: incidents, silences, facts and the rules in force."""

from collections.abc import Callable, Mapping
from typing import Any

from rules import lifecycle, sentences
from rules.cel import CelError, compile  # noqa: A004 (the language's own word for it)
from rules.decided import decided, moment
from rules.fields import SCHEMA
from rules.ruleset import RuleSet
from rules.state import Row, State
from rules.turn import Turn
from schemas.command import Command
from schemas.decision import DecisionKind
from schemas.ids import digest
from schemas.spans import LONGEST, about
from schemas.time import from_rfc3339

PASSED_ON = frozenset({"approve", "deny", "steer"})
"""Commands that others read in the same stream; they change nothing here."""


class Refused(Exception):
    """The command cannot be done; the text says why, to whoever gave it."""


def obey(turn: Turn, command: Command, library: Mapping[str, RuleSet]) -> None:
    """Do what a command asks for, or record why not."""
    if command.kind in PASSED_ON:
        return
    act = _ACTS.get(command.kind)
    try:
        if command.kind == "activate_rules":
            _activate(turn, command, library)
        elif act is None:
            known = ", ".join(sorted({*_ACTS, *PASSED_ON, "activate_rules"}))
            raise Refused(f"{command.kind!r} is not a command; there are {known}")
        else:
            act(turn, command)
    except Refused as refusal:
        because = f"{command.kind} by {command.author} refused: {refusal}"
        taken(turn, "command.refused", command, because, {"reason": str(refusal)})


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


def silence_over(turn: Turn, row: Row, *, actor: str, because: str, cause: str) -> None:
    """The silence holds no more."""
    turn.state.silences.pop(row["id"], None)
    turn.state.delete(f"silence/{row['id']}")
    data = {
        "command_id": row["command"],
        "kind": "silence",
        "data": {"silence_id": row["id"], "matcher": row["matcher"]},
    }
    turn.out.append(
        decided("silence.expired", at=turn.at, actor=actor, because=because, cause=(cause, row["id"]), data=data,
                versions=turn.version(""))
    )  # fmt: skip


def _incident(state: State, command: Command) -> tuple[str, Row]:
    if not command.incident_id:
        raise Refused("it names no incident")
    key = state.incidents.get(command.incident_id)
    if key is None:
        raise Refused(f"no incident {command.incident_id!r} is open or was lately resolved")
    return key, state.rows[key]


def _open(state: State, command: Command) -> tuple[str, Row]:
    key, row = _incident(state, command)
    if row["status"] == "resolved":
        raise Refused(f"the incident was resolved already, at {moment(row['resolved_at'])} by {row['resolved_by']}")
    return key, row


def _by(command: Command) -> str:
    return f"{command.author}{f': {sentences.short(command.reason, 200)}' if command.reason else ''}"


def _acknowledge(turn: Turn, command: Command) -> None:
    key, row = _open(turn.state, command)
    if row["status"] == "acknowledged":
        raise Refused(f"{row['acknowledged_by']} has acknowledged the incident already")
    lifecycle.acknowledge(
        turn, key, row, by=command.author, because=f"acknowledged by {_by(command)}", cause=(command.id,)
    )


def _resolve(turn: Turn, command: Command) -> None:
    key, row = _open(turn.state, command)
    lifecycle.resolve(turn, key, row, by=command.author, because=f"resolved by {_by(command)}", cause=(command.id,))


def _feedback(turn: Turn, command: Command) -> None:
    key, row = _incident(turn.state, command)
    verdict, text = _text(command, "verdict", ""), _text(command, "text", "")
    if not verdict and not text:
        raise Refused("feedback says a 'verdict', a 'text' or both")
    said = ": ".join(filter(None, (verdict, text)))
    row["feedback"] = [*row["feedback"], f"{command.author}: {said}"][-50:]
    taken(turn, "feedback.given", command, f"{command.author} says {sentences.short(said, 200)!r}", {}, row=row)
    turn.state.touch(key)


def _outcome(turn: Turn, command: Command) -> None:
    key, row = _incident(turn.state, command)
    changes, said, as_of = [], [], _moment(command, "as_of", 0)
    if isinstance(command.data.get("external"), dict):
        external = command.data["external"]
        if not all(isinstance(external.get(name), str) for name in ("system", "kind", "id")):
            raise Refused(f"'external' needs the texts system, kind and id, found {external!r:.200}")
        if not any(
            all(known[name] == external[name] for name in ("system", "kind", "id")) for known in row["external"]
        ):
            row["external"] = [*row["external"], external][-50:]
            changes.append("external")
            said.append(
                f"{external['system']} {external['kind']} {external.get('title') or external['id']} belongs to it now"
            )
    if verdict := _text(command, "verdict", ""):
        changes += ["verdict"] if verdict != row.get("verdict") else []
        row["verdict"] = verdict
        summary = sentences.short(_text(command, "summary", ""), 200)
        said.append(f"the investigation concludes {verdict}{f': {summary}' if summary else ''}")
    if changes:
        turn.changed(
            "incident.updated", row, "; ".join(said), cause=(command.id,), changes=changes, actor=command.author
        )
        turn.state.touch(key)
    if command.data.get("investigation_id"):
        lifecycle.investigated(turn, key, row, as_of=as_of, urgent=verdict == "urgent")


def _silence(turn: Turn, command: Command) -> None:
    matcher = _text(command, "matcher")
    try:
        compile(matcher, schema=SCHEMA)
    except CelError as error:
        raise Refused(f"the matcher is no condition: {error}") from error
    starts, until = _moment(command, "starts_at", turn.at), _moment(command, "until")
    if until <= max(starts, turn.at):
        raise Refused(f"it would end at {moment(until)}, before it begins or in the past")
    if until - turn.at > LONGEST:
        raise Refused(f"it would last until {moment(until)}; the longest silence is {about(LONGEST)}")
    name = digest("sil", command.id)
    row = {"id": name, "matcher": matcher, "starts_at": starts, "until": until, "author": command.author,
           "reason": command.reason, "command": command.id}  # fmt: skip
    turn.state.put(f"silence/{name}", row)
    turn.state.silences[name] = row
    turn.state.wake(f"silence/{name}", row, until)
    because = f"silenced {matcher!r} for {about(until - starts)} by {_by(command)}"
    taken(turn, "silence.created", command, because, {"silence_id": name})


def _expire_silence(turn: Turn, command: Command) -> None:
    row = turn.state.silences.get(_text(command, "silence_id"))
    if row is None:
        raise Refused(f"there is no silence {command.data['silence_id']!r} now")
    because = f"silence of {row['matcher']!r} ended by {_by(command)}"
    silence_over(turn, row, actor=command.author, because=because, cause=command.id)


def _set_fact(turn: Turn, command: Command) -> None:
    name = _text(command, "key")
    if "value" not in command.data:
        raise Refused("a fact needs a 'value'")
    value, for_s = command.data["value"], command.data.get("for_s")
    if for_s is not None and (isinstance(for_s, bool) or not isinstance(for_s, int | float) or not 0 < for_s < 1e8):
        raise Refused(f"'for_s' is a number of seconds above 0, found {for_s!r}")
    key, row = f"fact/{name}", {"value": value}
    turn.state.put(key, row)
    turn.state.facts[name] = value
    turn.state.sweep(key, row, turn.at + round(for_s * 1e6) if for_s is not None else None)
    span = f" for {about(round(for_s * 1e6))}" if for_s is not None else ""
    taken(turn, "fact.set", command, f"fact.{name} is {value!r:.80}{span}, says {_by(command)}", {})


def _activate(turn: Turn, command: Command, library: Mapping[str, RuleSet]) -> None:
    version = _text(command, "version")
    if version not in library:
        raise Refused(f"no rule set {version!r} is loaded here")
    known = turn.state.rows.get("rules")
    if known is not None and known["version"] == version:
        return
    before = turn.ruleset.by_name if known is not None else {}
    after = library[version].by_name
    turn.state.put("rules", {"version": version})
    turn.ruleset = library[version]
    lifecycle.reconsider(turn)
    added, gone = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    changed = sorted(name for name in after.keys() & before.keys() if after[name].version != before[name].version)
    because = (
        f"{len(after)} rules in force by {_by(command)}: {len(added)} new, {len(changed)} changed, {len(gone)} gone"
    )
    taken(turn, "rules.activated", command, because, {"added": added, "changed": changed, "removed": gone})


def _text(command: Command, name: str, default: str | None = None) -> str:
    value = command.data.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise Refused(f"{name!r} is a text, found {value!r:.80}")
    return value


def _moment(command: Command, name: str, default: int | None = None) -> int:
    value = command.data.get(name)
    if value is None and default is not None:
        return default
    try:
        return from_rfc3339(_text(command, name))
    except (ValueError, OverflowError) as error:
        raise Refused(f"{name}: {error}") from error


_ACTS: dict[str, Callable[[Turn, Command], None]] = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "feedback": _feedback,
    "outcome": _outcome,
    "silence": _silence,
    "expire_silence": _expire_silence,
    "set_fact": _set_fact,
}
