"""A rule fires for a group: its incident takes the signal in, its facts are set, rules that have it as a step will hear of it."""

from collections.abc import Sequence

from rules import lifecycle
from rules.correlation import joining
from rules.incidents import group_suffix
from rules.match import facts
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.turn import Turn
from rules.windows import Filled

_KEPT = (
    *(
        "id",
        "source",
        "instance",
        "type",
        "status",
        "severity",
        "title",
        "service",
        "environment",
        "labels",
        "measures",
    ),
    *("links", "occurred_at", "received_at", "occurrence_id", "group_key", "rehearsal", "trace", "occurred_micros"),
    *("expires_micros", "annotations", "owner"),
)


def name_of(rule: CompiledRule, values: Sequence[str], fields: Fields) -> str:
    """The name of a group within the state, without its kind; rehearsals never share one with what is real."""
    return f"{'rehearsal:' if fields.get('rehearsal') else ''}{rule.name}{group_suffix(values)}"


def essence(fields: Fields) -> Fields:
    """What an incident is made of, to be kept until a deadline at which no signal comes."""
    return {name: fields[name] for name in _KEPT if name in fields}


def fire(
    turn: Turn,
    rule: CompiledRule,
    name: str,
    values: Sequence[str],
    fields: Fields,
    moment: int,
    filled: Filled | None,
    *,
    fired: bool = True,
) -> None:
    """`filled`: what several signals came to; None where one is enough. Without `fired`, the signal only joins what is open."""
    if rule.ways and joining.left_out(rule, fields) is not None:
        turn.count("background", fields["id"], rule.name)
        return
    if rule.rule.opens:
        lifecycle.take_in(turn, rule, f"group/{name}", values, fields, moment, filled)
    else:
        turn.count("step", fields["id"], rule.name)
    if not fired:
        return
    if rule.matching.facts:
        facts.establish(turn, rule, fields)
    if rule.name in turn.ruleset.followers:
        turn.chain.append((rule, fields, moment))
