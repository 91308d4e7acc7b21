"""Texts of which what varies from one occurrence to the next is a placeholder."""

import re

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"), "<mail>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.I), "<hex>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b", re.I), "<hex>"),
    (re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?=(?:ms|s|m|h|%|[KMG]i?B|B)?\b)"), "<n>"),
    (re.compile(r"(?<=[A-Za-z_/-])\d+\b"), "<n>"),
)
MASKED = 2000
"""Characters of a text that are looked at; what comes after says little about what it is."""


def masked(text: str) -> str:
    """The text with numbers, times, addresses and ids as placeholders, spaces collapsed, at most 2,000 characters of it."""
    text = text[:MASKED]
    for pattern, placeholder in _MASKS:
        text = pattern.sub(placeholder, text)
    return " ".join(text.split())
