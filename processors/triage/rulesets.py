"""Rule sets kept beside the inputs, so that each input is decided by the rules that were in force when it came."""

import logging
from collections.abc import Iterable

import orjson

from connectors.ports.journal import INPUTS, Entry, Journal, Unit, recorded
from rules.engine import Engine
from rules.load import RulesInvalid, unpack
from rules.ruleset import RuleSet
from rules.state import State
from schemas.command import Command
from schemas.ids import digest

SPACE = "rules"
"""Rule sets by version, as `RuleSet.packed` writes them."""
_log = logging.getLogger(__name__)


def activate(unit: Unit, ruleset: RuleSet, *, author: str, reason: str, origin: str, at: int) -> Command:
    """Keep a rule set and ask for its activation, in a unit of work; the command is in force from its place in the inputs on."""
    command = Command(
        id=digest("cmd", "activate_rules", ruleset.version, at),
        kind="activate_rules",
        author=author,
        reason=reason,
        origin=origin,
        at=at,
        data={"version": ruleset.version},
    )
    unit.put(SPACE, ruleset.version, ruleset.packed())
    unit.append(INPUTS, recorded(command))
    return command


async def fetch(journal: Journal, engine: Engine, version: str) -> bool:
    """Make a kept rule set known to the engine; False when it is not kept, or no longer read by this version."""
    if engine.knows(version):
        return True
    packed = await journal.get(SPACE, version)
    if packed is None:
        return False
    try:
        engine.offer(unpack(packed))
    except RulesInvalid as error:
        _log.error("the rules %s, in force before, cannot be read any more: %s", version, error)
        return False
    return True


async def fetch_asked_for(journal: Journal, engine: Engine, entries: Iterable[Entry]) -> None:
    """Make known the rule sets that commands among the entries activate."""
    for entry in entries:
        if entry.kind == "command" and b"activate_rules" in entry.payload:
            try:
                version = orjson.loads(entry.payload)["data"]["version"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
            if isinstance(version, str):
                await fetch(journal, engine, version)


def in_force(state: State) -> str | None:
    """The version that the state says is in force; None before the first activation."""
    row = state.rows.get("rules")
    return None if row is None else str(row["version"])
