"""Reloading the rules of a running program: all of them, or, when there is a fault, none."""

import structlog

from processors.triage.rulesets import activate
from tocsin.compose import Program, load_rules

log = structlog.get_logger("tocsin")


async def reload_rules(program: Program, *, author: str, origin: str) -> str:
    """Read the rule files again and ask for their activation by a recorded command; returns the version.

    What is accepted before the command is decided by the rules before, what comes after it by the new ones; rules that did not change
    keep their state. Raises RulesInvalid with every fault and OSError: then the rules in force stay in force. Playbooks are not read
    again. Raises Busy and Unavailable.
    """
    ruleset = load_rules(program.loaded, program.library)
    async with program.journal.unit() as unit:
        activate(
            unit,
            ruleset,
            author=author,
            reason="the rule files were read again",
            origin=origin,
            at=program.journal.now(),
        )
    log.info("rules reloaded", version=ruleset.version, rules=len(ruleset.rules), by=author)
    return ruleset.version
