"""How bad: five steps, and what the words of vendors mean in them."""

from typing import Literal, get_args

Severity = Literal["critical", "error", "warning", "info", "debug"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From worst to least."""

_RANK: dict[str, int] = {name: len(SEVERITIES) - index for index, name in enumerate(SEVERITIES)}

_WORDS: dict[str, Severity] = {
    **dict.fromkeys(
        (
            "critical",
            "crit",
            "fatal",
            "urgent",
            "emergency",
            "emerg",
            "panic",
            "alert",
            "page",
            "p1",
            "sev1",
            "disaster",
        ),
        "critical",
    ),
    **dict.fromkeys(("error", "err", "high", "p2", "sev2", "major"), "error"),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "average", "p3", "sev3", "minor"), "warning"),
    **dict.fromkeys(
        ("info", "information", "informational", "notice", "low", "p4", "p5", "sev4", "sev5", "none", "ok", "normal"),
        "info",
    ),
    **dict.fromkeys(("debug", "trace", "verbose"), "debug"),
}


def severity_of(word: object) -> Severity | None:
    """The severity a vendor's word means, in any case; None for a word nobody taught us (callers count it and use `info`)."""
    return _WORDS.get(str(word).strip().lower()) if word is not None else None


def severity_rank(severity: str) -> int:
    """5 for critical down to 1 for debug; 0 for anything else."""
    return _RANK.get(severity, 0)
