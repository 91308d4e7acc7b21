"""Markdown that says exactly what was meant: text from outside inside it stays text."""

import re

MARKER = re.compile(r"tocsin:incident=([A-Za-z0-9_.-]{1,80})")
"""Stands in the last line of everything we write into Linear: how it is recognised when it comes back."""

_RUNS = re.compile(r"`+")
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>|~!#$@&])")
_LINE_START = re.compile(r"(?m)^(\s*)([-+=]|\d+(?=[.)]))")
_BARE_URL = re.compile(r"(?i)\b(https?|mailto|ftp)(?=:)|\bwww(?=\.)")


def quote(text: str, language: str = "") -> str:
    """A fenced block holding `text` word for word: the fence is longer than any run of backticks inside, so nothing in it is
    Markdown, a mention or HTML."""
    longest = max((len(run.group()) for run in _RUNS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def code(text: str) -> str:
    """`text` on one line as inline code, word for word but for line breaks, which become spaces."""
    flat = " ".join(visible(text).split())
    longest = max((len(run.group()) for run in _RUNS.finditer(flat)), default=0)
    if not flat:
        return "` `"
    ticks = "`" * (longest + 1)
    edge = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{ticks}{edge}{flat}{edge}{ticks}"


def escape(text: str) -> str:
    """`text` on one line so that it reads the same and means nothing: no emphasis, link, heading, list, mention or HTML.

    A mention (`@name`) and a bare address are broken by a word joiner (U+2060), which is not seen.
    """
    flat = " ".join(visible(text).split())
    escaped = _ACTIVE.sub(r"\\\1", flat).replace("\\@", "@\u2060")
    escaped = _BARE_URL.sub(lambda found: f"{found.group()}\u2060", escaped)
    return _LINE_START.sub(
        lambda found: (
            f"{found.group(1)}\\{found.group(2)}" if not found.group(2).isdigit() else f"{found.group()}\u2060"
        ),
        escaped,
    )


def link(title: str, url: str) -> str:
    """A link with an escaped title; an address that is not http or https is shown as code instead."""
    if not url.startswith(("http://", "https://")):
        return f"{escape(title)}: {code(url)}"
    safe = re.sub(r"[\s<>()\\`]", lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), url)
    return f"[{escape(title)}]({safe})"


def footer(incident_id: str) -> str:
    """The last line of what we write: the marker, seen by people and surviving Linear's editor as inline code."""
    return f"—\n`tocsin:incident={incident_id}`"


def marked(text: object) -> str | None:
    """The incident our footer names, when `text` ends in one (inline code or an HTML comment in the last line); else None."""
    if not isinstance(text, str):
        return None
    lines = text.rstrip().rsplit("\n", 1)
    found = MARKER.search(lines[-1]) if len(lines[-1]) <= 200 else None
    return found.group(1) if found else None


def one_line(text: str, longest: int) -> str:
    """`text` on one line, at most `longest` characters, the cut marked by an ellipsis."""
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Without control characters other than line breaks and tabs, and without the invisible ones that turn text around."""
    return "".join(
        c for c in text.replace("\r\n", "\n").replace("\r", "\n")
        if c in "\n\t" or (c >= " " and c != "\x7f" and c not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    )  # fmt: skip
