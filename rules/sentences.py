"""Why something was decided, in one sentence for a tired person."""

from collections.abc import Sequence

from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.state import Row
from rules.windows import Filled, Window
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
        for path, value in zip(rule.group_names, values, strict=True)
        if value
    ]
    return ", ".join([f"rule {rule.name}", *named])


def fired(rule: CompiledRule, values: Sequence[str], fields: Fields, filled: Filled | None) -> str:
    if filled is not None and filled.why:
        return f"{filled.why} ({who(rule, values)})"
    if filled is None or rule.matching.window is None:
        return f"{what(rule, fields)} ({who(rule, values)})"
    return f"{measured(rule.matching.window, filled)} ({who(rule, values)})"


def what(rule: CompiledRule, fields: Fields, number: int = 1) -> str:
    """What a signal is; of a window's, how many there were."""
    if rule.matching.window is None:
        return f"{fields['severity']} {fields['type']} {short(fields['title'], 80)!r}"
    return measured(rule.matching.window, Filled(number, True, number=number))


def measured(window: Window, filled: Filled) -> str:
    """What a window came to, and what was asked for."""
    match, kind = window.match, window.match.kind
    span = show_span(match.within)
    found = f"{filled.count:.15g}"
    signals = "1 signal" if filled.count == 1 else f"{found} signals"
    if kind in ("count", "rate"):
        asked = f"count {match.count}" if kind == "count" else f"rate {match.rate} a second"
        return f"{signals} in {span} reached {asked}"
    if kind == "distinct":
        return f"{found} different values of {match.value} in {span} reached {match.compared}"
    named = f"percentile {match.p:.15g}" if match.p is not None else kind
    return f"{named} of {match.value} in {span} is {found}, which is {match.compared}"


def again(reason: str, since: int) -> str:
    return f"{reason}; it fires again {about(since)} after it was resolved"


def anew(reason: str, episode: int, since: int | None) -> str:
    if since is None:
        return f"{reason}; the problem's episode {episode}"
    return f"{reason}; the last episode was resolved {about(since)} ago, this is number {episode}"


def more(row: Row) -> str:
    if "members" in row.get("pending", ()):
        return belonging(row)
    fresh = "1 more signal" if row["unsaid"] == 1 else f"{row['unsaid']} more signals"
    return f"{fresh}, {row['n']} in all; {len(row['firing'])} firing"


def belonging(row: Row) -> str:
    """How many others an incident tells of, and where they seem to have begun."""
    number, root = len(row["members"]), row.get("root")
    if not number:
        return "no other incident belongs to it any more"
    others = "1 other incident belongs" if number == 1 else f"{number} other incidents belong"
    begun = f"; it seems to have begun in {root['service']}" if root is not None else ""
    why = f": {', '.join(root['because'])}" if root is not None and root["because"] else ""
    return f"{others} to it{begun}{why}" if "leads" in row else f"{number} groups are of this storm"


def fewer(row: Row) -> str:
    return f"something of it is over; {len(row['firing'])} still firing"


def worse(fields: Fields, before: str, after: str) -> str:
    return f"severity rose from {before} to {after} with {short(fields['title'], 80)!r}"


def resolved_by_signal(fields: Fields, row: Row) -> str:
    return f"{fields['source']} says {short(fields['title'], 80)!r} is resolved; nothing of this incident fires any more ({_signals(row)})"


def expired(row: Row, number: int) -> str:
    what = "what fired was" if number == 1 else f"the {number} that fired were"
    return f"{what} not renewed before expiring, which counts as resolved ({_signals(row)})"


def quiet(row: Row, after: int) -> str:
    return f"no new signal for {show_span(after)} (resolve_after of rule {row['rule']}); {_signals(row)} in all"


def _signals(row: Row) -> str:
    return f"{row['n']} signal{'' if row['n'] == 1 else 's'}"


def skipped(row: Row, playbook: str | None, reason: str) -> str:
    return _SKIPPED[reason].format(rule=row["rule"], playbook=playbook)


def selected(row: Row, playbook: str | None) -> str:
    return f"rule {row['rule']} asks for playbook {playbook}: {row['severity']} {short(row['title'], 80)!r}"
