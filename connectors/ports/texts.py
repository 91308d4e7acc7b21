"""Texts cut and masked for tool results: what varies from one occurrence to the next becomes a placeholder."""

import re
from functools import lru_cache

from schemas.masks import masked

_WORD = re.compile(r"<[a-z]+>|[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words of the masked text, camel case and underscores taken apart beside the whole word. Remembered: the same
    incidents are compared again and again."""
    found: list[str] = []
    for word in _WORD.findall(masked(text)):
        found.append(word.lower())
        parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", word)
        if len(parts) > 1 and not word.startswith("<"):
            found += (part.lower() for part in parts)
    return tuple(found)


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters, a cut shown by an ellipsis; characters JSON cannot carry are replaced."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
