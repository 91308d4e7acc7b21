"""What commands change: incidents, silences, facts and the rules in force."""

from collections.abc import Callable, Mapping

from rules import lifecycle, sentences, silencing
from rules.correlation.separating import separate
from rules.decided import moment
from rules.delivery import seam
from rules.match.migrating import migrate
from rules.orders import Refused, by, moment_of, taken, text
from rules.ruleset import RuleSet
from rules.state import Row, State
from rules.turn import Turn
from schemas.command import Command
from schemas.spans import about

PASSED_ON = frozenset({"approve", "ask", "deny", "steer"})
"""Commands that others read in the same stream; they change nothing here."""


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


def _acknowledge(turn: Turn, command: Command) -> None:
    key, row = _open(turn.state, command)
    if row["status"] == "acknowledged":
        raise Refused(f"{row['acknowledged_by']} has acknowledged the incident already")
    lifecycle.acknowledge(
        turn, key, row, by=command.author, because=f"acknowledged by {by(command)}", cause=(command.id,)
    )


def _resolve(turn: Turn, command: Command) -> None:
    key, row = _open(turn.state, command)
    lifecycle.resolve(turn, key, row, by=command.author, because=f"resolved by {by(command)}", cause=(command.id,))


def _separate(turn: Turn, command: Command) -> None:
    key, row = _incident(turn.state, command)
    separate(turn, command, key, row)


def _feedback(turn: Turn, command: Command) -> None:
    key, row = _incident(turn.state, command)
    verdict, remark = text(command, "verdict", ""), text(command, "text", "")
    if not verdict and not remark:
        raise Refused("feedback says a 'verdict', a 'text' or both")
    said = ": ".join(filter(None, (verdict, remark)))
    row["feedback"] = [*row["feedback"], f"{command.author}: {said}"][-50:]
    taken(turn, "feedback.given", command, f"{command.author} says {sentences.short(said, 200)!r}", {}, row=row)
    turn.state.touch(key)


def _outcome(turn: Turn, command: Command) -> None:
    key, row = _incident(turn.state, command)
    changes, said, as_of = [], [], moment_of(command, "as_of", 0)
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
    if verdict := text(command, "verdict", ""):
        changes += ["verdict"] if verdict != row.get("verdict") else []
        row["verdict"] = verdict
        summary = sentences.short(text(command, "summary", ""), 200)
        said.append(f"the investigation concludes {verdict}{f': {summary}' if summary else ''}")
    if changes:
        turn.changed(
            "incident.updated", row, "; ".join(said), cause=(command.id,), changes=changes, actor=command.author
        )
        turn.state.touch(key)
    if command.data.get("investigation_id"):
        lifecycle.investigated(turn, key, row, as_of=as_of, urgent=verdict == "urgent")


def _set_fact(turn: Turn, command: Command) -> None:
    name = text(command, "key")
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
    taken(turn, "fact.set", command, f"fact.{name} is {value!r:.80}{span}, says {by(command)}", {})


def _activate(turn: Turn, command: Command, library: Mapping[str, RuleSet]) -> None:
    version = text(command, "version")
    if version not in library:
        raise Refused(f"no rule set {version!r} is loaded here")
    known = turn.state.rows.get("rules")
    if known is not None and known["version"] == version:
        return
    before, present = turn.ruleset.by_name if known is not None else {}, turn.ruleset
    after = library[version].by_name
    turn.state.put("rules", {"version": version})
    turn.ruleset = library[version]
    lifecycle.reconsider(turn, present)
    migrate(turn)
    seam.reactivated(turn)
    added, gone = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    changed = sorted(name for name in after.keys() & before.keys() if after[name].version != before[name].version)
    because = (
        f"{len(after)} rules in force by {by(command)}: {len(added)} new, {len(changed)} changed, {len(gone)} gone"
    )
    taken(turn, "rules.activated", command, because, {"added": added, "changed": changed, "removed": gone})


_ACTS: dict[str, Callable[[Turn, Command], None]] = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "separate": _separate,
    "feedback": _feedback,
    "outcome": _outcome,
    "silence": silencing.silence,
    "expire_silence": silencing.expire,
    "set_fact": _set_fact,
}
