"""How the analyst writes: outside text always inside a code span, times and counts in one form."""

import re

from playbooks.untrusted import quote
from schemas import to_rfc3339

_NAME = re.compile(r"[A-Za-z0-9_.:/@-]{1,100}")


def tick(text: str, limit: int = 140) -> str:
    """Outside text as a code span on one line that nothing in it can leave."""
    return str(quote(text, limit))


def is_name(text: str) -> bool:
    """Whether it can be the name of a host, service or file, and nothing else."""
    return _NAME.fullmatch(text) is not None


def clock(moment: int) -> str:
    """`2026-11-21 10:00 UTC`."""
    try:
        return to_rfc3339(moment)[:16].replace("T", " ") + " UTC"
    except (OverflowError, ValueError):
        return "an unreadable time"


def count(number: int, noun: str) -> str:
    """`1 signal`, `12 signals`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: list[str], limit: int = 4) -> str:
    """`a`, `b` and 3 more, each as a code span."""
    shown = [tick(name, 60) for name in names[:limit]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
