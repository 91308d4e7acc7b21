"""Quotes: what recorded steps and signals say word for word, so that every claim can be looked up."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas import Evidence, Signal, Step

QUOTED = 240
"""Characters of a quote; it is a prefix of what was said, never a paraphrase."""
_MAX_LEAVES = 20_000


class Sources:
    """Steps and signals by id, with every text they hold."""

    def __init__(self, steps: Sequence[Step], signals: Sequence[Signal]) -> None:
        self._texts: dict[str, tuple[str, ...]] = {}
        for step in steps:
            self._texts[step.id] = tuple(leaves([step.result, step.error]))
        for signal in signals:
            self._texts[signal.id] = tuple(leaves([signal.title, signal.body, dict(signal.labels), signal.raw]))
        self._dumps = {step.id: _dump(step.result) for step in steps}

    def knows(self, cited: str) -> bool:
        """Whether there is a step or signal of that id."""
        return cited in self._texts

    def holds(self, cited: str, quote: str) -> bool:
        """Whether the quote stands there word for word: within one text, or within a step's result written as JSON."""
        if not quote.strip() or cited not in self._texts:
            return False
        return any(quote in text for text in self._texts[cited]) or quote in self._dumps.get(cited, "")

    def evidence(self, cited: str, text: str, says: str) -> Evidence | None:
        """Evidence quoting the first line of `text`, or None when it does not stand there."""
        quote = next((row.strip() for row in text.split("\n") if row.strip()), "")[:QUOTED].strip()
        return Evidence(cites=cited, quote=quote, says=says) if self.holds(cited, quote) else None

    def first(self, options: Iterable[tuple[str, str]], says: str) -> Evidence | None:
        """Evidence of the first (id, text) that can be quoted."""
        return next((made for cited, text in options if (made := self.evidence(cited, text, says)) is not None), None)


def leaves(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value, keys left out."""
    waiting = [value]
    count = 0
    while waiting and count < _MAX_LEAVES:
        node = waiting.pop()
        count += 1
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            waiting += reversed(list(node.values()))
        elif isinstance(node, (list, tuple)):
            waiting += reversed(node)
        elif isinstance(node, (int, float)) and not isinstance(node, bool):
            yield str(node)


def _dump(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return ""
