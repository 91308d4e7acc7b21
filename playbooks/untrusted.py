"""Text from outside made harmless in Markdown: fenced, quoted or escaped, and never left raw."""

import re
import unicodedata

_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_SPAN = re.compile(r"`[^`\n]+`")
_SPECIAL = re.compile(r"[\\`*\[\]<>|~#!]|(?<!\w)_|_(?!\w)|(?<!\w)@(?=\w)")
_BLOCK = re.compile(r"^(\s*)(\d+)([.)])(?=\s)|^(\s*)([-+=])")


class Safe(str):
    """Markdown that may stand as it is."""

    __slots__ = ()


def clean(text: str) -> str:
    """Without control, format (bidirectional overrides, zero-width) and surrogate characters; line ends become `\\n`."""
    text = text.replace("\r\n", "\n")
    text = _BREAKS.sub(lambda found: "\n" * max(1, found.group().count("\n")), text)
    return "".join(
        char
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, a cut shown by an ellipsis."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def line(text: object, limit: int = 200) -> str:
    """One line of plain text, cleaned and clipped: for titles and other places that are not Markdown."""
    return clip(_SPACES.sub(" ", clean(str(text))).strip(), limit)


def quote(text: object, limit: int = 200) -> Safe:
    """A code span on one line. Backticks inside become apostrophes, so that nothing can leave it; a bar is safe in a table."""
    inner = line(text, limit).replace("`", "'").replace("|", "\N{BROKEN BAR}")
    return Safe(f"`{inner}`") if inner else Safe("`(empty)`")


def fence(text: object, limit: int = 4000, language: str = "text") -> Safe:
    """A fenced block longer than any run of backticks inside; clipped visibly."""
    inner = clean(str(text))
    if len(inner) > limit:
        inner = f"{inner[:limit]}\n… ({len(inner) - limit} more characters)"
    longest = max((len(run) for run in re.findall(r"`+", inner)), default=0)
    ticks = "`" * max(3, longest + 1)
    return Safe(f"{ticks}{language}\n{inner}\n{ticks}")


def escape(text: str) -> Safe:
    """Plain text as Markdown that shows it literally: no emphasis, link, heading, list, HTML or mention comes out of it."""
    one = _SPACES.sub(" ", clean(text))
    one = _SPECIAL.sub(lambda found: "\\" + found.group() if found.group() != "@" else "@\N{WORD JOINER}", one)
    one = re.sub(r"\b(https?|ftp|mailto|www)(?=:|\.)", "\\1\N{WORD JOINER}", one)
    return Safe(
        _BLOCK.sub(
            lambda found: (
                found.group(1) + found.group(2) + "\\" + found.group(3)
                if found.group(2)
                else f"{found.group(4)}\\{found.group(5)}"
            ),
            one,
        )
    )


def prose(text: object) -> Safe:
    """A sentence of the analyst: code spans stay (outside text stands in them), everything around them is escaped."""
    cleaned = _SPACES.sub(" ", clean(str(text)))
    out: list[str] = []
    at = 0
    for span in _SPAN.finditer(cleaned):
        out += (escape(cleaned[at : span.start()]), span.group())
        at = span.end()
    out.append(escape(cleaned[at:]))
    return Safe("".join(out))


def link(url: object, title: object = "") -> Safe:
    """A Markdown link; a URL that is not plain http(s) is shown as a code span instead."""
    address = str(url).strip()
    if not re.fullmatch(r"https?://[^\s<>()\[\]\"'`\\]{1,2000}", address):
        return quote(address, 300)
    label = escape(line(title or address, 120))
    return Safe(f"[{label}]({address})")
