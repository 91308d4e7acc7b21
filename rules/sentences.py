"""Why something was decided, in one sentence for a tired person."""

from collections.abc import Sequence

from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.windows import Filled
from schemas.spans import about, show_span

_SKIPPED = {
    "none_named": "no investigation: the rule {rule} names no playbook",
    "shadow": "no investigation: the rule {rule} is on trial (shadow), it would have asked for {playbook}",
    "running": "no second investigation: one by {playbook} is running",
}


def short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def who(rule: CompiledRule, values: Sequence[str]) -> str:
    """The rule and the values that make the group; those it lacks are left out."""
    named = [
        # An expression says less than its value.
        f"{path}={short(value, 48)}" if path.replace(".", "").isidentifier() else short(value, 48)
        for path, value in zip(rule.rule.group_by, values, strict=True)
        if value
    ]
    return ", ".join([f"rule {rule.name}", *named])


def fired(rule: CompiledRule, values: Sequence[str], fields: Fields, filled: Filled | None) -> str:
    if filled is None or rule.rule.match is None:
        return f"{fields['severity']} {fields['type']} {short(fields['title'], 80)!r} ({who(rule, values)})"
    match = rule.rule.match
    signals = "1 signal" if filled.count == 1 else f"{filled.count} signals"
    return f"{signals} in {show_span(match.within)} reached count {match.count} ({who(rule, values)})"


def again(reason: str, since: int) -> str:
    return f"{reason}; it fires again {about(since)} after it was resolved"


def anew(reason: str, episode: int, since: int | None) -> str:
    if since is None:
        return f"{reason}; the problem's episode {episode}"
    return f"{reason}; the last episode was resolved {about(since)} ago, this is number {episode}"


def more(row: Row) -> str:
    fresh = "1 more signal" if row["unsaid"] == 1 else f"{row['unsaid']} more signals"
    return f"{fresh}, {row['n']} in all; {len(row['firing'])} firing"


def fewer(row: Row) -> str:
    return f"something of it is over; {len(row['firing'])} still firing"


def worse(fields: Fields, before: str, after: str) -> str:
    return f"severity rose from {before} to {after} with {short(fields['title'], 80)!r}"


def resolved_by_signal(fields: Fields, row: Row) -> str:
    return f"{fields['source']} says {short(fields['title'], 80)!r} is resolved; nothing of this incident fires any more ({row['n']} signals)"


def expired(row: Row, number: int) -> str:
    what = "what fired was" if number == 1 else f"the {number} that fired were"
    return f"{what} not renewed before expiring, which counts as resolved ({row['n']} signals)"


def quiet(row: Row, after: int) -> str:
    return f"no new signal for {show_span(after)} (resolve_after of rule {row['rule']}); {row['n']} signals in all"


def skipped(row: Row, playbook: str | None, reason: str) -> str:
    return _SKIPPED[reason].format(rule=row["rule"], playbook=playbook)


def selected(row: Row, playbook: str | None) -> str:
    return f"rule {row['rule']} asks for playbook {playbook}: {row['severity']} {short(row['title'], 80)!r}"
